// The condition bench: a cloud of runs, and those that agree with the scale.


const OUTSIDE = 1e3; // further out than any axis

/** Which runs read what the scale did, give or take the window. */
const agrees = ({ measurement, window }) => (reading) => Math.abs(reading - measurement) < window;

/** The runs that agree, or those that do not: weights and readings. */
function sieved(it, kept) {
  const reading = it.column("measurement");
  const agree = reading.map(agrees(it.settings));
  return [it.column("weight"), reading].map((column) => column.filter((_, n) => agree[n] === kept));
}

ANSWERS.conditioning = {
  frame(it) {
    const { measurement, window } = it.settings;
    const { weight, density } = it.ranges;
    const kept = sieved(it, true);
    return {
      "runs.slice": zone(-OUTSIDE, OUTSIDE, measurement - window, measurement + window),
      "runs.reading": level(weight, measurement),
      "runs.measurement": [[0.03 * weight[0] + 0.97 * weight[1]], [measurement]],
      "kept.limit": belief(it.facts.limit, weight, density[1]),
      "kept.exact": it.curve("kept.exact", weight),
      "runs.other": pairs(...sieved(it, false)),
      "runs.kept": pairs(...kept),
      "kept.draws": bars(kept[0], weight),
    };
  },

  texts(it) {
    const { share, mean, limit } = it.facts;
    const [kept] = sieved(it, true);
    const measurement = fixed(it.settings.measurement);
    const ledger = fill(it.case.ledger, { measurement });
    const found = { kept: count(kept.length), num: count(it.column("measurement").length), share: percent(share[0]), ledger };
    const seen = kept.length ? fixed(average(kept)) : it.say("caption.nothing");
    return {
      runs: it.say("caption.runs", found),
      kept: it.say("caption.window", { mean: seen, exact: fixed(mean[0]), limit: normal(limit) }),
      "label:runs.reading": it.say("trace.reading_value", { value: setting(it.settings.measurement) }),
      "alt:runs": it.say("alt.runs", { summary: it.summary }),
      "alt:kept": it.say("alt.kept", { summary: it.summary }),
    };
  },

  tell(it) {
    const [kept] = sieved(it, true);
    const num = count(it.column("measurement").length);
    const said = { kept: count(kept.length), num, share: percent(it.facts.share[0]), exact: fixed(it.facts.mean[0]), source: closed(it) };
    if (!kept.length) return it.say("conditioning.none", said);
    return it.say("conditioning.told", { mean: fixed(average(kept)), ...said });
  },
};

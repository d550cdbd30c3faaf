// The proposal lab: sized dots, an envelope with points under it, a chain; one gauge.


const SIZES = 5; // of dots, from the lightest fifth to the heaviest draw
const NEWEST = 250; // draws that are shown as dots of these sizes
const GOLDEN = 0.6180339887; // its multiples fall evenly between 0 and 1
const GAUGE = 300; // points of the gauge's line

const guide = ({ settings }) => [settings.a, settings.b];

/** What the gauge reads after each draw: ESS / N, or a share. */
function gauge(it) {
  const accepted = it.draws.accepted;
  if (accepted) return running(accepted).map((sum, n) => sum / (n + 1));
  const weights = weightsOf(it.column("log_weight"));
  const squares = running(weights.map((w) => w * w));
  return running(weights).map((sum, n) => (squares[n] > 0 ? (sum * sum) / squares[n] : 1) / (n + 1));
}

/** The draws that stand for the posterior, and their weights if they have any. */
function standing(it) {
  const weight = it.column("weight");
  if (it.draws.log_weight) return [weight, weightsOf(it.draws.log_weight)];
  if (it.draws.height) return [weight.filter((_, n) => it.draws.accepted[n]), null];
  return [weight, null];
}

const USES = {
  importance(it) {
    const [weight, logs] = ["weight", "log_weight"].map((name) => it.column(name).slice(-NEWEST));
    const largest = logs.reduce((high, x) => Math.max(high, x), -Infinity);
    const sizes = logs.map((log) => Math.min(Math.floor(SIZES * Math.exp(0.5 * (log - largest))), SIZES - 1));
    const first = it.step - weight.length;
    const height = weight.map((x, n) => bell(guide(it), x) * (((first + n) * GOLDEN) % 1));
    const points = {};
    for (let k = 0; k < SIZES; k++) {
      points[`use.dots${k}`] = [weight, height].map((column) => column.filter((_, n) => sizes[n] === k));
    }
    [points["use.a"], points["use.b"]] = held(guide(it));
    points["use.guide"] = belief(guide(it), it.ranges.weight, it.ranges.density[1]);
    points["use.exact"] = belief(it.facts.posterior, it.ranges.weight, it.ranges.density[1]);
    return points;
  },

  rejection(it) {
    const { evidence: [evidence], lift: [lift], posterior } = it.facts;
    const [weight, height, accepted] = ["weight", "height", "accepted"].map((name) => it.column(name));
    const where = (kept) => pairs(...[weight, height].map((column) => column.filter((_, n) => Boolean(accepted[n]) === kept)));
    const raised = (what, log) => {
      const [x, y] = belief(what, it.ranges.weight, 1);
      return [x, y.map((up) => up * Math.exp(log))];
    };
    return {
      "use.refused": where(false),
      "use.kept": where(true),
      "use.joint": raised(posterior, evidence),
      "use.envelope": evidence + lift < 50 ? raised(guide(it), evidence + lift) : NOTHING,
    };
  },

  chain(it) {
    const ends = it.ranges.ago;
    const most = ends[1] - ends[0];
    const [weight, proposal, accepted] = ["weight", "proposal", "accepted"].map((name) => it.column(name).slice(-most));
    const [mean, sd] = it.facts.posterior;
    const ago = weight.map((_, n) => n + 1 - weight.length);
    const twice = (values) => values.flatMap((value) => [value, value]);
    const refused = (column) => column.filter((_, n) => !accepted[n]);
    return {
      "use.band": zone(...ends, mean - 2 * sd, mean + 2 * sd),
      "use.refused": pairs(refused(ago), refused(proposal)),
      "use.mean": level(ends, mean),
      "use.path": [twice(ago).slice(1), twice(weight).slice(0, -1)],
    };
  },
};

ANSWERS.proposing = {
  frame(it) {
    const { weight, density, draw } = it.ranges;
    const seen = gauge(it);
    const every = evenly([0, seen.length - 1], GAUGE).map(Math.trunc);
    const steps = seen.length ? [...new Set(every)] : [];
    const [values, weights] = standing(it);
    return {
      ...USES[it.settings.tab](it),
      "posterior.exact": belief(it.facts.posterior, weight, density[1]),
      "posterior.draws": bars(values, weight, weights),
      "gauge.exact": level(draw, it.facts.share[0]),
      "gauge.seen": [steps.map((n) => n + 1), steps.map((n) => seen[n])],
    };
  },

  texts(it) {
    const { tab } = it.settings;
    const seen = gauge(it);
    const exact = percent(it.facts.share[0]);
    const now = seen.length ? percent(seen.at(-1)) : it.say("caption.no_draws");
    const [values, weights] = standing(it);
    const mean = values.length ? fixed(average(values, weights)) : it.say("caption.nothing");
    const perfect = fixed(it.facts.posterior[0]);
    const alt = { importance: "alt.importance", rejection: "alt.rejection", chain: "alt.chain" }[tab];
    const texts = {
      posterior: it.say("caption.kept", { mean, exact: perfect }),
      gauge: it.say("caption.gauge", { seen: now, exact }),
      "label:gauge.exact": it.say("trace.exact_value", { value: exact }),
      "label:gauge.seen": seen.length ? now : "",
      "alt:use": it.say(alt, { summary: it.summary }),
      "alt:gauge": it.say("alt.gauge", { seen: now, exact }),
      use: "",
    };
    if (tab === "importance") {
      const tail = it.facts.tail[0];
      if (tail > 0) texts.gauge += ` · ${it.say("caption.tail", { k: fixed(tail) })}`;
      if (seen.length) texts.use = weighed(it);
    }
    if (tab === "chain") texts["label:use.mean"] = it.say("trace.exact_value", { value: perfect });
    return texts;
  },

  tell(it) {
    const { tab } = it.settings;
    const seen = gauge(it);
    const quadrature = () => it.say("source.quadrature");
    const said = { num: count(seen.length), exact: percent(it.facts.share[0]), source: tab === "chain" ? quadrature() : closed(it) };
    if (!seen.length) return it.say("proposing.none", said);
    const told = { seen: percent(seen.at(-1)), ...said };
    if (tab !== "importance") return it.say({ rejection: "proposing.rejection", chain: "proposing.chain" }[tab], told);
    const k = paretoK(it.draws.log_weight);
    const written = k === -Infinity ? it.say("proposing.equal") : fixed(k);
    return it.say("proposing.importance", { k: written, evidence: weighed(it), ...told });
  },
};

/** The mean weight, beside what it estimates. */
function weighed(it) {
  const mean = average(it.draws.log_weight.map(Math.exp));
  return it.say("proposing.evidence", { mean: fixed(mean, 4), evidence: fixed(Math.exp(it.facts.evidence[0]), 4) });
}

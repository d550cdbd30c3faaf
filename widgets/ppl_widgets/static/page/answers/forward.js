// The forward machine: runs that fall from the guess to the weight to the reading.


const PATHS = 80;
const FLOORS = { weight: "fall.weight", measurement: "fall.measurement" };

/** From the guess to the weight to the reading, a gap between two runs. */
function paths(guess, weight, measurement) {
  const across = [];
  const up = [];
  weight.forEach((x, n) => {
    across.push(guess, x, measurement[n], NaN);
    up.push(2, 1, 0, NaN);
  });
  return [across.slice(0, -1), up.slice(0, -1)];
}

ANSWERS.forward = {
  frame(it) {
    const [weight, measurement] = [it.column("weight"), it.column("measurement")];
    const before = [weight, measurement].map((column) => column.slice(-PATHS - 1, -1));
    const points = {
      "runs.past": paths(it.settings.guess, ...before),
      "runs.newest": paths(it.settings.guess, weight.slice(-1), measurement.slice(-1)),
    };
    for (const [site, column] of Object.entries({ weight, measurement })) {
      const newest = column.slice(-1);
      points[`${site}.exact`] = belief(it.facts[site], it.ranges.kg, it.ranges.density[1]);
      points[`${site}.draws`] = bars(column, it.ranges.kg);
      points[`${site}.newest`] = [newest, newest.map((value) => fixed(value))];
    }
    return points;
  },

  texts(it) {
    const newest = Object.fromEntries(["weight", "measurement"].map((site) => [site, it.column(site).at(-1)]));
    const fall = () => it.say("caption.fall", { weight: fixed(newest.weight), measurement: fixed(newest.measurement) });
    const texts = { "alt:runs": it.say("alt.fall", { summary: it.summary }), runs: it.step ? fall() : "" };
    for (const site of ["weight", "measurement"]) {
      const column = it.column(site);
      const exact = normal(it.facts[site]);
      const seen = column.length > 1 ? normal([average(column), deviation(column)]) : "";
      texts[`label:${site}.exact`] = it.say("trace.exact_value", { value: exact });
      texts[site] = seen && it.say("caption.site", { seen });
      texts[`alt:${site}`] = it.say("alt.site", { site: it.say(FLOORS[site]), seen, exact });
    }
    return texts;
  },

  tell(it) {
    const readings = it.column("measurement");
    const exact = { exact: normal(it.facts.measurement), source: closed(it) };
    if (readings.length < 2) return it.say("forward.few", exact);
    const seen = { num: count(readings.length), mean: fixed(average(readings)), sd: fixed(deviation(readings)) };
    return it.say("forward.told", { ...seen, ...exact });
  },
};

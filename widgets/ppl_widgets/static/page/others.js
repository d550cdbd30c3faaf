// What to expect of a run: many real ones that differ from it in nothing but their noise.

const OTHERS = 200; // runs
const CELLS = 100; // points of what they say
const KEPT = 25; // losses of a run that speak for a cell

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** The middle 95 % of some numbers: its lower and its upper end. */
function middle(values) {
  const sorted = Float64Array.from(values).sort();
  return [0.025, 0.975].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
}

class Others {
  runs = 0;

  /** A crowd beside the run of `trained`, a `Trained`, under its present settings. */
  constructor(trained) {
    this.trained = trained;
    const every = Math.max(1, Math.ceil(trained.end / CELLS));
    this.steps = [];
    for (let at = every; at < trained.end; at += every) this.steps.push(at);
    this.steps.push(trained.end);
    const empty = () => this.steps.map(() => []);
    Object.assign(this, { losses: empty(), expected: empty(), tracks: trained.data.params.map(empty) });
  }

  /** Go on for some milliseconds; whether all runs are there. */
  go(milliseconds) {
    const until = performance.now() + milliseconds;
    while (this.runs < OTHERS && performance.now() < until) this.oneMore();
    return this.runs === OTHERS;
  }

  oneMore() {
    const { trained } = this;
    const { step, leaves } = trained.trainer(trained.seed + ++this.runs);
    let before = 0;
    this.steps.forEach((at, cell) => {
      const losses = step.run(at - before);
      const stride = Math.ceil(losses.length / KEPT);
      losses.forEach((loss, n) => n % stride || this.losses[cell].push(loss));
      before = at;
      const found = trained.see(leaves.map((leaf) => leaf[0]));
      this.expected[cell].push(found.floor[0] + found.gap[0]);
      this.tracks.forEach((track, i) => track[cell].push(found.params[i]));
    });
  }

  /** Of loss and parameters: steps, expected values, both ends of the middle 95 %. */
  get courses() {
    const { steps, losses, expected, tracks, trained } = this;
    const course = (centres, spread, start = []) => {
      const ends = spread.map(middle);
      return {
        steps: [...start.map(() => 0), ...steps],
        centre: [...start, ...centres.map(mean)],
        low: [...start, ...ends.map(([low]) => low)],
        high: [...start, ...ends.map(([, high]) => high)],
      };
    };
    const params = trained.data.params.map((name, i) => [name, course(tracks[i], tracks[i], [trained.run.tracks[i][0]])]);
    return { loss: course(expected, losses), ...Object.fromEntries(params) };
  }
}

// What makes the draws of a page: batches of runs as the program's own recording gives them, from the
// stream that the kernel would have used, and what rejection and a chain make of such batches.

const SLACK = 1e-3; // nats that an envelope is higher than it has to be

class Rows {
  /** Runs of a recorded program under these settings; `facts` are the exact answers there. */
  constructor(made, settings, seed, facts) {
    Object.assign(this, { made, facts });
    const { before, inputs, outputs } = made;
    made.Step ??= evaluate(made.text);
    const empty = Object.fromEntries(Object.entries(outputs).map(([name, size]) => [name, new Float64Array(size)]));
    const data = Object.fromEntries(inputs.filter(Boolean).map((name) => [name, [settings[name]]]));
    this.step = new made.Step(empty, data, seed);
    this.random = this.step.random;
    for (const number of before) normals(this.random, number); // by the runs that only look
  }

  /** The next runs: name -> numbers. */
  batch() {
    this.step.run(1);
    const results = Object.values(this.step.state);
    return Object.fromEntries(Object.keys(this.made.outputs).map((name, i) => [name, results[i]]));
  }

  next() {
    return this.batch();
  }
}

class Envelope extends Rows {
  /** Each run at a height under the envelope; kept if the model's curve is higher. */
  next() {
    const { weight, log_p, log_q } = this.batch();
    const log_m = this.facts.evidence[0] + this.facts.lift[0] + SLACK;
    const logs = log_q.map((q) => log_m + q + Math.log(this.random.float64()));
    return { weight, height: logs.map(Math.exp), accepted: logs.map((log, n) => Number(log < log_p[n])) };
  }

  get failed() {
    return this.facts.lift[0] === Infinity;
  }
}

class Chain extends Rows {
  constructor(...given) {
    super(...given);
    this.ahead = this.batch();
    this.now = [this.ahead.weight[0], this.ahead.log_weight[0]];
    this.used = 1;
  }

  /** One proposal, and where the chain is after it. */
  next() {
    if (this.used === this.ahead.weight.length) Object.assign(this, { ahead: this.batch(), used: 0 });
    const proposal = this.ahead.weight[this.used];
    const log = this.ahead.log_weight[this.used++];
    const accepted = this.random.float32() < Math.exp(Math.min(0, log - this.now[1]));
    if (accepted) this.now = [proposal, log];
    return { weight: [this.now[0]], proposal: [proposal], accepted: [Number(accepted)] };
  }
}

const KERNELS = { rows: Rows, envelope: Envelope, chain: Chain };

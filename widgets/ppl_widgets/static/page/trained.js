// A panel that trains in the page: at every move of a slider a whole run, by the program's own step.
//
// Steps, starts and pictures are classes that Python has printed from recordings; here is only what
// stands between them: which run there is, which step of it is shown, and in which words.

const FAR = 1e6; // further out than any axis
const PACE = 500; // steps a second
const POINTS = 3000; // of a line that is drawn

/** From here to there: lowest and highest of some numbers. */
const span = (numbers) => numbers.reduce(([low, high], x) => [Math.min(low, x), Math.max(high, x)], [Infinity, -Infinity]);

/** The highest point of a curve. */
function top([x, y]) {
  const at = y.indexOf(y.reduce((high, one) => Math.max(high, one), -Infinity));
  return [[x[at]], [y[at]]];
}

/** Lowest and highest point of each stretch of a line that is too long to be drawn whole. */
function thinned(x, y) {
  if (x.length <= POINTS) return [x, y];
  const stretch = Math.ceil((2 * x.length) / POINTS);
  const places = [];
  for (let from = 0; from < x.length; from += stretch) {
    let [low, high] = [from, from];
    for (let n = from; n < Math.min(from + stretch, x.length); n++) {
      if (y[n] < y[low]) low = n;
      if (y[n] > y[high]) high = n;
    }
    places.push(Math.min(low, high), Math.max(low, high));
  }
  return [places.map((n) => x[n]), places.map((n) => y[n])];
}

class Trained {
  playing = false;
  notice = "";

  constructor(data) {
    Object.assign(this, { data, seed: data.seed, step: data.step, settings: { ...data.values } });
    this.given = Object.create(this.settings); // the settings, and beside them the leaves
    this.leaves = data.params.map((name) => `leaf ${name}`);
    this.begin = recordedFunction(data.begin);
    this.facts = recordedFunction(data.facts);
    this.curves = recordedFunction(data.curves);
    this.steps = Object.fromEntries(Object.entries(data.steps).map(([rule, it]) => [rule, { ...it, Step: evaluate(it.text) }]));
    this.lookAfresh();
    this.train();
  }

  // ---- a run

  /** Begin a run under the present settings: the step, and where it stands before the first one. */
  trainer(seed) {
    const { Step, state, drawn } = this.steps[this.settings.optimiser];
    const leaves = this.begin(this.settings);
    const start = Object.fromEntries(Object.entries(state).map(([name, at]) => [name, [name in leaves ? leaves[name][0] : at]]));
    const data = Object.fromEntries(Object.entries(this.data.inputs).map(([name, from]) => [name, [this.settings[from]]]));
    const step = new Step(start, data, seed);
    const arrays = Object.values(step.state);
    for (const number of drawn) normals(step.random, number); // by the run that only looks
    const places = Object.keys(state);
    return { step, leaves: this.data.params.map((name) => arrays[places.indexOf(name)]) };
  }

  /** What the picture says of unconstrained parameters. */
  see(leaves, picture = this.facts) {
    this.leaves.forEach((name, i) => (this.given[name] = leaves[i]));
    return picture(this.given);
  }

  /** The whole run, from the first step to the last. */
  train() {
    const began = performance.now();
    const { params } = this.data;
    const last = this.settings.num_steps;
    const { step, leaves } = this.trainer(this.seed);
    const run = { losses: [], leaves: [leaves.map((leaf) => leaf[0])] };
    while (run.losses.length < last) {
      const [loss] = step.run(1);
      if (loss === undefined) break;
      run.losses.push(loss);
      run.leaves.push(leaves.map((leaf) => leaf[0]));
    }
    this.time = performance.now() - began;
    run.tracks = params.map(() => new Float32Array(run.leaves.length));
    run.leaves.forEach((at, n) => {
      const found = this.see(at).params;
      run.tracks.forEach((track, i) => (track[n] = found[i]));
    });
    run.sums = new Float64Array(run.losses.length + 1);
    run.losses.forEach((loss, n) => (run.sums[n + 1] = run.sums[n] + loss));
    const { window } = this.data;
    run.means = Float32Array.from(run.losses, (_, n) => this.average(run, n + 1, window));
    this.run = run;
    this.end = run.losses.length;
    this.step = Math.min(this.step, this.end);
    this.others = this.courses = null;
    this.grow();
  }

  average(run, step, window) {
    const from = Math.max(0, step - window);
    return (run.sums[step] - run.sums[from]) / (step - from);
  }

  /** Go on with runs of other noise for some milliseconds: "busy", "news" to draw, or nothing to do. */
  expect(milliseconds) {
    if (!this.end || this.end < this.settings.num_steps || this.courses) return "";
    this.others ??= new Others(this);
    if (!this.others.go(milliseconds)) return "busy";
    this.courses = this.others.courses;
    return "news";
  }

  // ---- axes: the lesson's own, growing by large steps

  lookAfresh() {
    this.ranges = Object.fromEntries(Object.entries(this.data.axes).map(([name, [lows, highs]]) => [name, [lows[0], highs[0]]]));
    this.ranges.step = [0, this.settings.num_steps];
    this.staged = false;
  }

  grow() {
    const { run } = this;
    const seen = [0, this.end].map((n) => this.see(run.leaves[n])).map(({ floor, gap }) => floor[0] + gap[0]);
    const { floor, perfect, weight, density } = this.see(run.leaves[this.end]);
    const reach = { weight: span(weight), density: span(density), loss: span([...run.means, ...seen, floor[0]]) };
    this.data.params.forEach((name, i) => (reach[name] = span([...run.tracks[i], perfect[i]])));
    for (const [name, [low, high]] of Object.entries(reach)) {
      const [lows, highs] = this.data.axes[name];
      const now = this.ranges[name];
      const ends = [
        lows.find((end) => end <= Math.min(now[0], low)) ?? lows.at(-1),
        highs.find((end) => end >= Math.max(now[1], high)) ?? highs.at(-1),
      ];
      if (ends[0] === now[0] && ends[1] === now[1]) continue;
      this.ranges[name] = ends;
      this.staged = false;
    }
  }

  // ---- what a hand does

  /** A control moves; before the first step the answer is the end of the run. */
  change(name, value) {
    this.notice = "";
    if (name === "shown") {
      this.playing = false;
      this.step = Math.min(value, this.end);
      return;
    }
    this.settings[name] = value;
    this.train();
    if (!this.step && !this.playing) this.step = this.end;
  }

  press(name) {
    const { sentences } = this.data;
    this.notice = "";
    const jump = { step: 1, step100: 100, back: -50 }[name];
    if (jump) {
      this.playing = false;
      this.step = Math.max(0, Math.min(this.end, this.step + jump));
      if (jump < 0) this.notice = fill(sentences.back, { step: count(this.step) });
    } else if (name === "play") {
      this.playing = !this.playing;
      if (this.playing && this.step >= this.end) this.step = 0;
      this.exact = this.step;
    } else {
      if (name === "new") this.seed += 1;
      this.step = 0;
      this.exact = 0;
      this.lookAfresh();
      this.train();
      this.notice = fill(sentences[name], { seed: this.seed });
    }
  }

  /** Play on for so many seconds. */
  tick(seconds) {
    this.exact = Math.min(this.end, this.exact + PACE * seconds);
    this.step = Math.floor(this.exact);
    if (this.step >= this.end) this.playing = false;
  }

  get status() {
    if (this.playing) return "running";
    if (this.step && this.step === this.end) return this.end < this.settings.num_steps ? "failed" : "done";
    return this.step ? "paused" : "idle";
  }

  // ---- what is drawn and written

  get figures() {
    if (this.staged) return {};
    this.staged = true;
    const { figures, plots } = this.data;
    const changed = Object.entries(plots).map(([name, [x, y]]) => {
      const { data, layout } = figures[name];
      const xaxis = { ...layout.xaxis, range: this.ranges[x] };
      const yaxis = { ...layout.yaxis, range: this.ranges[y] };
      return [name, { data, layout: { ...layout, xaxis, yaxis } }];
    });
    return Object.fromEntries(changed);
  }

  get frame() {
    const { run, step } = this;
    const { params } = this.data;
    const { perfect, floor } = this.see(run.leaves[step]);
    const ends = this.ranges.step;
    const steps = Float32Array.from({ length: step + 1 }, (_, n) => n);
    const bells = Object.entries(this.see(run.leaves[step], this.curves));
    const frame = Object.fromEntries(
      bells.map(([uid, xy]) => [uid, [xy.subarray(0, xy.length / 2), xy.subarray(xy.length / 2)]]),
    );
    for (const { uid, meta } of this.data.figures.posterior.data) {
      if (meta.grip) frame[uid] = top(frame[`posterior.${meta.role}`]);
    }
    frame["loss.forbidden"] = [[...ends, ends[1], ends[0]], [-FAR, -FAR, floor[0], floor[0]]];
    frame["loss.draws"] = thinned(steps.subarray(1), run.losses.slice(0, step));
    frame["loss.mean"] = thinned(steps.subarray(1), run.means.subarray(0, step));
    frame["loss.floor"] = [ends, [floor[0], floor[0]]];
    params.forEach((name, i) => {
      frame[`${name}.exact`] = [ends, [perfect[i], perfect[i]]];
      frame[`${name}.learned`] = thinned(steps, run.tracks[i].subarray(0, step + 1));
    });
    for (const name of ["loss", ...params]) {
      const course = this.courses?.[name];
      const both = course && [[...course.steps, ...course.steps.toReversed()], [...course.low, ...course.high.toReversed()]];
      frame[`${name}.expected`] = course ? [course.steps, course.centre] : [[], []];
      frame[`${name}.band`] = both ?? [[], []];
      frame[`${name}.marks`] = [[], []];
    }
    return frame;
  }

  get summary() {
    const { sentences } = this.data;
    const { params, perfect } = this.see(this.run.leaves[this.step]);
    const parts = [
      this.notice,
      fill(sentences[this.status], { step: count(this.step) }),
      fill(sentences.learned, { learned: normal(params) }),
      fill(sentences.exact, { exact: normal(perfect) }),
    ];
    return parts.filter(Boolean).join(" ");
  }

  get texts() {
    const { sentences, params, tail } = this.data;
    const { run, step } = this;
    const { kl, gap, floor, perfect } = this.see(run.leaves[step]);
    const steps = Math.min(step, tail);
    const mean = step && fixed(this.average(run, step, tail), 3);
    const loss = step ? fill(sentences.mean, { steps: count(steps), mean }) : sentences.start;
    const texts = {
      posterior: fill(sentences.distance, { kl: nats(kl[0]), gap: nats(Math.max(gap[0], 0)) }),
      loss,
      "label:loss.floor": fill(sentences.floor, { value: fixed(floor[0], 3) }),
      "label:loss.mean": step ? fixed(run.means[step - 1], 3) : "",
      "alt:posterior": fill(sentences.altPosterior, { summary: this.summary }),
      "alt:loss": fill(sentences.altLoss, { caption: loss }),
    };
    params.forEach((name, i) => {
      const exact = fill(sentences.level, { value: fixed(perfect[i]) });
      const now = fixed(run.tracks[i][step]);
      texts[name] = sentences[name];
      texts[`label:${name}.exact`] = exact;
      texts[`label:${name}.learned`] = now;
      texts[`alt:${name}`] = fill(sentences.altParam, { name, now, exact });
    });
    return texts;
  }

  get traits() {
    const { sentences, rows, defaults, panel, code } = this.data;
    const { settings, seed, step } = this;
    const changed = rows
      .filter(({ name }) => name in defaults && settings[name] !== defaults[name])
      .map((row) => `${row.name}=${literal(settings[row.name], row)}`);
    if (seed !== defaults.seed) changed.push(`seed=${seed}`);
    const written = Object.fromEntries(Object.entries(settings).map(([name, x]) => [name, typeof x === "number" ? float(x) : x]));
    const broken = this.end < settings.num_steps;
    const steps = count(settings.num_steps);
    return {
      values: { ...settings, shown: step },
      status: fill(sentences.status, { seed, step: count(step), num_steps: steps }),
      message: broken ? fill(sentences.stopped, { step: count(this.end) }) : "",
      summary: this.summary,
      code: fill(code[settings.optimiser], { ...written, seed }),
      line: `${panel}(${changed.join(", ")})`,
      note: fill(sentences.note, { num_steps: count(this.end), time: fixed(this.time, 1) }),
    };
  }
}

KINDS.trained = Trained;

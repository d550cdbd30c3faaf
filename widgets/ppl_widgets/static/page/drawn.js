// A panel that draws in the page: at every move of a slider its runs anew, from the kernel's noise.
//
// Programs and exact answers are classes that Python has printed from recordings. What is drawn and
// written of them stands in `answers`, question by question, as views and scenarios have it in Python.
// As in the notebook, a control that the draws do not depend on leaves them as they are.

const ANSWERS = {}; // question -> { frame, texts, tell } of a `Drawn`
const closed = (it) => it.say("source.closed");
const PER_SECOND = 1000; // draws, while it plays

class Drawn {
  playing = false;
  notice = "";

  constructor(data) {
    Object.assign(this, { data, seed: data.seed, settings: { ...data.values } });
    this.answer = ANSWERS[data.label];
    this.end = data.values.num;
    this.lookAfresh();
    this.begin();
    this.show(data.step);
    this.status = data.status;
    this.notice = "";
  }

  // ---- draws

  get case() {
    return this.data.cases[this.data.choices.map((name) => this.settings[name]).join(" ")];
  }

  /** The recorded functions of the present case. */
  get recorded() {
    const { facts, curves } = this.case;
    const make = () => ({ facts: recordedFunction(facts), curves: curves && recordedFunction(curves) });
    return (this.case.functions ??= make());
  }

  /** The first draws under the present settings. */
  begin() {
    this.look();
    const began = performance.now();
    this.kernel = new KERNELS[this.case.draws.kind](this.case.draws, this.settings, this.seed, this.facts);
    this.pool = {};
    this.made = 0;
    this.status = this.kernel.failed ? "failed" : "idle";
    this.show(Math.min(this.data.start, this.end));
    if (!this.kernel.failed) this.status = "idle";
    Object.assign(this, { time: performance.now() - began, first: this.step });
  }

  /** Exact answers, and axes that hold them. */
  look() {
    this.facts = this.recorded.facts(this.settings);
    const grown = [];
    const reach = Object.entries(this.facts).filter(([name]) => name.startsWith("reach "));
    const ends = Object.fromEntries(reach.map(([name, ends]) => [name.slice(6), ends]));
    if ("draw" in this.ranges) ends.draw = [0, this.end];
    for (const [name, [low, high]] of Object.entries(ends)) {
      const { lows, highs } = this.data.axes[name];
      const now = this.ranges[name];
      const next = [
        lows.find((end) => end <= Math.min(now[0], low)) ?? lows.at(-1),
        highs.find((end) => end >= Math.max(now[1], high)) ?? highs.at(-1),
      ];
      if (next[0] === now[0] && next[1] === now[1]) continue;
      this.ranges[name] = next;
      this.staged = false;
      grown.push(name);
    }
    const says = (name) => ({ axis: this.data.axes[name].word, low: setting(this.ranges[name][0]), high: setting(this.ranges[name][1]) });
    if (grown.length) this.notice = grown.map((name) => this.say("notice.axis", says(name))).join(" ");
  }

  lookAfresh() {
    this.ranges = Object.fromEntries(Object.entries(this.data.axes).map(([name, { lows, highs }]) => [name, [lows[0], highs[0]]]));
    this.staged = false;
  }

  /** Show so many draws, and make those that are not there yet. */
  show(step) {
    this.step = this.kernel.failed ? 0 : Math.max(0, Math.min(this.end, step));
    while (this.made < this.step) {
      const found = this.kernel.next();
      for (const [name, values] of Object.entries(found)) (this.pool[name] ??= []).push(...values);
      this.made = Object.values(this.pool)[0].length;
    }
    this.draws = Object.fromEntries(Object.entries(this.pool).map(([name, values]) => [name, values.slice(0, this.step)]));
    if (!this.kernel.failed) this.status = this.step >= this.end ? "done" : this.step ? "paused" : "idle";
  }

  /** Draws of a site, of which there may be none. */
  column(name) {
    return this.draws[name] ?? [];
  }

  expect() {
    return "";
  }

  // ---- what a hand does

  change(name, value) {
    const { inputs, choices } = this.data;
    this.notice = "";
    if (name === "shown") {
      this.playing = false;
      this.show(value);
      return;
    }
    this.settings[name] = value;
    if (choices.includes(name)) this.staged = false;
    if (inputs.includes(name) || this.kernel.failed) this.begin();
    else this.look();
    this.exact = this.step;
  }

  press(name) {
    const jump = { step: 1, step100: 100, back: -50 }[name];
    this.notice = "";
    if (jump) {
      this.playing = false;
      this.show(this.step + jump);
      if (jump < 0) this.notice = this.say("drawing.back", { step: count(this.step) });
    } else if (name === "play") {
      this.playing = !this.playing && !this.kernel.failed;
      if (this.playing && this.step >= this.end) this.show(0);
      this.exact = this.step;
    } else {
      if (name === "new") this.seed += 1;
      this.lookAfresh();
      this.begin();
      this.exact = this.step;
      this.notice = this.say(name === "new" ? "notice.new_noise" : "notice.same_noise", { seed: this.seed });
    }
  }

  tick(seconds) {
    this.exact = Math.min(this.end, this.exact + PER_SECOND * seconds);
    this.show(Math.floor(this.exact));
    if (this.step >= this.end) this.playing = false;
  }

  // ---- what is drawn and written

  say(key, parts = {}) {
    return fill(this.data.sentences[key], parts);
  }

  get figures() {
    if (this.staged) return {};
    this.staged = true;
    const ranged = ([name, { data, layout }]) => {
      const [x, y] = layout.meta.axes.map((axis) => this.ranges[axis]);
      const xaxis = { ...layout.xaxis, range: x };
      const yaxis = { ...layout.yaxis, range: y };
      return [name, { data, layout: { ...layout, xaxis, yaxis } }];
    };
    return Object.fromEntries(Object.entries(this.case.figures).map(ranged));
  }

  get frame() {
    return { ...this.case.still, ...this.answer.frame(this) };
  }

  /** A curve that is no bell, over an axis. */
  curve(uid, [low, high]) {
    const xy = this.recorded.curves({ ...this.settings, low, high })[uid];
    return [xy.slice(0, xy.length / 2), xy.slice(xy.length / 2)];
  }

  get texts() {
    return { ...this.case.words, ...this.answer.texts(this) };
  }

  get summary() {
    const state = { idle: "drawing.idle", running: "drawing.running", paused: "drawing.paused", done: "drawing.done", failed: "drawing.failed" };
    const now = this.say(state[this.playing ? "running" : this.status], { step: count(this.step) });
    const told = this.status === "failed" ? this.data.failed : this.answer.tell(this);
    return [this.notice, now, told].filter(Boolean).join(" ");
  }

  get traits() {
    const { rows, defaults, panel, note, numbers } = this.data;
    const { settings, seed, step } = this;
    const changed = rows
      .filter(({ name }) => name in defaults && settings[name] !== defaults[name])
      .map((row) => `${row.name}=${literal(settings[row.name], row)}`);
    if (seed !== defaults.seed) changed.push(`seed=${seed}`);
    const written = Object.fromEntries(numbers.map((name) => [name, float(settings[name])]));
    const steps = { step: count(step), num_steps: count(this.end) };
    return {
      values: { ...settings, shown: step },
      status: this.say("drawing.status", { seed, ...steps }),
      message: this.status === "failed" ? this.data.failed : "",
      summary: this.summary,
      code: fill(this.case.code, { ...written, seed }),
      line: `${panel}(${changed.join(", ")})`,
      note: fill(note, { num: count(this.first), time: fixed(this.time, 1) }),
    };
  }
}

KINDS.drawn = Drawn;

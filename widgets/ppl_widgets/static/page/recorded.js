// A panel as it was: a run in frames, and an answer for each setting of a grid.

const SECONDS = 5; // to play the whole run
const GAP = 65535; // the code for no number

/** Numbers from their lowest, their highest, and 16 bits each in between. */
function unquantised([low, high, text]) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const levels = new Uint16Array(bytes.buffer);
  return Float32Array.from(levels, (level) => (level === GAP ? NaN : low + ((high - low) * level) / (GAP - 1)));
}

const nearest = (values, value) => {
  if (typeof value !== "number") return values.indexOf(value);
  const apart = values.map((other) => Math.abs(other - value));
  return apart.indexOf(Math.min(...apart));
};

/** The nearest of some values; one tick of the keyboard reaches the next one, however far it is. */
function towards(values, now, value, row) {
  const at = nearest(values, value);
  if (at !== now || typeof value !== "number") return at;
  const place = row.kind === "log" ? Math.log10 : (x) => x;
  const moved = place(value) - place(values[now]);
  if (!moved || Math.abs(moved) > 1.01 * row.step) return at;
  return Math.max(0, Math.min(values.length - 1, now + Math.sign(moved)));
}

class Recorded {
  playing = false;
  message = "";

  constructor(data) {
    this.data = data;
    this.arrays = data.arrays.map(unquantised);
    this.home = data.frames[0].values;
    this.shown = nearest(data.frames.map(({ step }) => step), data.step);
    this.setting = null; // a place in the grid, or null for the run
    this.drawn = {};
  }

  get picture() {
    return this.setting === null ? this.data.frames[this.shown] : this.data.settings[this.setting];
  }

  /** Whether the sliders stand where the run was recorded. */
  isHome(values) {
    return this.data.grid.every(([name]) => values[name] === this.home[name]);
  }

  change(name, value) {
    this.message = "";
    this.playing = false;
    if (name === "shown") {
      if (this.setting === null) this.shown = nearest(this.data.frames.map(({ step }) => step), value);
      else this.message = this.data.away;
      return;
    }
    const from = this.picture.values;
    const row = this.data.rows.find((one) => one.name === name);
    const place = this.data.grid.reduce((at, [axis, values]) => {
      const now = nearest(values, from[axis]);
      return at * values.length + (axis === name ? towards(values, now, value, row) : now);
    }, 0);
    const back = this.isHome(this.data.settings[place].values);
    if (back && this.setting !== null) this.shown = nearest(this.data.frames.map(({ step }) => step), this.data.settings[place].step);
    this.setting = back ? null : place;
  }

  press(name) {
    this.message = "";
    const last = this.data.frames.length - 1;
    if (name === "same") {
      Object.assign(this, { setting: null, shown: 0, playing: false });
    } else if (this.setting !== null) {
      this.message = this.data.away;
    } else if (name === "play") {
      this.playing = !this.playing;
      if (this.playing && this.shown >= last) this.shown = 0;
      this.exact = this.shown;
    } else {
      this.playing = false;
      this.shown = Math.max(0, Math.min(last, this.shown + { step: 1, back: -1 }[name]));
    }
  }

  tick(seconds) {
    const last = this.data.frames.length - 1;
    this.exact = Math.min(last, this.exact + (last * seconds) / SECONDS);
    this.shown = Math.floor(this.exact);
    if (this.shown >= last) this.playing = false;
  }

  expect() {
    return "";
  }

  get step() {
    return this.picture.step;
  }

  get end() {
    return this.data.frames.at(-1).step;
  }

  get figures() {
    const changed = Object.entries(this.picture.figures).filter(([name, place]) => this.drawn[name] !== place);
    Object.assign(this.drawn, Object.fromEntries(changed));
    return Object.fromEntries(changed.map(([name, place]) => [name, this.data.figures[place]]));
  }

  get frame() {
    const points = Object.entries(this.picture.curves);
    return Object.fromEntries(
      points.map(([uid, [x, y]]) => [uid, [this.arrays[x], Array.isArray(y) ? y : this.arrays[y]]]),
    );
  }

  get texts() {
    return this.picture.texts;
  }

  get traits() {
    const { values, step, status, message, summary, code, line } = this.picture;
    return { values: { ...values, shown: step }, status, message: this.message || message, summary, code, line, note: this.data.note };
  }
}

KINDS.recorded = Recorded;

// A panel on a page without a kernel: the desk and the plot are those of the notebook, and what
// thinks is here. Each panel is an element of class `ppl-export` that holds its data.

const SLICE = 6; // ms of work between two frames
const REST = 200; // ms without a move until the other runs begin

/** What desk and plot take for anywidget's model. */
class Model {
  listeners = {};

  constructor(traits, hear) {
    Object.assign(this, { traits, hear });
  }

  get(name) {
    return this.traits[name];
  }

  set(name, value) {
    const before = this.traits[name];
    this.traits[name] = value;
    if (JSON.stringify(before) !== JSON.stringify(value)) this.tell(`change:${name}`);
  }

  on(event, listener) {
    (this.listeners[event] ??= []).push(listener);
  }

  off(event, listener) {
    this.listeners[event] = (this.listeners[event] ?? []).filter((one) => one !== listener);
  }

  tell(event, ...message) {
    for (const listener of this.listeners[event] ?? []) listener(...message);
  }

  send(message) {
    this.hear(message);
  }
}

class Page {
  seq = 0;
  asked = false;

  constructor(host, data) {
    this.data = data;
    this.mind = new KINDS[data.kind](data);
    const place = (name, parent) => {
      const node = document.createElement("div");
      node.className = name;
      parent.append(node);
      return node;
    };
    const body = place("ppl-body", host);
    host.classList.add("ppl-panel");
    this.note = document.createElement("p");
    this.note.className = "ppl-export-note";
    this.desk = new Model({ rows: data.rows, words: data.words, title: data.title, prints: "", answered: {} }, (said) => this.hear(said));
    this.tell();
    this.plot = new Model({ _start: this.state() }, () => {});
    desk.render({ model: this.desk, el: place("", body) });
    body.querySelector(".ppl-desk-head").append(this.note);
    const widget = plot();
    widget.initialize({ model: this.plot });
    widget.render({ model: this.plot, el: place("ppl-view", body) });
    this.wait();
  }

  /** What a hand has said: changes and presses; refused values are put back, with the reason. */
  hear({ page, n, changes, presses }) {
    const refused = Object.keys(changes).filter((name) => !this.allows(name, changes[name]));
    for (const [name, value] of Object.entries(changes)) {
      if (!refused.includes(name)) this.mind.change(name, value);
    }
    for (const name of presses) this.mind.press(name);
    this.tell();
    for (const name of refused) this.desk.set("message", fill(this.data.refusals[name], { given: changes[name] }));
    this.ask();
    queueMicrotask(() => this.desk.set("answered", { [page]: { n, refused } }));
  }

  /** Whether a control can take a value: a number within its range, or what its box or list offers. */
  allows(name, value) {
    const row = this.data.rows.find((one) => one.name === name);
    if (typeof row.min !== "number") return row.kind === "bool" || row.options.includes(value);
    const whole = row.kind !== "int" || Number.isInteger(value);
    return typeof value === "number" && whole && value >= row.min && value <= row.max;
  }

  /** Write what stands around the plot. */
  tell() {
    const { note, ...traits } = this.mind.traits;
    for (const [name, value] of Object.entries(traits)) this.desk.set(name, value);
    const { buttons } = this.data;
    const shown = buttons.filter(({ when }) => when === undefined || when === this.mind.playing);
    this.desk.set("buttons", shown.map((button) => ({ ...button, disabled: button.name === "back" && !this.mind.step })));
    if (this.note.textContent !== note) this.note.textContent = note;
  }

  // ---- drawing

  message(op) {
    const { frame, figures, texts } = this.mind;
    const series = [];
    const numbers = [];
    for (const [uid, [x, y]] of Object.entries(frame)) {
      const words = typeof y[0] === "string" ? y : null;
      series.push([uid, x.length, words ? 0 : y.length, words]);
      numbers.push(x, ...(words ? [] : [y]));
    }
    const buffer = new Float32Array(numbers.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of numbers) {
      buffer.set(part, at);
      at += part.length;
    }
    return { op, seq: this.seq, series, figures, texts, numbers: buffer };
  }

  state() {
    const { label, theme } = this.data;
    return { ...this.message("state"), title: "", label, theme, plotly: null };
  }

  ask() {
    if (this.asked) return;
    this.asked = true;
    this.before = performance.now();
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = false;
    const now = performance.now();
    if (this.mind.playing) {
      this.mind.tick(Math.min(0.1, (now - this.before) / 1000));
      this.tell();
    }
    this.seq += 1;
    const message = this.message("frame");
    this.plot.tell("msg:custom", message, [message.numbers]);
    if (this.mind.playing) this.ask();
    else this.wait();
  }

  /** Once the hand is at rest, find out what to expect of other noise, between the frames. */
  wait() {
    clearTimeout(this.alarm);
    const work = () => {
      const found = this.mind.expect(SLICE);
      if (found === "busy") this.alarm = setTimeout(work, 10);
      if (found === "news") this.ask();
    };
    this.alarm = setTimeout(work, REST);
  }
}

/** Light or dark, as the reader's system is; the panels' colours follow this word. */
function shade() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => (document.body.dataset.jpThemeLight = String(!dark.matches));
  dark.addEventListener("change", follow);
  follow();
}

async function open() {
  shade();
  for (const host of document.querySelectorAll(".ppl-export")) {
    const store = host.querySelector("script");
    const data = await unpacked(store.textContent);
    store.remove();
    host.page = new Page(host, data);
  }
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", open);
else open();

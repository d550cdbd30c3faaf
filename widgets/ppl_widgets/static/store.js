// What a page knows of one widget: the newest figures, numbers and texts, whoever shows them.

const numbers = (view) =>
  new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

/** The newest state of one widget, whoever shows it. */
class Store {
  seq = -1;
  figures = {};
  curves = {};
  texts = {};
  views = new Set();
  waiting = [];

  constructor(model) {
    this.model = model;
    this.page = Math.random().toString(36).slice(2);
    const start = model.get("_start");
    if (start) this.take(start, start.numbers);
    this.listen = (message, buffers) => this.hear(message ?? {}, buffers);
    model.on("msg:custom", this.listen);
  }

  send(message) {
    try {
      this.model.send(message);
    } catch {
      // the kernel has gone; its page says so itself
    }
  }

  hear(message, buffers) {
    if (message.op === "frame" && message.seq === this.seq + 1) this.take(message, buffers[0]);
    else if (message.op === "frame" && message.seq > this.seq) this.send({ want: "state" });
    else if (message.op === "state") this.take(message, buffers[0]);
    else if (message.op === "knock") for (const view of this.views) view.announce();
    else if (message.op === "plotly" && message.page === this.page) {
      for (const give of this.waiting.splice(0)) give(buffers[0]);
    }
  }

  take(message, buffer) {
    const changed = new Set();
    if (message.op === "state") {
      Object.assign(this, { figures: {}, curves: {}, texts: {} });
      this.about = message;
    }
    this.seq = message.seq;
    for (const [name, figure] of Object.entries(message.figures ?? {})) {
      this.figures[name] = figure;
      changed.add(name);
    }
    const all = numbers(buffer);
    let at = 0;
    const next = (length, old) => (length < 0 ? old : all.subarray(at, (at += length)));
    for (const [uid, lengthX, lengthY, words] of message.series) {
      const old = this.curves[uid];
      this.curves[uid] = { x: next(lengthX, old?.x), y: next(lengthY, old?.y), words };
    }
    Object.assign(this.texts, message.texts);
    const uids = new Set(message.series.map(([uid]) => uid));
    for (const key in message.texts) if (key.startsWith("label:")) uids.add(key.slice(6));
    const stages = new Set(changed);
    for (const [name, figure] of Object.entries(this.figures)) {
      if (figure.data?.some((trace) => uids.has(trace.uid))) changed.add(name);
    }
    for (const view of this.views) view.changed(changed, stages, message.op === "state");
  }

  /** Plotly's script, compressed, from the kernel: as soon as it has time. */
  askPlotly() {
    return new Promise((resolve, reject) => {
      this.waiting.push(resolve);
      this.refuse = () => reject(new Error("the plot was closed"));
      this.send({ want: "plotly", page: this.page });
    });
  }

  close() {
    this.model.off("msg:custom", this.listen);
    this.refuse?.();
  }
}

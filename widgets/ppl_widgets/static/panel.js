// One plot on the page: its heading and key, plotly's stage, the canvas over it, its caption.

const make = (tag, className, parent, attributes = {}) => {
  const element = document.createElement(tag);
  element.className = className;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent?.append(element);
  return element;
};
const say = (element, text) => element.textContent !== text && (element.textContent = text);

class Panel {
  dirty = true;
  stale = true; // the stage's figure or colours are not what plotly shows
  pointer = null;
  grips = []; // on the page: {trace, left, top}
  held = null; // the uid of the grip under the pointer, or in the hand
  inHand = false;

  constructor(view, name, parent) {
    this.view = view;
    this.name = name;
    this.box = make("div", "ppl-fig", parent, { role: "figure" }); // or a tab's panel
    const head = make("div", "ppl-fig-head", this.box);
    this.heading = make("span", "ppl-fig-name", head);
    this.key = make("span", "ppl-key", head);
    this.stage = make("div", "ppl-stage", this.box, { role: "group", tabindex: "0" });
    this.plot = make("div", "ppl-plotly", this.stage);
    this.canvas = make("canvas", "ppl-canvas", this.stage, { role: "img" });
    this.caption = make("div", "ppl-caption", this.box);
    const point = (event) => {
      const free = event.type === "pointermove" && !event.buttons;
      const spot = this.spot(event);
      if (!this.inHand) this.held = free ? this.gripAt(spot) : null;
      this.stage.classList.toggle("ppl-grip", this.held !== null);
      this.pointer = free && !this.held ? spot : null;
      view.changed([name]);
    };
    for (const type of ["pointermove", "pointerleave", "pointerdown"]) {
      this.stage.addEventListener(type, point);
    }
    this.stage.addEventListener("pointerdown", (event) => this.take(event), true);
    this.stage.addEventListener("pointermove", (event) => this.inHand && this.pull(this.spot(event)), true);
    this.stage.addEventListener("lostpointercapture", () => (this.inHand = false));
    const still = (event) => this.gripAt(this.spot(event.touches[0])) && event.preventDefault();
    this.stage.addEventListener("touchstart", still, { capture: true, passive: false });
  }

  /** Where an event is, in pixels of the stage. */
  spot({ clientX, clientY }) {
    const { left, top } = this.stage.getBoundingClientRect();
    const zoom = this.stage.currentCSSZoom ?? 1;
    return { left: (clientX - left) / zoom, top: (clientY - top) / zoom };
  }

  /** The uid of a grip near a spot whose controls are free to move, or null. */
  gripAt(spot) {
    const near = this.grips.find((grip) => Math.hypot(grip.left - spot.left, grip.top - spot.top) < 14);
    const moves = Object.values(near?.trace.style.meta.grip ?? {});
    const free = near && this.move(Object.fromEntries(moves.map((name) => [name, null])));
    return free ? near.trace.style.uid : null;
  }

  /** Take hold of a grip, before plotly takes the press for a zoom. */
  take(event) {
    if (event.button) return;
    this.held = this.gripAt(this.spot(event));
    if (this.held === null) return;
    this.inHand = true;
    this.stage.setPointerCapture(event.pointerId);
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** Move the controls of the grip in the hand to where the pointer is. */
  pull(spot) {
    const trace = this.grips.find((grip) => grip.trace.style.uid === this.held)?.trace;
    if (!trace) return;
    const { axes } = this.place();
    const [x, y] = [offAxis(axes.x, spot.left), offAxis(axes.y, spot.top)];
    const values = { x, y, reach: Math.abs(x - trace.x[1]) };
    const moves = Object.entries(trace.style.meta.grip);
    this.move(Object.fromEntries(moves.map(([along, name]) => [name, values[along]])));
  }

  /** Ask the desk beside the plot to move controls (or, for null, whether it would). */
  move(detail) {
    return !this.stage.dispatchEvent(new CustomEvent("ppl-move", { bubbles: true, cancelable: true, detail }));
  }

  get figure() {
    return this.view.store.figures[this.name];
  }

  words() {
    const { texts } = this.view.store;
    const title = this.figure.layout?.title?.text ?? this.name;
    const alt = texts[`alt:${this.name}`] ?? this.figure.layout?.meta?.alt ?? "";
    const caption = texts[this.name] ?? "";
    say(this.heading, title);
    say(this.caption, caption);
    const label = [title, alt, caption].filter(Boolean).join(". ");
    if (this.canvas.ariaLabel !== label) this.canvas.ariaLabel = label;
    const zooms = this.view.store.about.plotly !== null;
    this.stage.tabIndex = zooms ? 0 : -1;
    this.stage.ariaLabel = zooms ? `${title}: arrow keys move, plus and minus zoom, 0 resets` : title;
    if (this.tab) say(this.tab, title);
    else this.box.ariaLabel = title;
  }

  newFigure() {
    this.stale = true;
    this.box.style.setProperty("--ppl-grow", this.figure.layout?.meta?.grow ?? 1);
    const named = this.figure.data.filter((trace) => trace.name && this.figure.layout?.meta?.key);
    this.key.replaceChildren(
      ...named.map((trace) => {
        const entry = make("span", "ppl-key-entry", null);
        const colour = `var(--ppl-${trace.meta?.role}, ${trace.line?.color ?? "currentColor"})`;
        const dash = (DASHES[trace.line?.dash] ?? []).join(" ");
        const marked = trace.mode?.includes("markers");
        const dot = Math.min(4.5, Math.max(2, (trace.marker?.size ?? 7) / 2));
        entry.innerHTML =
          `<svg width="30" height="10" aria-hidden="true" style="stroke:${colour};fill:${colour}">` +
          (trace.fill === "toself"
            ? `<rect width="30" height="10" fill-opacity=".3" stroke="none"/>`
            : !(trace.mode ?? "lines").includes("lines")
              ? ""
              : `<path d="M0 5H30" stroke-width="${trace.line?.width ?? 2}" stroke-dasharray="${dash}"/>`) +
          (marked ? `<circle cx="15" cy="5" r="${dot}" stroke="none"/>` : "") +
          `</svg>`;
        entry.append(trace.name);
        return entry;
      }),
    );
  }

  /** Bring plotly up to date with figure, colours and size; the canvas follows it. */
  async restage(Plotly) {
    const { offsetWidth: width, offsetHeight: height } = this.stage;
    if (!this.stale || !width || !height) return;
    this.stale = false;
    const { data, layout } = staged(this.figure, this.view.colours, this.view.font, { width, height });
    const first = !this.plot._fullLayout;
    await Plotly.react(this.plot, data, layout, CONFIG);
    for (const drawing of this.plot.querySelectorAll(".main-svg")) drawing.ariaHidden = "true";
    // What plotly's buttons do, the keys of the stage do too: one stop for Tab, and no unseen ones.
    for (const button of this.plot.querySelectorAll(".modebar-btn")) button.tabIndex = -1;
    if (first) {
      for (const event of ["plotly_relayouting", "plotly_relayout", "plotly_afterplot"]) {
        this.plot.on(event, () => this.view.changed([this.name]));
      }
    }
    this.view.changed([this.name]);
  }

  /** Where area and axes are: plotly's, or before it has come, the figure's. */
  place() {
    if (this.plot._fullLayout) return plotlyAxes(this.plot);
    return simpleAxes(this.figure.layout, this.stage.clientWidth, this.stage.clientHeight);
  }

  paint() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    if (!width || !height) return;
    const ratio = (window.devicePixelRatio || 1) * (this.canvas.currentCSSZoom ?? 1);
    const { canvas } = this;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    const g = canvas.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    const { curves, texts } = this.view.store;
    const there = this.plot._fullLayout;
    const place = this.place();
    const { area } = place;
    const traces = [];
    for (const style of this.figure.data) {
      const live = style.meta?.live;
      if (there && !live) continue;
      const curve = live ? curves[style.uid] : { x: style.x ?? [], y: style.y ?? [] };
      const said = texts[`label:${style.uid}`];
      const label = style.meta?.label && { ...style.meta.label, ...(said !== undefined && { text: said }) };
      traces.push({ style, label, ...curve });
    }
    const spot = this.pointer;
    const inside =
      spot &&
      spot.left >= area.left &&
      spot.left <= area.left + area.width &&
      spot.top >= area.top &&
      spot.top <= area.top + area.height;
    const { colours, font } = this.view;
    const [x, y] = [onAxis(place.axes.x), onAxis(place.axes.y)];
    const grips = traces.filter((trace) => gripOf(trace) && trace.x.length);
    this.grips = grips.map((trace) => ({ trace, left: x(trace.x[0]), top: y(trace.y[0]) }));
    paint(g, { ...place, traces, colours, font, pointer: inside ? spot : null, held: this.held });
    this.dirty = false;
  }

  /** Arrows move, + and - zoom, 0 resets: by keyboard what the mouse can do. */
  press(key) {
    const full = this.plot._fullLayout;
    if (!full) return false;
    const moved = (axis, shift, zoom) => {
      const [from, to] = axis.range;
      const middle = (from + to) / 2 + shift * (to - from);
      return [middle - (zoom * (to - from)) / 2, middle + (zoom * (to - from)) / 2];
    };
    const moves = {
      ArrowLeft: [-0.1, 0, 1],
      ArrowRight: [0.1, 0, 1],
      ArrowDown: [0, -0.1, 1],
      ArrowUp: [0, 0.1, 1],
      "+": [0, 0, 0.8],
      "=": [0, 0, 0.8],
      "-": [0, 0, 1.25],
    };
    const { xaxis, yaxis } = this.figure.layout;
    const ranges =
      key === "0"
        ? [xaxis.range, yaxis.range]
        : moves[key] && [
            moved(full.xaxis, moves[key][0], moves[key][2]),
            moved(full.yaxis, moves[key][1], moves[key][2]),
          ];
    if (!ranges) return false;
    this.view.Plotly.relayout(this.plot, { "xaxis.range": [...ranges[0]], "yaxis.range": [...ranges[1]] });
    return true;
  }
}

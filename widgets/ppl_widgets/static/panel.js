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

  constructor(view, name, parent) {
    this.view = view;
    this.name = name;
    this.box = make("figure", "ppl-fig", parent);
    const head = make("div", "ppl-fig-head", this.box);
    this.heading = make("span", "ppl-fig-name", head);
    this.key = make("span", "ppl-key", head);
    this.stage = make("div", "ppl-stage", this.box, { role: "group", tabindex: "0" });
    this.plot = make("div", "ppl-plotly", this.stage);
    this.canvas = make("canvas", "ppl-canvas", this.stage, { role: "img" });
    this.caption = make("figcaption", "ppl-caption", this.box);
    const point = (event) => {
      const { left, top } = this.stage.getBoundingClientRect();
      const inside = event.type === "pointermove" && !event.buttons;
      const zoom = this.stage.currentCSSZoom ?? 1;
      const spot = { left: (event.clientX - left) / zoom, top: (event.clientY - top) / zoom };
      this.pointer = inside ? spot : null;
      view.changed([name]);
    };
    for (const type of ["pointermove", "pointerleave", "pointerdown"]) {
      this.stage.addEventListener(type, point);
    }
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
        entry.innerHTML =
          `<svg width="30" height="10" aria-hidden="true" style="stroke:${colour};fill:${colour}">` +
          (trace.fill === "toself"
            ? `<rect width="30" height="10" fill-opacity=".3" stroke="none"/>`
            : !(trace.mode ?? "lines").includes("lines")
              ? ""
              : `<path d="M0 5H30" stroke-width="${trace.line?.width ?? 2}" stroke-dasharray="${dash}"/>`) +
          (marked ? `<circle cx="15" cy="5" r="3.5" stroke="none"/>` : "") +
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
    paint(g, { ...place, traces, colours, font, pointer: inside ? spot : null });
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

// The widget: a store for each model, and a view for each place it is shown, which draws the store
// and acknowledges what it has painted.

/** One place where the widget is shown. */
class View {
  id = Math.random().toString(36).slice(2);
  panels = {};
  hidden = false; // scrolled away, or behind another tab
  asked = false;
  acknowledged = -1;
  word = 0; // counts what this view says of itself: threads of the kernel may swap its messages
  closing = [];

  constructor(store, element) {
    this.store = store;
    this.root = make("div", "ppl-plot", element);
    const head = make("header", "ppl-head", this.root);
    this.title = make("span", "ppl-title", head);
    this.status = make("span", "ppl-status", head);
    this.grid = make("div", "ppl-grid", this.root);
    this.summary = make("div", "ppl-unseen", this.root, { "aria-live": "polite" });
    store.views.add(this);
    if (store.about) this.build();
    this.watch();
    store.send({ hello: this.id, word: ++this.word, have: store.seq });
    this.fetchPlotly();
  }

  /** Lay the plots out anew; their number and names never change within a widget. */
  build() {
    const names = Object.keys(this.store.figures);
    this.grid.classList.toggle("ppl-single", names.length === 1);
    const main = make("div", "ppl-main", this.grid);
    this.panels[names[0]] = new Panel(this, names[0], main);
    if (names.length > 1) {
      const side = make("div", "ppl-side", this.grid);
      this.tabs = make("div", "ppl-tabs", side, { role: "tablist", "aria-label": "further plots" });
      for (const name of names.slice(1)) this.addTab((this.panels[name] = new Panel(this, name, side)));
      this.choose(this.panels[names[1]]);
    }
    for (const panel of Object.values(this.panels)) panel.newFigure();
    this.hook();
    this.recolour();
    const sizes = new ResizeObserver((entries) => this.resized(entries.map((one) => one.target)));
    for (const panel of Object.values(this.panels)) sizes.observe(panel.stage);
    this.closing.push(() => sizes.disconnect());
  }

  addTab(panel) {
    panel.box.id = `ppl-${this.id}-${panel.name.replace(/\W/g, "_")}`;
    panel.tab = make("button", "ppl-tab", this.tabs, {
      type: "button",
      role: "tab",
      id: `${panel.box.id}-tab`,
      "aria-controls": panel.box.id,
    });
    panel.box.setAttribute("aria-labelledby", panel.tab.id);
    panel.tab.addEventListener("click", () => this.choose(panel));
  }

  /** Show one of the side plots; it matters where they are tabs. */
  choose(chosen) {
    for (const panel of Object.values(this.panels)) {
      if (!panel.tab) continue;
      panel.tab.ariaSelected = String(panel === chosen);
      panel.tab.tabIndex = panel === chosen ? 0 : -1;
      panel.box.classList.toggle("ppl-chosen", panel === chosen);
    }
    this.chosen = chosen;
  }

  pressTab(key) {
    const panels = Object.values(this.panels).filter((panel) => panel.tab);
    const now = panels.indexOf(this.chosen);
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: panels.length - 1 }[key];
    if (to === undefined) return false;
    this.choose(panels.at(to % panels.length));
    this.chosen.tab.focus();
    return true;
  }

  /** Follow everything of the page that matters; `closing` undoes it. */
  watch() {
    const listen = (target, type, handler, options) => {
      target.addEventListener(type, handler, options);
      this.closing.push(() => target.removeEventListener(type, handler, options));
    };
    const recolour = () => {
      this.recolour();
      clearTimeout(this.soon); // the page's style sheet may come after its word
      this.soon = setTimeout(() => this.recolour(), 400);
    };
    const theme = new MutationObserver(recolour);
    const attributeFilter = ["class", "style", "data-jp-theme-light", "data-jp-theme-name", "data-theme"];
    for (const node of [document.documentElement, document.body]) {
      theme.observe(node, { attributes: true, attributeFilter });
    }
    const onScreen = new IntersectionObserver(
      (entries) => this.show({ offScreen: !entries.at(-1).isIntersecting }),
      { rootMargin: "200px" },
    );
    onScreen.observe(this.root);
    this.closing.push(
      () => theme.disconnect(),
      () => onScreen.disconnect(),
      () => clearTimeout(this.soon),
      () => clearTimeout(this.sizing),
    );
    listen(matchMedia("(prefers-color-scheme: dark)"), "change", recolour);
    listen(document, "visibilitychange", () => this.show({}));
    // Before the page's own shortcuts, and only for the keys that mean something here.
    const press = (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || !this.root.contains(event.target)) return;
      const panel = Object.values(this.panels).find((one) => one.stage === event.target);
      const done = panel
        ? panel.press(event.key)
        : event.target.role === "tab" && this.pressTab(event.key);
      if (!done) return;
      event.preventDefault();
      event.stopImmediatePropagation();
    };
    listen(window, "keydown", press, true);
  }

  show({ offScreen = this.offScreen }) {
    this.offScreen = offScreen;
    const hidden = offScreen || document.visibilityState === "hidden";
    if (hidden === this.hidden) return;
    this.hidden = hidden;
    if (hidden) this.store.send({ away: this.id, word: ++this.word });
    else {
      this.acknowledged = this.store.seq;
      this.announce();
      this.changed(Object.keys(this.panels));
    }
  }

  announce() {
    if (!this.hidden) this.store.send({ here: this.id, word: ++this.word });
  }

  /** The page's colours and font; plotly and the canvas are redrawn if they differ. */
  recolour() {
    const { about } = this.store;
    if (!about) return;
    const shade = shadeOf(this.root);
    const behind = paperBehind(this.root);
    const paper = behind ? `rgb(${behind})` : about.theme[shade].ink.paper;
    const font = getComputedStyle(this.root).fontFamily;
    if (this.shade === shade && this.colours.ink.paper === paper && this.font === font) return;
    this.shade = shade;
    this.font = font;
    this.colours = { ...about.theme[shade], ink: { ...about.theme[shade].ink, paper } };
    this.root.dataset.shade = shade;
    for (const [role, colour] of Object.entries(this.colours.line)) {
      this.root.style.setProperty(`--ppl-${role}`, colour);
    }
    for (const panel of Object.values(this.panels)) panel.stale = true;
    this.changed(Object.keys(this.panels));
    this.restage();
  }

  resized(stages) {
    this.recolour(); // only now is the view sure to be part of its page
    for (const panel of Object.values(this.panels)) {
      if (panel.tab) panel.box.role = this.tabs.offsetParent ? "tabpanel" : "figure";
      if (!stages.includes(panel.stage)) continue;
      panel.stale = true;
      this.changed([panel.name]);
    }
    clearTimeout(this.sizing);
    this.sizing = setTimeout(() => this.restage(), 60);
  }

  async fetchPlotly() {
    if (this.store.about?.plotly === null) return; // a page that does without it
    for (let tries = 0; tries < 3 && !this.Plotly && !this.closed; tries++) {
      const version = this.store.about?.plotly;
      try {
        if (!version) throw new Error("the plot's state has not arrived");
        this.Plotly = await plotlyOf(version, () => this.store.askPlotly());
      } catch (error) {
        this.trouble = error;
        await new Promise((wait) => setTimeout(wait, 1000));
      }
    }
    if (this.closed) return;
    if (this.Plotly) await this.restage();
    else console.warn(`Plots keep their simple axes: ${this.trouble?.message}`);
  }

  /** One plot after the other, with the page's own work in between. */
  async restage() {
    this.again = true;
    if (!this.Plotly || this.restaging) return;
    this.restaging = true;
    while (this.again) {
      this.again = false;
      for (const panel of Object.values(this.panels)) {
        await new Promise((turn) => setTimeout(turn, 0));
        if (this.closed) return;
        await panel.restage(this.Plotly).catch((error) => console.error(error));
      }
    }
    this.restaging = false;
  }

  /** The store (or the page) has something new for these plots. */
  changed(names, stages = new Set(), whole = false) {
    if (whole && !Object.keys(this.panels).length) this.build();
    for (const name of names) this.panels[name].dirty = true;
    for (const name of stages) this.panels[name].newFigure();
    if (stages.size) this.restage();
    if (this.asked || this.hidden || this.closed) return;
    this.asked = true;
    requestAnimationFrame(() => this.paint());
  }

  paint() {
    this.asked = false;
    if (this.closed || !this.store.about) return;
    const start = performance.now();
    const { texts, about } = this.store;
    const painted = Object.values(this.panels).filter((panel) => panel.dirty);
    for (const panel of painted) panel.paint();
    for (const panel of Object.values(this.panels)) panel.words();
    say(this.title, about.title);
    say(this.status, texts.status ?? "");
    say(this.summary, texts.summary ?? "");
    this.note(start, painted);
    const { seq } = this.store;
    if (seq === this.acknowledged) return;
    this.acknowledged = seq;
    setTimeout(() => this.hidden || this.closed || this.store.send({ ack: seq, id: this.id }), 0);
  }

  /** `window.pplPlots[label]`: facts for tests about what has been painted last. */
  hook() {
    const all = (window.pplPlots ??= {});
    const { label } = this.store.about;
    if (all[label]?.store !== this.store) {
      all[label] = { views: 0, series: {}, grips: {}, texts: {}, frames: 0, drawn: [], cost: [] };
      Object.defineProperty(all[label], "store", { value: this.store, enumerable: false });
    }
    this.facts = all[label];
    this.facts.views = this.store.views.size;
    this.closing.push(() => {
      this.facts.views = this.store.views.size;
      if (!this.facts.views && all[label] === this.facts) delete all[label];
    });
  }

  note(start, painted) {
    const t = performance.now();
    for (const { figure, grips, stage } of painted) {
      for (const { trace, left, top } of grips) this.facts.grips[trace.style.uid] = { left, top, stage };
      for (const { uid } of figure.data) {
        const curve = this.store.curves[uid];
        if (curve) this.facts.series[uid] = { x: curve.x, y: curve.y, t };
      }
    }
    this.facts.texts = { ...this.store.texts };
    this.facts.frames += 1;
    this.facts.drawn.push(t);
    this.facts.cost.push(t - start);
    if (this.facts.drawn.length > 512) this.facts.drawn.shift();
    if (this.facts.cost.length > 512) this.facts.cost.shift();
  }

  close() {
    this.closed = true;
    this.store.views.delete(this);
    for (const undo of this.closing) undo();
    for (const panel of Object.values(this.panels)) this.Plotly?.purge(panel.plot);
    this.store.send({ gone: this.id });
    this.root.remove();
  }
}

export default () => {
  let store;
  return {
    initialize({ model }) {
      store = new Store(model);
      return () => store.close();
    },
    render({ el }) {
      const view = new View(store, el);
      return () => view.close();
    },
  };
};

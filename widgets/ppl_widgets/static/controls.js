// The desk of a panel: rows of slider and number box, buttons, drawers, and the lines that speak.
//
// Everything here is a native element, so that keyboard, focus and names come from the browser.
// The kernel is the truth: it sends traits, this page shows them. What the hand does goes back as one
// message at a time; while it is unanswered the newest value waits here, and older ones are dropped.

const ICONS = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M3.5 2.5h3.2v11H3.5zM9.3 2.5h3.2v11H9.3z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2.2v11H11z",
  steps: "M1.5 2.5v11l5.5-5.5zM7 2.5v11l5.5-5.5zM13 2.5h2v11h-2z",
  again: "M8 2.6a5.4 5.4 0 1 0 5.3 6.5h-1.9A3.6 3.6 0 1 1 8 4.4c1 0 1.9.4 2.5 1.1L8.6 7.4h5V2.4l-1.8 1.8A5.4 5.4 0 0 0 8 2.6z",
  dice: "M3.5 2h9A1.5 1.5 0 0 1 14 3.5v9a1.5 1.5 0 0 1-1.5 1.5h-9A1.5 1.5 0 0 1 2 12.5v-9A1.5 1.5 0 0 1 3.5 2zm1.7 2a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zm5.6 0a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zM8 6.8a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zM5.2 9.6a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4zm5.6 0a1.2 1.2 0 1 0 0 2.4 1.2 1.2 0 0 0 0-2.4z",
  reveal: "M8 3C4 3 1.6 6.4 1 8c.6 1.6 3 5 7 5s6.4-3.4 7-5c-.6-1.6-3-5-7-5zm0 2a3 3 0 1 1 0 6 3 3 0 0 1 0-6zm0 1.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  back: "M13 2.5v11L7.5 8zM7.5 2.5v11L2 8z",
};
const PATIENCE = 1500; // ms; a message unanswered for so long no longer holds up the next
const SETTLED = 700; // ms without a change until the summary is spoken

const unique = (() => {
  let count = 0;
  const page = Math.random().toString(36).slice(2, 8);
  return () => `ppl-${page}-${++count}`;
})();

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The model as one view sees it: what it listens to ends with the view. */
function attach(model, lifetime) {
  const on = (name, listener) => {
    model.on(name, listener);
    lifetime.addEventListener("abort", () => model.off(name, listener));
  };
  const get = (name) => model.get(name);
  const bind = (name, show) => { show(get(name)); on(`change:${name}`, () => show(get(name))); };
  return { get, on, bind, send: (message) => model.send(message), lifetime };
}

/** One message in flight; the newest value of each control and every press wait for the answer. */
function outbox(desk) {
  const page = unique();
  let sent = 0, waiting = false, alarm = 0, changes = {}, presses = [], flying = {};
  const listeners = [];

  const flush = () => {
    if (waiting || (!presses.length && !Object.keys(changes).length)) return;
    flying = changes;
    desk.send({ page, n: ++sent, changes, presses });
    changes = {};
    presses = [];
    waiting = true;
    alarm = setTimeout(() => { waiting = false; flush(); }, PATIENCE);
  };
  desk.on("change:answered", () => {
    const answer = desk.get("answered")[page];
    if (!waiting || answer?.n !== sent) return;
    clearTimeout(alarm);
    waiting = false;
    const done = Object.keys(flying);
    flying = {};
    for (const listener of listeners) listener(done, answer.refused);
    flush();
  });
  desk.lifetime.addEventListener("abort", () => clearTimeout(alarm));

  return {
    change: (name, value) => { changes[name] = value; flush(); },
    press: (name) => { presses.push(name); flush(); },
    /** The hand is ahead of the kernel here: do not pull the control back. */
    ahead: (name) => name in changes || name in flying,
    onAnswer: (listener) => listeners.push(listener),
  };
}

// ---- numbers: a logarithmic slider stands at log10 of its value, its step is in decades

const isLog = (row) => row.kind === "log";
const within = (row, value) => Math.min(row.max, Math.max(row.min, value));
const position = (row, value) => (isLog(row) ? Math.log10(value) : value);
const valueAt = (row, place) => within(row, Number(isLog(row) ? (10 ** place).toPrecision(3) : place.toFixed(9)));
const decimals = (step) => Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)));
function shown(row, value) {
  if (isLog(row)) return String(Number(value.toPrecision(3)));
  const short = value.toFixed(row.kind === "int" ? 0 : decimals(row.step));
  return Number(short) === value ? short : String(Number(value.toPrecision(6)));
}
const asNumber = (text) => {
  const number = Number(text.trim().replace(",", "."));
  return text.trim() !== "" && Number.isFinite(number) ? number : text;
};

// ---- one row: label, slider, number box; or label and choice; or label and check box

function controlRow(row, out, words) {
  const id = unique();
  const node = element("div", { class: "ppl-desk-row", title: row.help });
  node.append(element("label", { class: "ppl-desk-label", for: id }, row.label));
  const help = row.help ? `${id}-help` : null;
  if (help) node.append(element("span", { id: help, class: "ppl-desk-hidden" }, row.help));

  if (row.kind === "choice") {
    const select = element("select", { id, class: "ppl-desk-choice", "aria-describedby": help, disabled: row.locked });
    row.options.forEach((option, i) => select.append(element("option", { value: option }, row.labels[i])));
    select.addEventListener("change", () => out.change(row.name, select.value));
    node.append(select);
    return { name: row.name, node, show: (value) => { select.value = value; }, restore: () => {} };
  }

  if (row.kind === "bool") {
    const box = element("input", { id, type: "checkbox", class: "ppl-desk-check", "aria-describedby": help, disabled: row.locked });
    box.addEventListener("change", () => out.change(row.name, box.checked));
    node.append(box);
    return { name: row.name, node, show: (value) => { box.checked = value; }, restore: (truth) => { box.checked = truth; } };
  }

  const slider = element("input", {
    id, type: "range", class: "ppl-desk-slider", "aria-label": row.label, "aria-describedby": help, disabled: row.locked,
    min: position(row, row.min), max: position(row, row.max), step: row.step,
  });
  const box = element("input", {
    type: "text", inputmode: "decimal", class: "ppl-desk-box", "aria-label": `${row.label}, ${words.number}`,
    "aria-describedby": help, autocomplete: "off", spellcheck: "false", disabled: row.locked,
  });
  const fill = () => {
    const share = (slider.value - slider.min) / (slider.max - slider.min);
    slider.style.setProperty("--ppl-fill", `${100 * share}%`);
  };
  let typing = false, value = null;
  const settle = (fresh, fromSlider) => {
    value = fresh;
    if (!fromSlider) slider.value = position(row, fresh);
    if (isLog(row)) slider.setAttribute("aria-valuetext", shown(row, fresh));
    if (!typing) box.value = shown(row, fresh);
    fill();
  };
  const commit = () => {
    if (!typing) return;
    typing = false;
    if (box.value === shown(row, value)) return;
    out.change(row.name, asNumber(box.value));
  };
  slider.addEventListener("input", () => {
    typing = false;
    box.removeAttribute("aria-invalid");
    settle(valueAt(row, Number(slider.value)), true);
    out.change(row.name, value);
  });
  box.addEventListener("input", () => { typing = true; box.removeAttribute("aria-invalid"); });
  box.addEventListener("change", commit);
  box.addEventListener("blur", commit);
  box.addEventListener("keydown", (event) => {
    const ticks = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[event.key];
    if (event.key === "Enter") { typing = true; commit(); }
    else if (event.key === "Escape") { typing = false; settle(value); }
    else if (ticks) {
      event.preventDefault();
      typing = false;
      settle(valueAt(row, position(row, value) + ticks * row.step));
      out.change(row.name, value);
    }
  });
  node.append(slider, box);
  return {
    name: row.name,
    node,
    show: (fresh) => { if (!typing) settle(fresh); },
    /** As a hand on the slider; null only asks. Whether it may move. */
    pull: (fresh) => {
      if (fresh !== null && !slider.disabled) {
        slider.value = position(row, within(row, fresh));
        slider.dispatchEvent(new Event("input"));
      }
      return !slider.disabled;
    },
    restore: (truth, refused) => {
      typing = false;
      settle(truth);
      if (refused) box.setAttribute("aria-invalid", "true");
    },
  };
}

// ---- buttons

function buttonBar(desk, out, words, rows, ask) {
  const bar = element("div", { class: "ppl-desk-buttons", role: "group", "aria-label": words.run }, rows);
  const made = new Map();
  desk.bind("buttons", (buttons) => {
    for (const spec of buttons) {
      let button = made.get(spec.name);
      if (!button) {
        button = element("button", { type: "button", class: "ppl-desk-button", "data-name": spec.name });
        button.addEventListener("click", () => {
          if (button.getAttribute("aria-disabled") !== "true") out.press(spec.name);
        });
        made.set(spec.name, button);
        if (spec.name === "reveal") ask.append(button); else rows.before(button);
      }
      button.replaceChildren(icon(spec.icon), element("span", {}, spec.label));
      button.title = spec.help;
      button.setAttribute("aria-disabled", String(Boolean(spec.disabled)));
    }
  });
  return bar;
}

// ---- drawers

function drawer(label, ...content) {
  return element("details", { class: "ppl-desk-drawer" }, element("summary", {}, label), ...content);
}

function codeDrawer(desk, words) {
  const code = element("pre", { class: "ppl-desk-code", tabindex: "0", role: "region", "aria-label": words.codeLabel });
  desk.bind("code", (text) => { code.textContent = text; });
  return drawer(words.code, code);
}

function stateDrawer(desk, words) {
  const line = element("input", {
    type: "text", readonly: true, class: "ppl-desk-state", "aria-label": words.stateLabel,
  });
  const said = element("span", { class: "ppl-desk-said", role: "status" });
  desk.bind("line", (text) => { line.value = text; said.textContent = ""; });
  const copy = async () => {
    line.focus({ preventScroll: true });
    line.select();
    try {
      await navigator.clipboard.writeText(line.value);
      said.textContent = words.copied;
    } catch {
      said.textContent = words.selected;
    }
  };
  const node = drawer(words.state, line, said);
  node.addEventListener("toggle", () => { if (node.open) copy(); });
  line.addEventListener("focus", () => line.select());
  return node;
}

/** What makes a page of the panel; a page itself has none. */
function saveButton(desk, out, words) {
  const button = element("button", { type: "button", class: "ppl-desk-button ppl-desk-save", title: words.saveHelp }, words.save);
  button.addEventListener("click", () => out.press("save"));
  const said = element("span", { class: "ppl-desk-said", role: "status" });
  desk.bind("saved", (text) => { said.textContent = text; });
  return element("div", { class: "ppl-desk-keep" }, button, said);
}

function printsDrawer(desk, words) {
  const lines = element("pre", { class: "ppl-desk-code", tabindex: "0", role: "region", "aria-label": words.printed });
  const node = drawer(words.printed, lines);
  node.open = true;
  desk.bind("prints", (text) => {
    lines.textContent = text;
    node.hidden = text === "";
    lines.scrollTop = lines.scrollHeight;
  });
  return node;
}

/** The summary as a screen reader hears it: once it has come to rest, not twenty times a second. */
function spokenSummary(desk) {
  const spoken = element("p", { class: "ppl-desk-hidden", role: "status" });
  let alarm = 0;
  desk.on("change:summary", () => {
    clearTimeout(alarm);
    alarm = setTimeout(() => { spoken.textContent = desk.get("summary"); }, SETTLED);
  });
  desk.lifetime.addEventListener("abort", () => clearTimeout(alarm));
  return spoken;
}

// ---- the desk

function render({ model, el }) {
  const life = new AbortController();
  const desk = attach(model, life.signal);
  const out = outbox(desk);
  const words = desk.get("words");
  const line = (tag, name, attributes) => {
    const node = element(tag, attributes);
    desk.bind(name, (text) => { node.textContent = text; });
    return node;
  };

  const places = { face: element("div", { class: "ppl-desk-rows" }), run: element("div", { class: "ppl-desk-rows" }), ask: element("div", { class: "ppl-desk-rows" }), drawer: element("div", { class: "ppl-desk-rows" }) };
  const rows = desk.get("rows").map((row) => controlRow(row, out, words));
  desk.get("rows").forEach((row, i) => places[row.place].append(rows[i].node));

  const head = element("div", { class: "ppl-desk-head" }, line("span", "title", { class: "ppl-desk-title" }), line("span", "status", { class: "ppl-desk-status" }));
  const ask = element("div", { class: "ppl-desk-ask", hidden: !places.ask.childElementCount }, line("p", "question", { class: "ppl-desk-question", role: "status" }), places.ask);
  const face = element("div", { class: "ppl-desk-face" }, ask, places.face, buttonBar(desk, out, words, places.run, ask), line("div", "message", { class: "ppl-desk-message", role: "alert" }));
  const drawers = element("div", { class: "ppl-desk-drawers" });
  if (places.drawer.childElementCount) drawers.append(drawer(words.drawer, places.drawer));
  drawers.append(codeDrawer(desk, words), stateDrawer(desk, words), printsDrawer(desk, words));
  if (words.save) drawers.append(saveButton(desk, out, words));
  const foot = element("div", { class: "ppl-desk-foot" }, line("p", "summary", { class: "ppl-desk-summary" }), spokenSummary(desk));

  desk.on("change:message", () => {
    if (!desk.get("message")) for (const box of el.querySelectorAll("[aria-invalid]")) box.removeAttribute("aria-invalid");
  });
  desk.bind("values", (values) => {
    for (const row of rows) if (row.name in values && !out.ahead(row.name)) row.show(values[row.name]);
  });
  out.onAnswer((done, refused) => {
    const values = desk.get("values");
    for (const row of rows) {
      if (done.includes(row.name) && !out.ahead(row.name)) row.restore(values[row.name], refused.includes(row.name));
    }
  });

  // A grip in a picture of this panel is a second hand on a slider.
  const gripped = (event) => {
    if (!event.target.closest(".ppl-panel")?.contains(el)) return;
    const free = rows.filter((row) => row.name in event.detail && row.pull?.(event.detail[row.name]));
    if (free.length) event.preventDefault();
  };
  document.addEventListener("ppl-move", gripped, { signal: life.signal });

  // A single key belongs to the control that has the focus, not to the notebook's shortcuts.
  const shield = ({ target, ctrlKey, metaKey }) => {
    if (face.contains(target) || drawers.contains(target)) {
      target.toggleAttribute("data-lm-suppress-shortcuts", !(ctrlKey || metaKey));
    }
  };
  window.addEventListener("keydown", shield, { capture: true, signal: life.signal });

  el.classList.add("ppl-desk");
  el.append(head, face, drawers, foot);
  return () => { life.abort(); el.replaceChildren(); };
}

export default { render };

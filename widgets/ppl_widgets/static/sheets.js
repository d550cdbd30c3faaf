// Sheets under a plot: a row of tabs, and the one sheet that is open. The kernel sends its HTML, with
// every text escaped; the page says which tab was opened and which site was chosen.

function render({ model, el }) {
  const life = new AbortController();
  const tabs = document.createElement("div");
  const sheet = document.createElement("div");
  tabs.className = "ppl-sheet-tabs";
  tabs.setAttribute("role", "tablist");
  tabs.setAttribute("aria-label", model.get("label"));
  const stem = `ppl-sheet-${Math.random().toString(36).slice(2, 8)}`;
  sheet.className = "ppl-sheet";
  sheet.id = stem;
  sheet.tabIndex = 0;
  sheet.setAttribute("role", "tabpanel");
  el.classList.add("ppl-sheets");
  el.append(tabs, sheet);

  const buttons = model.get("tabs").map(([name, said]) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "ppl-sheet-tab";
    button.id = `${stem}-${name}`;
    button.textContent = said;
    button.dataset.name = name;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", stem);
    button.addEventListener("click", () => model.send({ open: name }));
    tabs.append(button);
    return button;
  });
  tabs.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    const next = buttons[(buttons.indexOf(event.target) + way + buttons.length) % buttons.length];
    next.focus();
    next.click();
  });

  const showTabs = () => {
    for (const button of buttons) {
      const open = button.dataset.name === model.get("opened");
      button.setAttribute("aria-selected", String(open));
      button.tabIndex = open ? 0 : -1;
      if (open) sheet.setAttribute("aria-labelledby", button.id);
    }
  };
  // A row's name is a button too: choosing a site works from the code and from the ledger.
  const showSheet = () => {
    const held = sheet.contains(document.activeElement) ? document.activeElement.dataset : {};
    sheet.innerHTML = model.get("html");
    for (const head of sheet.querySelectorAll(".ppl-code ~ .ppl-table tbody th[scope=row]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.site = head.textContent;
      button.dataset.from = "row";
      button.textContent = head.textContent;
      head.replaceChildren(button);
    }
    if (held.site) {
      const same = [...sheet.querySelectorAll("button")].find(
        (b) => b.dataset.site === held.site && b.dataset.from === held.from,
      );
      same?.focus({ preventScroll: true });
    }
  };
  sheet.addEventListener("click", (event) => {
    const site = event.target.closest?.("[data-site]")?.dataset.site;
    if (site) model.send({ site });
  });

  const listeners = { "change:opened": showTabs, "change:html": showSheet };
  for (const [name, listener] of Object.entries(listeners)) {
    listener();
    model.on(name, listener);
  }
  // A single key belongs to what has the focus, not to the notebook's shortcuts.
  const shield = ({ target, ctrlKey, metaKey }) => {
    if (el.contains(target)) target.toggleAttribute("data-lm-suppress-shortcuts", !(ctrlKey || metaKey));
  };
  window.addEventListener("keydown", shield, { capture: true, signal: life.signal });
  return () => {
    for (const [name, listener] of Object.entries(listeners)) model.off(name, listener);
    life.abort();
    el.replaceChildren();
  };
}

export default { render };

// The live table: the kernel sends its HTML, with every text escaped; only what differs is replaced.

function patch(was, now) {
  const [old, fresh] = [[...was.childNodes], [...now.childNodes]];
  if (was.nodeName !== now.nodeName || old.length !== fresh.length) {
    was.replaceWith(now);
    return;
  }
  if (was.nodeType === Node.TEXT_NODE) {
    if (was.data !== now.data) was.data = now.data;
    return;
  }
  for (const { name } of [...was.attributes]) if (!now.hasAttribute(name)) was.removeAttribute(name);
  for (const { name, value } of now.attributes) {
    if (was.getAttribute(name) !== value) was.setAttribute(name, value);
  }
  old.forEach((node, i) => patch(node, fresh[i]));
}

function render({ model, el }) {
  const frame = document.createElement("div");
  frame.className = "ppl-table-frame";
  frame.tabIndex = 0; // a narrow page scrolls it by keyboard
  frame.setAttribute("role", "region");
  el.classList.add("ppl-table");
  el.append(frame);

  const show = () => {
    frame.setAttribute("aria-label", model.get("label"));
    const fresh = document.createElement("template");
    fresh.innerHTML = model.get("html");
    const [was, now] = [frame.firstElementChild, fresh.content.firstElementChild];
    if (was) patch(was, now);
    else frame.append(now);
  };
  show();
  const events = ["change:html", "change:label"];
  for (const event of events) model.on(event, show);
  return () => {
    for (const event of events) model.off(event, show);
    el.replaceChildren();
  };
}

export default { render };

// The stage of a plot: plotly's script, once a page; a figure in the page's colours; where its
// axes are.

const CONFIG = {
  displaylogo: false,
  responsive: false,
  showTips: false,
  modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
};

/** Plotly for this page: there already, on its way, or asked for through `ask`. */
function plotlyOf(version, ask) {
  if (window.Plotly?.version === version) return Promise.resolve(window.Plotly);
  const page = (window.pplPlotly ??= {});
  page[version] ??= ask()
    .then(evaluate)
    .catch((error) => {
      delete page[version]; // the next view tries again
      throw error;
    });
  return page[version];
}

/** Run the compressed script; it takes a second of the page, so it waits for a hand at rest. */
async function evaluate(packed) {
  const unpack = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const source = await new Response(unpack).blob();
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  await rest();
  try {
    await new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.onload = () => resolve(script.remove());
      script.onerror = () => reject(new Error("plotly.js did not load"));
      script.src = url;
      document.head.append(script);
    });
  } finally {
    URL.revokeObjectURL(url);
  }
  const ours = window.pplPlotlyScript;
  delete window.pplPlotlyScript;
  return ours;
}

/** Half a second without a press, a drag or a key (after ten seconds, anyway). */
function rest() {
  const events = ["pointerdown", "pointermove", "keydown", "wheel"];
  return new Promise((resolve) => {
    let timer;
    const done = () => {
      clearTimeout(timer);
      clearTimeout(latest);
      for (const event of events) window.removeEventListener(event, touched, true);
      resolve();
    };
    const touched = (event) => {
      if (event?.type === "pointermove" && !event.buttons) return;
      clearTimeout(timer);
      timer = setTimeout(done, 500);
    };
    const latest = setTimeout(done, 10000);
    for (const event of events) window.addEventListener(event, touched, true);
    timer = setTimeout(done, 100);
  });
}

/** A figure for plotly: the still traces only, every role in this shade's colour. */
function staged(figure, colours, font, size) {
  const { ink, line, fill } = colours;
  const still = (figure.data ?? []).filter((trace) => !trace.meta?.live);
  const data = still.map((trace) => {
    const role = trace.meta?.role;
    if (!(role in line)) return trace;
    return {
      ...trace,
      hoverinfo: "skip",
      line: { ...trace.line, color: line[role] },
      marker: { ...trace.marker, color: line[role] },
      ...(trace.fill && { fillcolor: fill[role] }),
      ...(trace.fillpattern && { fillpattern: { ...trace.fillpattern, fgcolor: line[role] } }),
    };
  });
  const axis = (given = {}) => ({
    ...given,
    linecolor: ink.axis,
    tickcolor: ink.axis,
    gridcolor: ink.grid,
    tickfont: { color: ink.quiet, ...given.tickfont },
  });
  const { title, ...given } = figure.layout ?? {};
  const named = (thing) => line[thing.name];
  const layout = {
    ...given,
    ...size,
    autosize: false,
    font: { ...given.font, family: font, color: ink.text },
    xaxis: axis(given.xaxis),
    yaxis: axis(given.yaxis),
    annotations: (given.annotations ?? []).map((note) =>
      named(note) ? { ...note, font: { ...note.font, color: named(note) } } : note,
    ),
    shapes: (given.shapes ?? []).map((shape) =>
      named(shape)
        ? { ...shape, line: { ...shape.line, color: named(shape) }, fillcolor: fill[shape.name] }
        : shape,
    ),
    modebar: { bgcolor: "transparent", color: ink.quiet, activecolor: ink.text },
  };
  if (matchMedia("(pointer: coarse)").matches) layout.dragmode = false; // leave scrolling alone
  return { data: structuredClone(data), layout: structuredClone(layout) };
}

/** Area and axes as plotly has them now. */
function plotlyAxes(div) {
  const { xaxis, yaxis } = div._fullLayout;
  const axis = (full, up) => ({
    at: full._offset,
    length: full._length,
    from: full.range[0],
    to: full.range[1],
    log: full.type === "log",
    name: full.title?.text,
    up,
  });
  const area = {
    left: xaxis._offset,
    top: yaxis._offset,
    width: xaxis._length,
    height: yaxis._length,
  };
  return { area, axes: { x: axis(xaxis, false), y: axis(yaxis, true), drawn: false } };
}

/** The same from the figure alone, before plotly has come. */
function simpleAxes(layout, width, height) {
  const { l = 50, r = 10, t = 10, b = 40 } = layout.margin ?? {};
  const area = {
    left: l,
    top: t,
    width: Math.max(1, width - l - r),
    height: Math.max(1, height - t - b),
  };
  const axis = (given, at, length, up) => ({
    at,
    length,
    from: given?.range?.[0] ?? 0,
    to: given?.range?.[1] ?? 1,
    log: given?.type === "log",
    ticks: given?.tickvals?.map((value, i) => [value, given.ticktext?.[i] ?? `${Number(value.toPrecision(6))}`]),
    name: given?.title?.text,
    up,
  });
  return {
    area,
    axes: {
      x: axis(layout.xaxis, area.left, area.width, false),
      y: axis(layout.yaxis, area.top, area.height, true),
      drawn: true,
    },
  };
}

/** The first colour behind an element that is not see-through, as [r, g, b], or null. */
function paperBehind(element) {
  for (let node = element; node; node = node.parentElement) {
    const parts = getComputedStyle(node).backgroundColor.match(/[\d.]+/g)?.map(Number) ?? [];
    if (parts.length >= 3 && (parts[3] ?? 1) > 0.5) return parts.slice(0, 3);
  }
  return null;
}

/** "light" or "dark": what the page says of itself, else how bright the paper is. */
function shadeOf(element) {
  const said = document.body.dataset.jpThemeLight;
  if (said) return said === "false" ? "dark" : "light";
  const paper = paperBehind(element);
  if (!paper) {
    const allowed = getComputedStyle(document.documentElement).colorScheme.includes("dark");
    return allowed && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
  }
  const [red, green, blue] = paper;
  return 0.3 * red + 0.59 * green + 0.11 * blue < 128 ? "dark" : "light";
}

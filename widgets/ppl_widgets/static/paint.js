// Curves on a canvas. Everything here is a function of its arguments: a 2d context, the plot's
// area and axes in CSS pixels, traces with numbers, colours. Nothing here knows of a page.
//
// An axis is {at, length, from, to, log, up}: its first pixel, its pixels, the values at its ends
// (their log10 if log); `up` for y; perhaps `ticks`, pairs of a value and its words. A trace is {style, x, y, words, label}, its style a plotly
// trace; `colours` is one shade of the theme.

const DASHES = { solid: [], dash: [8, 5], dot: [1.5, 4.5], dashdot: [9, 4, 1.5, 4] };
const FAR = 1e5; // pixels: further out a canvas loses its precision

function onAxis(axis) {
  const scale = ((axis.up ? -1 : 1) * axis.length) / (axis.to - axis.from);
  const start = axis.up ? axis.at + axis.length : axis.at;
  return (value) => {
    const pixel = start + ((axis.log ? Math.log10(value) : value) - axis.from) * scale;
    return pixel > FAR ? FAR : pixel < -FAR ? -FAR : pixel;
  };
}

function offAxis(axis, pixel) {
  const share = (pixel - axis.at) / axis.length;
  const value = axis.from + (axis.up ? 1 - share : share) * (axis.to - axis.from);
  return axis.log ? 10 ** value : value;
}

const roleOf = (trace) => trace.style.meta?.role;
const gripOf = (trace) => trace.style.meta?.grip;
const lineColour = (trace, colours) => colours.line[roleOf(trace)] ?? trace.style.line?.color;

/** Paint every trace into its area; with `axes.drawn` also simple axes, until plotly has come. */
function paint(g, { area, axes, traces, colours, font, pointer, held }) {
  const x = onAxis(axes.x);
  const y = onAxis(axes.y);
  if (axes.drawn) paintAxes(g, area, axes, colours.ink, font);
  g.save();
  g.beginPath();
  g.rect(area.left, area.top - 3, area.width + 3, area.height + 6); // a line on the border shows whole
  g.clip();
  for (const trace of traces) if (trace.style.fill) paintArea(g, trace, x, y, area, colours);
  const lines = traces.filter((trace) => roleOf(trace) !== "mark" && !gripOf(trace));
  for (const trace of lines) paintLine(g, trace, axes, x, y, colours);
  const marks = traces.filter((trace) => roleOf(trace) === "mark");
  for (const trace of marks) paintMarks(g, trace, x, area, colours);
  const taken = []; // boxes that hold words already
  g.font = `12px ${font}`;
  for (const trace of traces) if (trace.label) paintLabel(g, trace, x, y, area, colours, taken);
  g.font = `11px ${font}`;
  for (const trace of marks) paintMarkWords(g, trace, x, area, colours, taken);
  g.font = `12px ${font}`;
  if (pointer) paintReadout(g, lines, axes, x, y, area, colours, pointer);
  for (const trace of traces) if (gripOf(trace)) paintGrip(g, trace, x, y, colours, held);
  g.restore();
}

const GRIP = 6.5; // pixels: its radius

/** A ring to take hold of; from its second point, if it has one, a line leads to it. */
function paintGrip(g, trace, x, y, colours, held) {
  const [[left, top], from] = [0, 1].map((i) => [x(trace.x[i]), y(trace.y[i])]);
  if (left !== left || top !== top) return;
  g.strokeStyle = lineColour(trace, colours);
  g.lineWidth = 2;
  g.beginPath();
  if (trace.x.length > 1) {
    g.moveTo(...from);
    g.lineTo(left, top);
    g.stroke();
    g.beginPath();
  }
  g.arc(left, top, GRIP, 0, 7);
  g.fillStyle = trace.style.uid === held ? g.strokeStyle : colours.ink.paper;
  g.fill();
  g.stroke();
}

function follow(g, trace, x, y) {
  let pen = false;
  const { x: across, y: up } = trace;
  for (let i = 0; i < across.length; i++) {
    const left = x(across[i]);
    const top = y(up[i]);
    if (left !== left || top !== top) pen = false; // NaN: a gap
    else if (pen) g.lineTo(left, top);
    else {
      g.moveTo(left, top);
      pen = true;
    }
  }
}

function paintLine(g, trace, axes, x, y, colours) {
  const { style } = trace;
  const mode = style.mode ?? "lines";
  const width = style.line?.width ?? 2;
  const colour = lineColour(trace, colours);
  g.globalAlpha = style.opacity ?? 1;
  if (mode.includes("lines") && width > 0) {
    const dash = DASHES[style.line?.dash ?? "solid"] ?? [];
    g.beginPath();
    follow(g, trace, x, y);
    g.strokeStyle = colour;
    g.lineWidth = width;
    g.lineJoin = "round";
    g.lineCap = dash.length ? "butt" : "round";
    g.setLineDash(dash);
    g.globalAlpha = style.opacity ?? 1;
    g.stroke();
    g.globalAlpha = 1;
    g.setLineDash([]);
  }
  if (mode.includes("markers")) {
    const radius = (style.marker?.size ?? 6) / 2;
    g.fillStyle = colour;
    g.beginPath();
    for (const [left, top] of markerSpots(trace, axes, x, y)) {
      g.moveTo(left + radius, top);
      g.arc(left, top, radius, 0, 7);
    }
    g.fill();
  }
  g.globalAlpha = 1;
}

/** Every point, or with `maxdisplayed` places that stand still while the curve grows and moves. */
function markerSpots(trace, axes, x, y) {
  const spots = [];
  const most = trace.style.marker?.maxdisplayed;
  const last = trace.x.length - 1;
  if (most && last >= most) {
    for (let k = 0.5; k < most; k++) {
      const at = offAxis(axes.x, axes.x.at + (k / most) * axes.x.length);
      spots.push([x(at), y(valueAt(trace, at))]);
    }
  } else for (let i = 0; i <= last; i++) spots.push([x(trace.x[i]), y(trace.y[i])]);
  const shown = spots.filter(([left, top]) => left === left && top === top);
  return shown.length || last < 0 ? shown : [[x(trace.x[last]), y(trace.y[last])]];
}

function paintArea(g, trace, x, y, area, colours) {
  const { style } = trace;
  if (!trace.x.length) return;
  g.beginPath();
  follow(g, trace, x, y);
  if (style.fill === "tozeroy") {
    g.lineTo(x(trace.x[trace.x.length - 1]), y(0));
    g.lineTo(x(trace.x[0]), y(0));
  }
  g.closePath();
  g.fillStyle = colours.fill[roleOf(trace)] ?? style.fillcolor ?? "transparent";
  g.fill();
  if (!style.fillpattern?.shape) return;
  g.save();
  g.clip();
  g.beginPath();
  const step = style.fillpattern.size ?? 8;
  for (let left = area.left - area.height; left < area.left + area.width; left += step) {
    g.moveTo(left, area.top + area.height);
    g.lineTo(left + area.height, area.top);
  }
  g.strokeStyle = lineColour(trace, colours);
  g.lineWidth = 1;
  g.stroke();
  g.restore();
}

/** Vertical ticks at moments of change. */
function paintMarks(g, trace, x, area, colours) {
  const colour = lineColour(trace, colours);
  g.strokeStyle = colour;
  g.lineWidth = 1;
  g.setLineDash([2, 3]);
  g.beginPath();
  for (const at of trace.x) {
    const left = Math.round(x(at)) + 0.5;
    g.moveTo(left, area.top);
    g.lineTo(left, area.top + area.height);
  }
  g.stroke();
  g.setLineDash([]);
}

/** Their words; the newest win where there is no room for all. */
function paintMarkWords(g, trace, x, area, colours, taken) {
  for (let i = trace.x.length - 1; i >= 0; i--) {
    const words = trace.words?.[i] ?? "";
    const width = g.measureText(words).width;
    let left = x(trace.x[i]) + 4;
    if (left + width > area.left + area.width) left -= width + 8;
    const box = { left, top: area.top + 1, width, height: 14 };
    if (!words || taken.some((other) => overlap(box, other))) continue;
    taken.push(box);
    write(g, words, box.left, box.top + 11, colours.ink.quiet, colours.ink.paper);
  }
}

function write(g, words, left, base, colour, paper) {
  g.textAlign = "left";
  g.textBaseline = "alphabetic";
  g.lineJoin = "round";
  g.lineWidth = 3.5;
  g.strokeStyle = paper;
  g.strokeText(words, left, base);
  g.fillStyle = colour;
  g.fillText(words, left, base);
}

function overlap(one, other) {
  return (
    one.left < other.left + other.width + 4 &&
    other.left < one.left + one.width + 4 &&
    one.top < other.top + other.height &&
    other.top < one.top + one.height
  );
}

/** Write a direct label beside its curve, kept inside the area and off the labels before it. */
function paintLabel(g, trace, x, y, area, colours, taken) {
  const { text, at } = trace.label;
  const spot = text && labelSpot(trace, at, x, y, area);
  if (!spot) return;
  let lines = wrapped(g, text, spot.width ?? Infinity);
  if (lines.length * LINE > spot.height) lines = [text];
  const width = Math.max(...lines.map((line) => g.measureText(line).width));
  const height = lines.length * LINE;
  if (spot.top - height < area.top && at !== "inside") {
    spot.top += 10; // no room above the curve
    spot.below = true;
  }
  const within = (value, low, high) => Math.max(low, Math.min(high, value));
  const box = {
    left: within(spot.left - width * spot.align, area.left + 3, area.left + area.width - width - 3),
    top: spot.top - (at === "inside" ? height / 2 : spot.below ? 0 : height),
    width,
    height,
  };
  const lowest = area.top + area.height - height - 1;
  box.top = within(box.top, area.top + 1, lowest);
  for (let tries = 0; tries < 8 && taken.some((other) => overlap(box, other)); tries++) {
    box.top = within(box.top + (spot.below ? 1 : -1) * height, area.top + 1, lowest);
    if (box.top === area.top + 1 || box.top === lowest) spot.below = !spot.below;
  }
  taken.push(box);
  const inked = !["forbidden", "band", "mark"].includes(roleOf(trace));
  const colour = inked ? lineColour(trace, colours) : colours.ink.text;
  lines.forEach((line, i) => write(g, line, box.left, box.top + 12 + i * LINE, colour, colours.ink.paper));
}

const LINE = 15; // pixels

/** A text in lines that are no wider than there is room, where its words allow it. */
function wrapped(g, text, room) {
  return text.split(" ").reduce((lines, word) => {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    if (!lines.length || g.measureText(longer).width > room) return [...lines, word];
    return [...lines.slice(0, -1), longer];
  }, []);
}

/** Where a label belongs: {left, top} in pixels, `align` 0, .5 or 1 of its width. */
function labelSpot(trace, at, x, y, area) {
  const { x: across, y: up } = trace;
  const shown = [];
  for (let i = 0; i < across.length; i++) {
    const left = x(across[i]);
    const top = y(up[i]);
    if (left === left && top === top) shown.push([left, top]);
  }
  const right = area.left + area.width;
  if (at === "inside") {
    const span = (k, low, high) => [
      Math.max(low, Math.min(...shown.map((p) => p[k]))),
      Math.min(high, Math.max(...shown.map((p) => p[k]))),
    ];
    if (!shown.length) return null;
    const [west, east] = span(0, area.left, right);
    const [north, south] = span(1, area.top, area.top + area.height);
    if (south - north < 14 || east <= west) return null;
    const [width, height] = [east - west, south - north];
    return { left: (west + east) / 2, top: (north + south) / 2, align: 0.5, width, height };
  }
  const visible = shown.filter(([left]) => left >= area.left - 1 && left <= right + 1);
  if (!visible.length) return null;
  if (at === "start") return { left: visible[0][0] + 4, top: visible[0][1] - 4, align: 0 };
  if (at === "end") {
    const [left, top] = visible[visible.length - 1];
    return { left, top: top - 4, align: 1 };
  }
  let peak = 0;
  visible.forEach(([, top], i) => top < visible[peak][1] && (peak = i));
  if (at === "peak") return { left: visible[peak][0], top: visible[peak][1] - 6, align: 0.5 };
  const floor = y(0);
  const half = (visible[peak][1] + Math.min(floor, area.top + area.height)) / 2;
  const step = at === "left" ? -1 : 1;
  let i = peak;
  while (visible[i + step] && visible[i][1] < half) i += step;
  return { left: visible[i][0] + 10 * step, top: half + 8, align: at === "left" ? 1 : 0 };
}

/** What stands under the pointer: a hairline and every named curve's value there. */
function paintReadout(g, traces, axes, x, y, area, colours, pointer) {
  const at = offAxis(axes.x, pointer.left);
  const rows = [];
  for (const trace of traces) {
    const value = trace.style.name && !trace.words && trace.style.fill !== "toself" && valueAt(trace, at);
    if (typeof value === "number" && value === value) rows.push({ trace, value });
  }
  if (!rows.length) return;
  g.strokeStyle = colours.ink.axis;
  g.lineWidth = 1;
  g.beginPath();
  g.moveTo(Math.round(pointer.left) + 0.5, area.top);
  g.lineTo(Math.round(pointer.left) + 0.5, area.top + area.height);
  g.stroke();
  for (const { trace, value } of rows) {
    g.fillStyle = lineColour(trace, colours);
    g.beginPath();
    g.arc(pointer.left, y(value), 4, 0, 7);
    g.fill();
  }
  const lines = [[`${axes.x.name || "x"} ${digits(at, axes.x)}`, colours.ink.text]];
  for (const { trace, value } of rows) {
    lines.push([`${trace.style.name} ${digits(value, axes.y)}`, lineColour(trace, colours)]);
  }
  const width = Math.max(...lines.map(([words]) => g.measureText(words).width)) + 14;
  const height = lines.length * 16 + 8;
  const fits = pointer.left + 12 + width < area.left + area.width;
  const left = fits ? pointer.left + 12 : Math.max(area.left, pointer.left - 12 - width);
  const top = Math.max(area.top, Math.min(area.top + area.height - height, pointer.top - height / 2));
  g.fillStyle = colours.ink.paper;
  g.globalAlpha = 0.92;
  g.fillRect(left, top, width, height);
  g.globalAlpha = 1;
  g.strokeStyle = colours.ink.axis;
  g.strokeRect(Math.round(left) + 0.5, Math.round(top) + 0.5, width, height);
  g.textAlign = "left";
  lines.forEach(([words, colour], i) => {
    g.fillStyle = colour;
    g.fillText(words, left + 7, top + 17 + 16 * i);
  });
}

function valueAt(trace, at) {
  const { x, y } = trace;
  for (let i = 1; i < x.length; i++) {
    if (x[i - 1] <= at && at <= x[i]) {
      const share = x[i] > x[i - 1] ? (at - x[i - 1]) / (x[i] - x[i - 1]) : 0;
      return y[i - 1] + share * (y[i] - y[i - 1]);
    }
  }
  return NaN;
}

/** A number with as many decimals as the axis can show. */
function digits(value, axis) {
  if (axis.log) return value.toPrecision(3);
  const step = Math.abs(axis.to - axis.from) / 500;
  return value.toFixed(Math.max(0, Math.min(8, Math.ceil(-Math.log10(step)))));
}

function paintAxes(g, area, axes, ink, font) {
  const { left, top, width, height } = area;
  const x = onAxis(axes.x);
  const y = onAxis(axes.y);
  const line = (x0, y0, x1, y1) => {
    g.moveTo(Math.round(x0) + 0.5, Math.round(y0) + 0.5);
    g.lineTo(Math.round(x1) + 0.5, Math.round(y1) + 0.5);
  };
  g.font = `12px ${font}`;
  g.lineWidth = 1;
  g.strokeStyle = ink.grid;
  g.fillStyle = ink.quiet;
  g.beginPath();
  g.textBaseline = "top";
  g.textAlign = "center";
  for (const [value, words] of axisTicks(axes.x)) {
    line(x(value), top, x(value), top + height);
    g.fillText(words, x(value), top + height + 7);
  }
  g.textBaseline = "middle";
  g.textAlign = "right";
  for (const [value, words] of axisTicks(axes.y)) {
    line(left, y(value), left + width, y(value));
    g.fillText(words, left - 7, y(value));
  }
  g.stroke();
  g.strokeStyle = ink.axis;
  g.beginPath();
  line(left, top, left, top + height);
  line(left, top + height, left + width, top + height);
  g.stroke();
  g.fillStyle = ink.text;
  g.textAlign = "center";
  g.textBaseline = "middle";
  g.fillText(axes.x.name ?? "", left + width / 2, top + height + 30);
  g.save();
  g.translate(left - 38, top + height / 2);
  g.rotate(-Math.PI / 2);
  g.fillText(axes.y.name ?? "", 0, 0);
  g.restore();
}

function axisTicks(axis) {
  if (axis.ticks) return axis.ticks;
  const ticks = [];
  if (axis.log) {
    for (let power = Math.ceil(axis.from); power <= axis.to; power++) {
      ticks.push([10 ** power, `${10 ** power}`]);
    }
    return ticks;
  }
  const most = Math.max(2, Math.min(6, axis.length / (axis.up ? 24 : 48)));
  const rough = Math.abs(axis.to - axis.from) / most;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].find((nice) => nice * unit >= rough) * unit;
  const low = Math.min(axis.from, axis.to);
  const high = Math.max(axis.from, axis.to);
  const places = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + step * 1e-6; k++) {
    ticks.push([k * step, (k * step).toFixed(places)]);
  }
  return ticks;
}

// What the pictures of draws are made of: step outlines, bells, clouds (views/parts.py in Python).

const BARS = 28;
const DOTS = 1500; // the newest so many draws are shown as dots
const GRID = 41; // points of a bell beside those of its middle
const FINE = 161; // points of its middle, five sds to both sides
const NOTHING = [[], []];

/** So many numbers in even steps, as numpy.linspace rounds them. */
function evenly([low, high], number) {
  const step = (high - low) / (number - 1);
  return Float64Array.from({ length: number }, (_, n) => (n < number - 1 ? n * step + low : high));
}

const bell = ([mean, sd], x) => Math.exp(-0.5 * ((x - mean) / sd) ** 2) / (sd * Math.sqrt(2 * Math.PI));
const zone = (x0, x1, y0, y1) => [[x0, x1, x1, x0], [y0, y0, y1, y1]];
const pairs = (x, y) => [x.slice(-DOTS), y.slice(-DOTS)];
const level = (ends, value) => [ends, [value, value]];

/** The outline of a histogram, as a density: its area is the share that lies within the ends. */
function bars(values, [low, high], weights = null) {
  const heights = new Float64Array(BARS);
  let total = 0;
  values.forEach((value, n) => {
    const weight = weights ? weights[n] : 1;
    total += weight;
    if (value < low || value > high) return;
    heights[Math.min(BARS - 1, Math.floor((BARS * (value - low)) / (high - low)))] += weight;
  });
  if (!(total > 0)) return NOTHING;
  const wide = (high - low) / BARS;
  const edges = evenly([low, high], BARS + 1);
  const across = [];
  const up = [0];
  edges.forEach((edge) => across.push(edge, edge));
  heights.forEach((height) => up.push(height / (total * wide), height / (total * wide)));
  return [across, [...up, 0]];
}

/** A normal density, or a spike where there is no width left. */
function belief([mean, sd], ends, top) {
  if (sd <= 1e-9) return [[mean, mean], [0, top]];
  const fine = evenly([-5, 5], FINE).map((z) => mean + sd * z);
  const x = [...new Set([...evenly(ends, GRID), ...fine])].sort((a, b) => a - b);
  return [x, x.map((at) => bell([mean, sd], at))];
}

/** Where the rings are that move a bell's mean and its width. */
function held([mean, sd]) {
  const [top, side] = [mean, mean + sd].map((x) => bell([mean, sd], x));
  return [[[mean], [top]], [[mean + sd, mean], [side, side]]];
}

// ---- of draws

const total = (values) => values.reduce((sum, x) => sum + x, 0);

/** Mean, weighted if there are weights; not a number if there is nothing. */
const average = (values, weights = null) =>
  weights ? total(values.map((x, n) => x * weights[n])) / total(weights) : total(values) / values.length;

/** Standard deviation of a sample. */
function deviation(values) {
  const middle = average(values);
  return Math.sqrt(total(values.map((x) => (x - middle) ** 2)) / (values.length - 1));
}

/** Weights from their logs, the largest one 1. */
function weightsOf(logs) {
  const largest = logs.reduce((high, x) => Math.max(high, x), -Infinity);
  return logs.map((x) => Math.exp(x - largest));
}

/** What it is after each draw: running sums. */
function running(values) {
  let sum = 0;
  return values.map((x) => (sum += x));
}

// How heavy the tail of some weights is (ppl_core/diagnostics/weights.py; Zhang & Stephens 2009).

const EQUAL = 1e-4; // nats between weights that count as equal
const ALMOST = 1e-5; // nats between the largest ones

/** Shape of the tail of weights, given by their logs; -Infinity where there is none. */
function paretoK(logs) {
  const ordered = Float64Array.from(logs).sort();
  const highest = ordered.at(-1);
  if (highest - ordered[0] < EQUAL) return -Infinity;
  const tail = Math.floor(Math.min(0.2 * ordered.length, 3 * Math.sqrt(ordered.length)));
  if (tail < 5) return NaN;
  const cutoff = Math.exp(ordered.at(-tail - 1) - highest);
  if (ordered.at(-tail) - highest > -ALMOST) return -Infinity;
  if (cutoff === 0) return NaN;
  const excess = ordered.slice(-tail).map((log) => Math.max(Math.exp(log - highest) - cutoff, 1e-300));
  const points = 30 + Math.floor(Math.sqrt(tail));
  const quartile = excess[Math.floor(tail / 4 + 0.5) - 1];
  const shape = (b) => average(excess.map((x) => Math.log1p(-b * x)));
  const grid = Array.from({ length: points }, (_, n) => 1 / excess.at(-1) + (1 - Math.sqrt(points / (n + 0.5))) / (3 * quartile));
  const profile = grid.map((b) => tail * (Math.log(-b / shape(b)) - shape(b) - 1));
  const k = shape(average(grid, weightsOf(profile)));
  return (tail * k + 5) / (tail + 10);
}

// Sentences and numbers as the panels write them (text.py says the same in Python).

const KINDS = {}; // kind of a page -> what thinks in it

const fill = (sentence, parts) => sentence.replace(/\{(\w+)\}/g, (_, name) => parts[name]);
const count = (number) => number.toLocaleString("en-US");

function fixed(value, places = 2) {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "not a number" : "infinite";
  if (Math.abs(value) >= 1e6) return value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
  return (Number(even(value, places)) + 0).toFixed(places); // never -0.00
}

/** Rounded as Python rounds: what lies in the middle goes to the even neighbour. */
function even(value, places) {
  const [near, rest] = [value.toFixed(places), value.toFixed(places + 30).slice(-30)];
  const odd = Number(near.at(-1)) % 2 === 1;
  return /^50*$/.test(rest) && odd ? (Number(near) - Math.sign(value) * 10 ** -places).toFixed(places) : near;
}

const percent = (share) => `${fixed(100 * share, share > 0 && share < 0.0995 ? 1 : 0)} %`;
const setting = (value) => String(Number(value.toPrecision(6)));

const nats = (value) => `${value > 0 && value < 0.0005 ? "<0.001" : fixed(value, 3)} nats`;
const normal = ([mean, sd]) => `N(${fixed(mean)}, ${fixed(sd)})`;

/** A number as Python would write it where a float is meant. */
const float = (value) => (Number.isInteger(value) ? value.toFixed(1) : String(value));
const literal = (value, row) =>
  typeof value === "string" ? `'${value}'` : row.kind === "int" ? String(value) : float(value);

/** From a page's own text: base64 of gzip of JSON. */
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.trim()), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// What Python has recorded and printed, brought to life: steps, and functions of named numbers.

const evaluate = (text) =>
  new Function("Twister", "inside", "m", `${text} return Step;`)(engine.Twister, engine.inside, engine.m);

/** A recorded function of named numbers: returns arrays by name, the same ones at each call. */
function recordedFunction({ text, inputs, outputs }) {
  const empty = Object.fromEntries(Object.entries(outputs).map(([name, size]) => [name, new Float64Array(size)]));
  const zeros = Object.fromEntries(inputs.filter(Boolean).map((name) => [name, [0]]));
  const step = new (evaluate(text))(empty, zeros, 0);
  const slots = Object.values(step.data);
  const results = Object.values(step.state);
  const found = Object.fromEntries(Object.keys(outputs).map((name, i) => [name, results[i]]));
  return (given) => {
    inputs.forEach((name, i) => name && (slots[i][0] = given[name]));
    step.run(1);
    return found;
  };
}

/** Draw so many normal numbers, as torch does. */
function normals(random, number) {
  const out = new Float32Array(number);
  if (number < 16) random.fewNormals(out, 0, number);
  else random.manyNormals(out, 0, number, "float32");
}

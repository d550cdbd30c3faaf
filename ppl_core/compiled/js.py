"""A program as JavaScript: a page without a kernel trains by itself.

The text defines one class, `Step`: state and data as typed arrays, a random stream that is torch's,
and `run(steps)`, which returns the losses. Numbers are computed in double precision and kept in
single precision between steps, as the engine of floats does.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from .curly import Curly
from .dialect import Dialect
from .ops import Program, Value
from .tape import FEW

LIBRARY = (Path(__file__).parent / "twister.js").read_text(encoding="utf-8")
"""The random stream, as `Twister`, and functions that browsers lack: `inside` and those of `m`."""
ARRAYS = {
    "float32": "Float32Array",
    "float64": "Float64Array",
    "int64": "Float64Array",
    "int32": "Int32Array",
    "bool": "Uint8Array",
}

FRAME = """
class Step {{
    /* state, data: arrays of numbers by name; seed: a whole number, as for torch.manual_seed */
    constructor(state, data, seed) {{
        this.random = new Twister(seed);
        this.state = {state};
        this.data = {data};
        this.memory = {memory};
    }}

    /* Take steps; stops before one that is not finite. Returns the losses of those taken. */
    run(steps) {{
        const random = this.random, losses = [];
        {names}
        for (let step = 0; step < steps; step++) {{
{draw}
{body}
            if (!Number.isFinite({loss})) break;
            losses.push({loss});
{move}
        }}
        return losses;
    }}
}}
"""


def javascript(program: Program, library: bool = True) -> str:
    """The text of a program for a browser.

    State and data are named as in the program, closed-over tensors and constants are written into
    the text.

    Args:
        program: as recorded.
        library: whether the text begins with `LIBRARY`; a page with many programs has it once.

    Raises:
        NotCompiled: an operation has no form in JavaScript.
    """
    curly = Curly(program, Dialect("js"))
    state, noise = program.inputs("state"), program.inputs("noise")
    data = [v for v in program.values if v.role in ("data", "constant")]
    stored = [program.values[value] for value in sorted(curly.layout.stored)]
    memory = [_new(curly, v) for v in (*noise, *stored)]
    packed = [
        (name, cell, rows, ARRAYS[program.values[cell.value].dtype])
        for (cell, rows), name in curly.layout.packed.items()
    ]
    names = [
        _unpack([curly.array(v.id) for v in state], "this.state"),
        _unpack([curly.array(v.id) for v in data], "this.data"),
        _unpack([curly.array(v.id) for v in (*noise, *stored)], "this.memory"),
        *(
            f"const {name} = {kind}.from({{length: {rows}}}, "
            f"(_, r) => {curly.array(cell.value)}[{cell.address} + r * {cell.step}]);"
            for name, cell, rows, kind in packed
        ),
    ]
    *new, (loss, _) = curly.results()
    move = []
    for value, (text, size) in zip(state, new, strict=True):
        name = curly.array(value.id)
        loop = f"for (let i = 0; i < {size}; i++) " if text.endswith("[i]") else ""
        move.append(f"{loop}{name}[{'i' if loop else 0}] = {text};")
    return (LIBRARY if library else "") + FRAME.format(
        state=_object(_given(curly, v, "state") for v in state),
        data=_object(_given(curly, v, "data") for v in data),
        memory=_object(memory),
        names="\n        ".join(name for name in names if name),
        draw=_lines(_draw(curly, v) for v in noise),
        body=_lines(curly.lines),
        loss=loss,
        move=_lines(move),
    )


def _unpack(names: list[str], source: str) -> str:
    return f"const {{{', '.join(names)}}} = {source};" if names else ""


def _object(fields: Iterable[str]) -> str:
    return "{" + ", ".join(fields) + "}"


def _new(curly: Curly, value: Value) -> str:
    return f"{curly.array(value.id)}: new {ARRAYS[value.dtype]}({value.size})"


def _given(curly: Curly, value: Value, role: str) -> str:
    """An input by its name, or the numbers it has now if it has none."""
    kind = ARRAYS[value.dtype]
    if value.role == "constant" or value.name == "closed over":
        assert value.tensor is not None
        numbers = json.dumps([float(x) for x in value.tensor.as_strided((value.size,), (1,), 0)])
        return f"{curly.array(value.id)}: {kind}.from({numbers})"
    return f"{curly.array(value.id)}: {kind}.from({role}[{json.dumps(value.name)}])"


def _draw(curly: Curly, value: Value) -> str:
    d, name = value.draw, curly.array(value.id)
    uniform = d.dtype
    if d.kind == "rows":
        return f"random.rows({name}, 0, {d.size}, {d.count});"
    if d.kind == "uniform":
        return f"for (let i = 0; i < {d.count}; i++) {name}[i] = random.{uniform}();"
    if d.count < FEW:
        return f"random.fewNormals({name}, 0, {d.count});"
    return f"random.manyNormals({name}, 0, {d.count}, '{uniform}');"


def _lines(lines: Iterable[str]) -> str:
    return "\n".join(" " * 12 + line for line in lines)

"""What depends on what in a program: found by following values, drawn as a picture.

During one run each value remembers the statements it came from, through any tensor operation; a
distribution's parameters then tell its parents. Only what passes through `.item()`, numpy or an
`if` is lost from sight.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..effects import Forward, Handler, Site
from ..handlers import trace
from ..plates import Subsample


class _Tracked(Tensor):
    """A tensor that knows the statements it came from."""

    origins: frozenset[str]

    @classmethod
    def __torch_function__(
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        origins = frozenset().union(*_origins((args, kwargs or {})))
        with torch._C.DisableTorchFunctionSubclass():
            result = func(*args, **(kwargs or {}))
        return _track(result, origins)


def _track(value: Any, origins: frozenset[str]) -> Any:
    if isinstance(value, Tensor):
        tracked = value.as_subclass(_Tracked)
        tracked.origins = origins
        return tracked
    if type(value) in (list, tuple):
        return type(value)(_track(part, origins) for part in value)
    return value


def _origins(value: Any, depth: int = 4) -> Iterable[frozenset[str]]:
    """Origins of every tracked tensor inside a value: an argument list, a distribution, ..."""
    if isinstance(value, _Tracked):
        yield getattr(value, "origins", frozenset())
    elif isinstance(value, Tensor) or depth == 0:
        return
    elif isinstance(value, dict):
        for part in value.values():
            yield from _origins(part, depth)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _origins(part, depth)
    elif isinstance(value, torch.distributions.Distribution | torch.distributions.Transform):
        yield from _origins(vars(value), depth - 1)


class _follow(Handler):
    """Note each statement's parents, and mark its value as its own."""

    def __enter__(self) -> "_follow":
        self.parents: dict[str, list[str]] = {}
        super().__enter__()
        return self

    def handle(self, site: Site, forward: Forward) -> Site:
        parents = frozenset().union(*_origins(site.fn)) if site.kind == "sample" else frozenset()
        site = forward(site)
        if site.kind == "subsample" or isinstance(site.fn, Subsample):
            return site
        self.parents[site.name] = sorted(parents - {site.name})
        own = frozenset({site.name})
        changes = {
            what: _track(value.as_subclass(Tensor), own)
            for what, value in (("value", site.value), ("intervened", site.intervened))
            if isinstance(value, Tensor)
        }
        return site.replace(**changes)


@dataclass(frozen=True)
class Node:
    """A statement in the graph.

    Attributes:
        kind: "latent", "observed", "param", "deterministic" or "factor".
        plates: names of the plates around it, outermost first.
        intervened: whether `do` has cut what follows from it.
    """

    name: str
    kind: str
    distribution: str
    plates: tuple[str, ...] = ()
    intervened: bool = False


@dataclass
class ModelGraph:
    """A program's statements and their dependencies; shows itself as a picture in a notebook."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    plates: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = []
        for node in self.nodes.values():
            parents = [parent for parent, child in self.edges if child == node.name]
            given = f" given {', '.join(parents)}" if parents else ""
            inside = f", in {', '.join(f'{p} of {self.plates[p]}' for p in node.plates)}"
            lines.append(
                f"{node.name} ~ {node.distribution}{given} ({node.kind}"
                f"{inside if node.plates else ''}{', set by do' if node.intervened else ''})"
            )
        return "\n".join(lines)

    __repr__ = __str__

    def to_mermaid(self) -> str:
        """The graph in mermaid's language, for a Markdown cell."""
        lines = ["graph TD"]
        for name, (left, right) in ((n.name, _brackets(n)) for n in self.nodes.values()):
            lines.append(f'  {_id(name)}{left}"{name}"{right}')
        lines += [f"  {_id(a)} --> {_id(b)}" for a, b in self.edges]
        for plate, members in self._members().items():
            lines.append(f'  subgraph {_id(plate)}_plate["{plate}: {self.plates[plate]}"]')
            lines += [f"    {_id(member)}" for member in members]
            lines.append("  end")
        return "\n".join(lines)

    def to_dot(self) -> str:
        """The graph in graphviz's language."""
        lines = ["digraph {"]
        for node in self.nodes.values():
            style = "filled" if node.kind == "observed" else "solid"
            shape = "box" if node.kind in ("param", "factor") else "ellipse"
            lines.append(f'  "{node.name}" [shape={shape}, style={style}];')
        lines += [f'  "{a}" -> "{b}";' for a, b in self.edges]
        for plate, members in self._members().items():
            inside = " ".join(f'"{member}";' for member in members)
            label = f'label="{plate}: {self.plates[plate]}";'
            lines.append(f'  subgraph "cluster_{plate}" {{ {label} {inside} }}')
        return "\n".join([*lines, "}"])

    def to_svg(self) -> str:
        """The graph as an SVG picture; it takes the colours of the page it stands on."""
        return _svg(self)

    def _members(self) -> dict[str, list[str]]:
        return {
            plate: [node.name for node in self.nodes.values() if plate in node.plates]
            for plate in self.plates
        }

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": str(self)}


def graph(model: Callable[..., Any], *args: Any, **kwargs: Any) -> ModelGraph:
    """Run a program once and find what depends on what.

    Args:
        model: the program, conditioned or intervened on as you like.
        args, kwargs: of the program.

    >>> import ppl_core as ppl
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
    ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
    >>> graph(scale, 8.5).edges
    [('weight', 'measurement')]
    """
    quietly = torch.random.fork_rng(devices=[])
    with quietly, torch.no_grad(), trace() as sites, _follow() as followed:
        model(*args, **kwargs)
    found = ModelGraph()
    for site in sites.values():
        if site.name not in followed.parents:
            continue
        frames = [frame for frame in site.plates if frame.vectorized]
        found.plates.update({frame.name: frame.full_size for frame in frames})
        found.nodes[site.name] = Node(
            site.name,
            _kind(site),
            type(site.fn).__name__ if site.kind == "sample" else "param",
            tuple(frame.name for frame in frames),
            site.intervened is not None,
        )
        found.edges += [(parent, site.name) for parent in followed.parents[site.name]]
    return found


def render_model(
    model: Callable[..., Any],
    model_args: tuple[Any, ...] = (),
    model_kwargs: dict[str, Any] | None = None,
    filename: str | None = None,
) -> ModelGraph:
    """`graph` under Pyro's name; with a filename (.svg, .dot or .mmd) the picture is written too.

    Raises:
        ValueError: the filename ends in something else.
    """
    found = graph(model, *model_args, **(model_kwargs or {}))
    if filename is not None:
        forms = {".svg": found.to_svg, ".dot": found.to_dot, ".mmd": found.to_mermaid}
        path = Path(filename)
        if path.suffix not in forms:
            raise ValueError(
                f"render_model: {filename!r} ends in {path.suffix!r}; known are {', '.join(forms)}"
            )
        path.write_text(forms[path.suffix](), encoding="utf-8")
    return found


def _kind(site: Site) -> str:
    if site.kind == "param":
        return "param"
    if site.infer.get("_deterministic"):
        return "deterministic"
    if site.infer.get("is_auxiliary") and site.observed:
        return "factor"
    return "observed" if site.observed else "latent"


def _brackets(node: Node) -> tuple[str, str]:
    return {"observed": ("[[", "]]"), "param": ("[", "]"), "factor": ("{", "}")}.get(
        node.kind, ("((", "))")
    )


def _id(name: str) -> str:
    return "n_" + "".join(c if c.isalnum() else "_" for c in name)


# ---- the picture: rows by depth, columns by plate, so that every plate is one rectangle

_WIDTH, _HEIGHT, _GAP, _PAD = 104, 44, 30, 14


def _svg(graph: ModelGraph) -> str:
    places = _places(graph)
    parts = [_plate_box(plate, graph, places) for plate in _outer_first(graph)]
    parts += [_arrow(places[a], places[b], graph.nodes[a].intervened) for a, b in graph.edges]
    parts += [_shape(node, *places[node.name]) for node in graph.nodes.values()]
    depth = 1 + max((len(node.plates) for node in graph.nodes.values()), default=0)
    margin = depth * (_PAD + 8)
    right = max((x for x, _ in places.values()), default=0.0) + _WIDTH / 2 + margin
    bottom = max((y for _, y in places.values()), default=0.0) + _HEIGHT / 2 + margin
    left = top = -margin
    width, height = right - left + _WIDTH / 2, bottom - top + _HEIGHT / 2
    box = f"{left - _WIDTH / 2:.0f} {top - _HEIGHT / 2:.0f} {width:.0f} {height:.0f}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="{box}" '
        f'width="{width:.0f}" height="{height:.0f}" font-family="sans-serif" font-size="13" '
        'style="max-width:100%;height:auto;color:var(--jp-content-font-color1,#333)">'
        f"<title>{escape(str(graph))}</title>"
        '<defs><marker id="ppl-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="currentColor"/></marker></defs>' + "".join(parts) + "</svg>"
    )


def _places(graph: ModelGraph) -> dict[str, tuple[float, float]]:
    """Centre of each node."""
    depth: dict[str, int] = {}
    for name in graph.nodes:  # statements come in an order in which parents are first
        parents = [parent for parent, child in graph.edges if child == name]
        depth[name] = 1 + max((depth.get(parent, -1) for parent in parents), default=-1)
    bands = sorted({node.plates for node in graph.nodes.values()})
    skips = any(depth[child] - depth[parent] > 1 for parent, child in graph.edges)
    places, left = {}, 0.0
    for band in bands:
        rows: dict[int, list[str]] = {}
        for node in graph.nodes.values():
            if node.plates == band:
                rows.setdefault(depth[node.name], []).append(node.name)
        widest = max(len(names) for names in rows.values())
        for row, names in rows.items():
            spare = (widest - len(names)) / 2
            if skips and row % 2:
                spare += 0.5  # out of the way of arrows that pass this row by
            for i, name in enumerate(names):
                places[name] = (left + (i + spare) * (_WIDTH + _GAP), row * (_HEIGHT + 2 * _GAP))
        left += (widest + skips / 2) * (_WIDTH + _GAP) + 2 * _PAD
    return places


def _outer_first(graph: ModelGraph) -> list[str]:
    return sorted(graph.plates, key=lambda plate: -len(graph._members()[plate]))


def _plate_box(plate: str, graph: ModelGraph, places: dict[str, tuple[float, float]]) -> str:
    members = graph._members()[plate]
    inner = 1 + max(
        len(graph.nodes[m].plates) - graph.nodes[m].plates.index(plate) for m in members
    )
    pad = _PAD * (inner - 1)
    xs, ys = [places[m][0] for m in members], [places[m][1] for m in members]
    x, y = min(xs) - _WIDTH / 2 - pad, min(ys) - _HEIGHT / 2 - pad
    width = max(xs) - min(xs) + _WIDTH + 2 * pad
    height = max(ys) - min(ys) + _HEIGHT + 2 * pad + 8
    label = escape(f"{plate}: {graph.plates[plate]}")
    return (
        f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="8" '
        'fill="none" stroke="currentColor" stroke-opacity="0.5"/>'
        f'<text x="{x + width - 6:.0f}" y="{y + height - 5:.0f}" text-anchor="end" font-size="11" '
        f'fill="currentColor">{label}</text>'
    )


def _arrow(start: tuple[float, float], end: tuple[float, float], cut: bool) -> str:
    (x1, y1), (x2, y2) = start, end
    dash = ' stroke-dasharray="2 4"' if cut else ""
    return (
        f'<line x1="{x1:.0f}" y1="{y1 + _HEIGHT / 2:.0f}" x2="{x2:.0f}" '
        f'y2="{y2 - _HEIGHT / 2 - 1:.0f}" stroke="currentColor"{dash} '
        'marker-end="url(#ppl-arrow)"/>'
    )


def _shape(node: Node, x: float, y: float) -> str:
    fill = "currentColor" if node.kind == "observed" else "none"
    style = f'fill="{fill}" fill-opacity="0.18" stroke="currentColor"'
    if node.kind == "deterministic":
        style += ' stroke-dasharray="5 3"'
    if node.kind in ("param", "factor"):
        shape = (
            f'<rect x="{x - _WIDTH / 2:.0f}" y="{y - _HEIGHT / 2:.0f}" width="{_WIDTH}" '
            f'height="{_HEIGHT}" {style}/>'
        )
    else:
        shape = f'<ellipse cx="{x:.0f}" cy="{y:.0f}" rx="{_WIDTH / 2}" ry="{_HEIGHT / 2}" {style}/>'
    word = "do" if node.intervened else node.distribution
    return shape + (
        f'<text x="{x:.0f}" y="{y - 2:.0f}" text-anchor="middle" fill="currentColor">'
        f"{escape(node.name)}</text>"
        f'<text x="{x:.0f}" y="{y + 13:.0f}" text-anchor="middle" font-size="10" '
        f'fill="currentColor">{escape(word)}</text>'
    )

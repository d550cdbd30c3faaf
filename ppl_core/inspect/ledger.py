"""Every statement of one run in a table: what was drawn, by whom it was set, what it counts."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import torch
from torch import Tensor

from ..effects import Site
from ..handlers import Trace, log_prob_of, trace
from ..plates import Subsample
from ..values import validation

_HEADS = ("site", "distribution", "value", "log p", "set by", "line")


@dataclass(frozen=True)
class Entry:
    """One statement of a run.

    Attributes:
        name: the site's.
        kind: "sample" or "param".
        distribution: with its parameters where they are single numbers.
        batch_shape, event_shape: of the distribution.
        value: what the rest of the program saw.
        log_prob: the site's share of the log joint in nats, scaled and masked; None for a param.
        set_by: "prior", "guide" (replayed), "obs", "condition", "do", "substitute", "param", ...
        scale: factor on the log probability.
        masked: whether entries are masked out.
        where: file:line of the statement.
    """

    name: str
    kind: str
    distribution: str
    batch_shape: tuple[int, ...]
    event_shape: tuple[int, ...]
    value: Any
    log_prob: float | None
    set_by: str
    scale: float
    masked: bool
    where: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The entry as words, in the order of the table."""
        count = "" if self.log_prob is None else f"{self.log_prob:.3f}"
        if self.scale != 1.0:
            count += f" (scale {self.scale:g})"
        if self.masked:
            count += " (masked)"
        words = (self.name, self.distribution, shown(self.value), count, self.set_by, self.where)
        return words


class Ledger(list[Entry]):
    """The statements of a run in order; prints as a table, in a notebook too."""

    @property
    def log_joint(self) -> float:
        """Sum of all log probabilities, in nats."""
        return sum(entry.log_prob for entry in self if entry.log_prob is not None)

    def __str__(self) -> str:
        rows = [_HEADS, *(entry.cells for entry in self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEADS))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            for row in rows
        ]
        return "\n".join(
            [*(line.rstrip() for line in lines), f"log joint {self.log_joint:.3f} nats"]
        )

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            return "<tr>" + "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells) + "</tr>"

        body = "".join(row(entry.cells, "td") for entry in self)
        return (
            f"<table><thead>{row(_HEADS, 'th')}</thead><tbody>{body}</tbody>"
            f"<caption>log joint {self.log_joint:.3f} nats</caption></table>"
        )


def ledger(model: Callable[..., Any], *args: Any, **kwargs: Any) -> Ledger:
    """Run a program once and say what each statement did.

    Args:
        model: the program, conditioned or replayed as you like.
        args, kwargs: of the program.

    >>> import ppl_core as ppl
    >>> weigh = lambda: ppl.sample("kg", ppl.distributions.Normal(8.5, 1.0), obs=9.5)
    >>> ledger(weigh)[0].set_by
    'obs'
    """
    with validation(True), torch.no_grad(), trace() as sites:
        model(*args, **kwargs)
    return ledger_of(sites)


def ledger_of(sites: Trace) -> Ledger:
    """The ledger of a run that was recorded already."""
    return Ledger(_entry(site) for site in sites.values() if _belongs(site))


def _belongs(site: Site) -> bool:
    return site.kind in ("sample", "param") and not isinstance(site.fn, Subsample)


def _entry(site: Site) -> Entry:
    if site.kind == "param":
        constraint = str(site.constraint)
        return Entry(
            site.name,
            "param",
            constraint,
            (),
            tuple(site.value.shape),
            site.value.detach(),
            None,
            site.set_by or "param",
            1.0,
            False,
            site.where,
        )
    log_prob = log_prob_of(site).sum().item()
    value = site.value if site.intervened is None else site.intervened
    set_by = {"": "prior", "replay": "guide"}.get(site.set_by, site.set_by)
    if site.intervened is not None:
        set_by = "do"
    if site.infer.get("_deterministic"):
        set_by = "deterministic"
    fn = site.fn
    return Entry(
        site.name,
        "sample",
        described(fn),
        tuple(fn.batch_shape),
        tuple(fn.event_shape),
        value,
        log_prob,
        set_by,
        float(torch.as_tensor(site.scale).float().mean()),
        site.mask is not None and site.mask is not True,
        site.where,
    )


def described(fn: Any) -> str:
    """A distribution in words: its parameters where they are single numbers, else its shape."""
    parts = []
    for name in getattr(fn, "arg_constraints", {}):
        value = fn.__dict__.get(name, None) if name in fn.__dict__ else getattr(fn, name, None)
        if name in ("probs", "logits") and value is not getattr(fn, "_param", value):
            continue  # one of the two was given; the other is worked out from it
        if isinstance(value, Tensor) and value.numel() == 1:
            parts.append(f"{value.item():.4g}")
        elif isinstance(value, Tensor):
            parts.append(f"{name}{list(value.shape)}")
    base = getattr(fn, "base_dist", None)
    if base is not None and not parts:
        return f"{type(fn).__name__}({described(base)})"
    return f"{type(fn).__name__}({', '.join(dict.fromkeys(parts))})"


def shown(value: Any) -> str:
    """A value in a few characters."""
    if isinstance(value, Tensor):
        if value.numel() == 1:
            return f"{value.item():.4g}"
        if value.dim() == 1 and value.numel() <= 4:
            return "[" + ", ".join(f"{v:.4g}" for v in value.tolist()) + "]"
        return f"tensor{list(value.shape)}"
    return str(value)


def shapes(model: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """A table of shapes: for each site its distribution's batch | event shape, and its value's.

    >>> import ppl_core as ppl
    >>> three = ppl.distributions.Normal(8.5, 1.0).expand([3]).to_event(1)
    >>> print(shapes(lambda: ppl.sample("kg", three)))
    site  plates  batch | event  value
    kg    -       []    | [3]    [3]
    """
    with validation(True), torch.no_grad(), trace() as sites:
        model(*args, **kwargs)
    rows = [("site", "plates", "batch", "event", "value")]
    for site in sites.values():
        if not _belongs(site):
            continue
        plates = ", ".join(f"{f.name}[{f.dim}]" for f in site.plates if f.vectorized) or "-"
        batch = list(site.fn.batch_shape) if site.kind == "sample" else "param"
        event = list(site.fn.event_shape) if site.kind == "sample" else ""
        rows.append((site.name, plates, str(batch), str(event), str(list(site.value.shape))))
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    lines = []
    for row in rows:
        name, plates, batch, event, value = (c.ljust(w) for c, w in zip(row, widths, strict=True))
        lines.append(f"{name}  {plates}  {batch} | {event}  {value}".rstrip())
    return "\n".join(lines)

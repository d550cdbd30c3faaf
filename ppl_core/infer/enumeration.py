"""Exact sums over discrete sites: every outcome at once, in a batch dimension of its own.

`enum` gives each site that asks for it (`infer={"enumerate": "parallel"}`) all of its outcomes
instead of a draw, along a dimension left of every plate. Log probabilities become `Factor`s:
tensors whose dimensions are named for sites and plates. `contract` eliminates the sites, one plate
level at a time (tensor variable elimination; Obermeyer et al. 2019, algorithm 1). The same
elimination sums, draws or maximises, depending on how one sum is differentiated.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..effects import Forward, Handler, Site
from ..errors import ModelError
from ..handlers import infer_config, is_latent, log_prob_of

Reduce = Callable[[Tensor, int], Tensor]


def config_enumerate(
    guide: Callable[..., Any] | None = None, default: str = "parallel", expand: bool = False
) -> Any:
    """Ask every discrete site of a program to be enumerated, as wrapper or decorator.

    Args:
        guide: the model or guide.
        default: "parallel", all outcomes at once, or "sequential", one run each (guides only).
        expand: whether outcomes are repeated along the site's own batch dimensions.
    """
    if default not in ("parallel", "sequential"):
        raise ValueError(f"config_enumerate: 'parallel' or 'sequential', got {default!r}")

    def wish(site: Site) -> Mapping[str, Any]:
        wanted = site.kind == "sample" and is_latent(site) and "enumerate" not in site.infer
        if wanted and getattr(site.fn, "has_enumerate_support", False):
            return {"enumerate": default, "expand": expand}
        return {}

    handler = infer_config(config_fn=wish)
    return handler if guide is None else handler(guide)


class enum(Handler):
    """Give each site that asks for parallel enumeration all of its outcomes.

    Args:
        first_dim: the rightmost free batch dimension, left of every plate (negative).
        replayed: sites that an earlier program has enumerated, name -> dimension.
    """

    def __init__(self, first_dim: int, replayed: Mapping[str, int] | None = None):
        self.replayed = dict(replayed or {})
        self.first_dim = min([first_dim, *(dim - 1 for dim in self.replayed.values())])
        self.placed: dict[str, tuple[int, tuple[Any, ...]]] = {}  # name -> dimension, scope

    @property
    def dim_of(self) -> dict[str, int]:
        """The dimension of every enumerated site."""
        return {name: dim for name, (dim, _) in self.placed.items()}

    def handle(self, site: Site, forward: Forward) -> Site:
        """Enumerate, and tell the site whose outcomes its batch dimensions run over."""
        if site.kind != "sample":
            return forward(site)
        scope = _scope(site)
        visible = {name: dim for name, (dim, born) in self.placed.items() if _reaches(born, scope)}
        if site.name in self.replayed:
            visible[site.name] = self.replayed[site.name]
        elif is_latent(site) and site.value is None and _asks(site):
            taken = set(visible.values())
            visible[site.name] = dim = next(d for d in _downward(self.first_dim) if d not in taken)
            site = site.replace(value=_outcomes(site, dim), set_by="enumerate")
        if site.name in visible:
            self.placed[site.name] = visible[site.name], scope
        return forward(site.replace(dims={dim: name for name, dim in visible.items()}))


def _asks(site: Site) -> bool:
    return site.infer.get("enumerate") == "parallel"


def _downward(dim: int) -> Iterable[int]:
    while True:
        yield dim
        dim -= 1


def _scope(site: Site) -> tuple[Any, ...]:
    """The loops around a site: markov turns, and turns of sequential plates."""
    turns = [(frame.loop, frame.step, frame.history) for frame in site.scopes]
    turns += [(f.name, f.counter, 0) for f in site.plates if not f.vectorized]
    return tuple(turns)


def _reaches(born: tuple[Any, ...], scope: tuple[Any, ...]) -> bool:
    """Whether what was drawn in one scope can matter in another."""
    now = {loop: step for loop, step, _ in scope}
    return all(loop in now and now[loop] - step <= history for loop, step, history in born)


def _outcomes(site: Site, dim: int) -> Tensor:
    fn = site.fn
    if not getattr(fn, "has_enumerate_support", False):
        raise ModelError(
            f"site {site.name!r}: {type(fn).__name__} has no list of outcomes to enumerate"
        )
    event = tuple(fn.event_shape)
    outcomes = fn.enumerate_support(expand=False)
    outcomes = outcomes.reshape((outcomes.shape[0],) + (1,) * (-dim - 1) + event)
    if not site.infer.get("expand"):
        return outcomes
    rows = [1] * (-dim - 1)
    for frame in site.plates:
        if frame.vectorized:
            rows[frame.dim] = frame.size
    return outcomes.expand(len(outcomes), *rows, *event)


@dataclass(frozen=True)
class Factor:
    """Values in nats along named dimensions: names of enumerated sites, and frames of plates.

    Attributes:
        tensor: one dimension per name.
        names: what the dimensions run over.
        plates: the plates it lives in; each of them is among the names.
    """

    tensor: Tensor
    names: tuple[Any, ...]
    plates: frozenset[Any]

    @property
    def variables(self) -> frozenset[Any]:
        """The enumerated sites it depends on."""
        return frozenset(self.names) - self.plates

    def aligned(self, names: Sequence[Any]) -> Tensor:
        """The tensor with these dimensions in this order, size 1 where it does not vary."""
        present = [name for name in names if name in self.names]
        tensor = self.tensor.permute([self.names.index(name) for name in present])
        shape = iter(tensor.shape)
        return tensor.reshape([next(shape) if name in self.names else 1 for name in names])

    def over(self, name: Any, reduce: Reduce) -> "Factor":
        """Without a dimension, which `reduce` takes away."""
        index = self.names.index(name)
        rest = self.names[:index] + self.names[index + 1 :]
        return Factor(reduce(self.tensor, index), rest, self.plates - {name})


def factor_of(site: Site, log_prob: Tensor) -> Factor:
    """A site's log probability with its batch dimensions named.

    Raises:
        ModelError: a dimension belongs to neither a plate nor an enumerated site.
    """
    frames = {frame.dim: frame for frame in site.plates if frame.vectorized}
    names, shape = [], []
    for dim in range(-log_prob.dim(), 0):
        size = log_prob.shape[dim]
        if dim in frames:
            names.append(frames[dim])
            shape.append(size)
        elif size > 1:
            if dim not in site.dims:
                raise ModelError(
                    f"site {site.name!r}{site.where and ' at ' + site.where}: dimension {dim} of "
                    f"its log probability, of size {size}, is neither a plate's nor an enumerated "
                    f"site's. Does it depend on a site further back than its markov loop allows?"
                )
            names.append(site.dims[dim])
            shape.append(size)
    missing = [frame for frame in frames.values() if frame not in names]
    tensor = log_prob.reshape(shape)
    for frame in missing:
        tensor = tensor.unsqueeze(0).expand(frame.size, *tensor.shape)
        names.insert(0, frame)
    return Factor(tensor, tuple(names), frozenset(frames.values()))


def product(factors: Sequence[Factor]) -> Factor:
    """The pointwise product, a sum of logs."""
    names = tuple(dict.fromkeys(name for factor in factors for name in factor.names))
    tensor = factors[0].aligned(names)
    for factor in factors[1:]:
        tensor = tensor + factor.aligned(names)
    return Factor(tensor, names, frozenset().union(*(factor.plates for factor in factors)))


def log_sum(tensor: Tensor, dim: int) -> Tensor:
    """The sum of probabilities along a dimension, in logs."""
    return torch.logsumexp(tensor.clamp(min=torch.finfo(tensor.dtype).min), dim)


def contract(
    factors: Sequence[Factor], levels: Mapping[str, frozenset[Any]], reduce: Reduce = log_sum
) -> list[Factor]:
    """Eliminate sites from a product of factors; what is left holds none of them.

    Args:
        factors: of one program.
        levels: the sites to eliminate, with the plates each lives in.
        reduce: takes one dimension away, by `log_sum` unless said otherwise.

    Raises:
        ModelError: a factor couples sites of two plates that neither contains (no tree).
    """
    done: list[Factor] = []
    waiting = list(factors)
    while waiting:
        level = max((factor.plates for factor in waiting), key=lambda plates: len(plates))
        here = [factor for factor in waiting if factor.plates == level]
        waiting = [factor for factor in waiting if factor.plates != level]
        local = {name for name, plates in levels.items() if plates == level}
        for group in connected(here, local):
            result = _eliminate(group, local, reduce)
            outer = [levels[name] for name in result.variables if name in levels]
            if not outer:
                done.append(result)
                continue
            target = frozenset().union(*outer)
            if not target < level:
                raise ModelError(
                    "enumeration: sites "
                    f"{', '.join(map(repr, result.variables & levels.keys()))} meet inside plates "
                    f"{', '.join(repr(frame.name) for frame in level)}, which are not their own: "
                    "this sum is not tractable. Draw one of them in the guide."
                )
            for frame in level - target:
                result = result.over(frame, lambda tensor, dim: tensor.sum(dim))
            waiting.append(result)
    return done


def connected(factors: Sequence[Factor], names: Iterable[Any]) -> list[list[Factor]]:
    """Groups of factors that share some of these names, directly or through others."""
    groups: list[tuple[set[Any], list[Factor]]] = []
    wanted = set(names)
    for factor in factors:
        mine, members = set(factor.names) & wanted, [factor]
        apart = []
        for shared, others in groups:
            if shared & mine:
                mine |= shared
                members = others + members
            else:
                apart.append((shared, others))
        groups = [*apart, (mine, members)]
    return [members for _, members in groups]


def _eliminate(factors: list[Factor], local: set[Any], reduce: Reduce) -> Factor:
    """Take the local sites out of a group, the cheapest first."""
    factors = list(factors)
    while True:
        left = {name for factor in factors for name in factor.names} & local
        if not left:
            return product(factors)
        name = min(left, key=lambda site: _cost(factors, site))
        with_it = [factor for factor in factors if name in factor.names]
        factors = [factor for factor in factors if name not in factor.names]
        factors.append(product(with_it).over(name, reduce))


def _cost(factors: list[Factor], name: Any) -> tuple[int, str]:
    sizes: dict[Any, int] = {}
    for factor in factors:
        if name in factor.names:
            sizes |= dict(zip(factor.names, factor.tensor.shape, strict=True))
    total = 1
    for size in sizes.values():
        total *= size
    return total, str(name)


def unscaled_factor(site: Site) -> Factor:
    """A site's log probability, masked but not scaled."""
    return factor_of(site, log_prob_of(site.replace(scale=1.0)))

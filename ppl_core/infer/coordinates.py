"""A program as a function of one vector: all its latent values, unconstrained, laid side by side.

Random walks, tempering and quadrature move in this space. Prior and likelihood stay apart, and many
vectors are scored at once.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..density import Potential, potential, unconstrained
from ..effects import Site
from ..errors import InferenceError, ModelError
from ..handlers import Trace, is_latent, log_prob_of
from ..plates import Subsample
from ..values import validation


class Coordinates:
    """The log prior and log likelihood of a program, at vectors of unconstrained coordinates.

    Args:
        model: the conditioned program, its latent sites continuous.
        args, kwargs: of the program.
        vectorize: score many vectors in one run (torch.vmap); a program whose course depends on its
            values needs False, one run for each.

    Attributes:
        size: number of coordinates.

    Raises:
        ModelError: a latent site is discrete, there is none, or a plate is subsampled.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> model = lambda: ppl.sample("kg", Normal(8.5, 1.0))
    >>> space = Coordinates(model, (), {})
    >>> space.score(torch.tensor([[8.5], [9.5]]))[0]
    tensor([-0.9189, -1.4189])
    """

    def __init__(
        self,
        model: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        vectorize: bool = True,
    ):
        self.potential: Potential = potential(model, *args, **kwargs)
        self.vectorize = vectorize
        self.shapes = {name: value.shape for name, value in self.potential.start.items()}
        self.size = sum(shape.numel() for shape in self.shapes.values())
        with torch.no_grad():
            _check_whole(self._run(self.pack(self.potential.start))[0])

    # ---- between sites and vectors

    def pack(self, values: Mapping[str, Tensor]) -> Tensor:
        """Unconstrained values of all sites as one vector, (size,)."""
        return torch.cat([values[name].reshape(-1) for name in self.shapes])

    def unpack(self, vector: Tensor) -> dict[str, Tensor]:
        """The unconstrained values that a vector holds; rows of a matrix come first."""
        rows, values, at = vector.shape[:-1], {}, 0
        for name, shape in self.shapes.items():
            values[name] = vector[..., at : at + shape.numel()].reshape(rows + shape)
            at += shape.numel()
        return values

    @torch.no_grad()
    def draw(self, num: int) -> Tensor:
        """Draws of the prior, (num, size)."""
        rows: list[Tensor] = []
        with validation(False):
            for _ in range(num):
                with unconstrained(values={}) as view:
                    self.potential.model(*self.potential.args, **self.potential.kwargs)
                rows.append(self.pack(view.values))
        return torch.stack(rows)

    # ---- log densities, in nats

    def parts(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Log prior (with the change of volume) and log likelihood of one vector, scalars."""
        sites, log_volume = self._run(vector)
        prior, likelihood = log_volume, vector.new_zeros(())
        for site in sites.samples():
            total = log_prob_of(site).sum()
            if is_latent(site):
                prior = prior + total
            else:
                likelihood = likelihood + total
        return prior, likelihood

    def score(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """`parts` of many vectors, (rows, size) -> two of (rows,); detached."""
        with torch.no_grad():
            return self.mapped(self.parts)(vectors)

    def constrain(self, vectors: Tensor) -> dict[str, Tensor]:
        """The sites' values that many vectors stand for, site name -> (rows, ...)."""
        with torch.no_grad():
            return self.mapped(lambda vector: self.potential.constrain(self.unpack(vector)))(
                vectors
            )

    def mapped(self, function: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
        """A function of one vector, for all rows of a matrix."""
        return _all_at_once(function) if self.vectorize else _one_by_one(function)

    def _run(self, vector: Tensor) -> tuple[Trace, Tensor]:
        return self.potential._run(self.unpack(vector))

    # ---- what went wrong

    def check(self, log_density: Tensor, vectors: Tensor, step: int, who: str) -> None:
        """Raise if a log density is nan or plus infinity; minus infinity is a rejection.

        Raises:
            InferenceError: names the step, the site and its value.
        """
        bad = torch.isnan(log_density) | torch.isposinf(log_density)
        if bool(bad.any()):
            vector = vectors.reshape(-1, self.size)[int(bad.reshape(-1).nonzero()[0])]
            raise self.failure(vector, step, who)

    def failure(self, vector: Tensor, step: int, who: str) -> InferenceError:
        """The error for a vector whose log density is not finite: the first site to blame."""
        with torch.no_grad(), validation(False):
            sites, _ = self._run(vector)
        name, cause = "", "the change of volume is not finite there"
        for site in sites.samples():
            total = log_prob_of(site).sum().item()
            if not math.isfinite(total):
                at = f" at {site.where}" if site.where else ""
                name = site.name
                cause = f"site {name!r}{at} has log probability {total} at {_shown(site)}"
                break
        return InferenceError(
            f"{who}, step {step + 1}: {cause}. A prior that keeps away from such values, or a "
            f"model without a division by 0 or the log of a negative number there, mends it.",
            step=step,
            site=name,
            cause=cause,
        )


def _all_at_once(function: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    many = torch.func.vmap(function)

    def mapped(rows: Tensor) -> Any:
        with validation(False):
            try:
                return many(rows)
            except RuntimeError as error:
                if "vmap" not in str(error):
                    raise
                raise ModelError(
                    f"the model's course depends on its values, so that many cannot be scored at "
                    f"once: {str(error).splitlines()[0]} Write `if` on a latent value as "
                    f"torch.where, or give vectorize=False."
                ) from error

    return mapped


def _one_by_one(function: Callable[[Tensor], Any]) -> Callable[[Tensor], Any]:
    def mapped(rows: Tensor) -> Any:
        with validation(False):
            found = [function(row) for row in rows]
        if isinstance(found[0], dict):
            return {name: torch.stack([each[name] for each in found]) for name in found[0]}
        return tuple(torch.stack(column) for column in zip(*found, strict=True))

    return mapped


def _check_whole(sites: Trace) -> None:
    for site in sites.samples():
        if isinstance(site.fn, Subsample) and site.fn.subsample_size < site.fn.size:
            raise ModelError(
                f"plate {site.name!r} chooses {site.fn.subsample_size} of {site.fn.size} rows at "
                f"random, so the density changes from call to call. This algorithm needs all rows: "
                f"leave out subsample_size."
            )


def _shown(site: Site) -> str:
    value = site.value
    if value.numel() == 1:
        return f"{value.item():g}"
    return f"a value of shape {tuple(value.shape)}"

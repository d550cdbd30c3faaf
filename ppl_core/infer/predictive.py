"""Predictive: run a program forward from draws of a prior, a posterior or a guide."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from ..handlers import Trace, block
from ..values import as_value
from .reruns import Reruns, number_of_draws

Program = Callable[..., Any]


class Predictive:
    """Draws of what a model says next, given draws of its latent sites.

    Calling it with the model's arguments returns site -> (num_samples, ...). Sites that no plate
    contains get a dimension of size 1 for each plate dimension of the program, as in Pyro.

    Args:
        model: the program; sites that are not among the samples are drawn.
        posterior_samples: site -> (num_samples, ...).
        guide: draws the latent sites instead, with its parameters as they are; then every site of
            the model is returned.
        num_samples: how many; the samples' own number if they are given.
        return_sites: names to return, "_RETURN" for the model's result; by default the sites that
            are not among the samples.
        parallel: all draws in one run, under an outermost plate; all batch dimensions of the model
            must be declared by plates.

    Raises:
        ValueError: no number of samples, both samples and guide, or samples of several sizes.
        ModelError: a name of the samples or of return_sites that the model does not have.

    >>> import ppl_core as ppl
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(guess, 1.0))
    ...     return ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75))
    >>> next_reading = Predictive(scale, {"weight": torch.full((1000,), 9.14)})
    >>> next_reading(8.5)["measurement"].shape
    torch.Size([1000])
    """

    def __init__(
        self,
        model: Program,
        posterior_samples: Mapping[str, Any] | None = None,
        guide: Program | None = None,
        num_samples: int | None = None,
        return_sites: Collection[str] | None = (),
        parallel: bool = False,
    ):
        if isinstance(return_sites, str):
            raise TypeError(f"Predictive: return_sites is a list of names: [{return_sites!r}]")
        samples = {name: as_value(value) for name, value in (posterior_samples or {}).items()}
        if guide is not None and samples:
            raise ValueError("Predictive: give posterior_samples or a guide, not both")
        self.num_samples = number_of_draws(samples, num_samples)
        self.model, self.guide, self.posterior_samples = model, guide, samples
        self.return_sites, self.parallel = return_sites, parallel

    @torch.no_grad()
    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """Site -> draws, (num_samples, ...); "_RETURN" is a list if it is no tensor."""
        with block():
            runs, samples = self._runs(args, kwargs)
            names = runs.wanted(self._return_sites(), samples)
            if self.parallel:
                return runs.columns(runs.in_rows(samples), names)
            return runs.stacked(runs.in_turn(samples), names)

    forward = __call__

    @torch.no_grad()
    def get_vectorized_trace(self, *args: Any, **kwargs: Any) -> Trace:
        """One record of all draws, which are rows of an outermost plate."""
        with block():
            runs, samples = self._runs(args, kwargs)
            return runs.in_rows(samples)

    def _return_sites(self) -> Collection[str] | None:
        return None if self.guide is not None and not self.return_sites else self.return_sites

    def _runs(
        self, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Reruns, dict[str, Tensor]]:
        """The model's runs, and draws of its latent sites: those given, or the guide's."""
        num, samples = self.num_samples, self.posterior_samples
        if self.guide is not None:
            samples = Reruns(self.guide, num, {}, args, kwargs).latent(self.parallel)
        runs = Reruns(self.model, num, samples, args, kwargs)
        if self.guide is None:
            runs.check_names(samples)
        return runs, samples

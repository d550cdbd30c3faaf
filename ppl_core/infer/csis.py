"""CSIS: train a guide that reads the data, once for all data, then sample by importance.

The model draws pairs of latent values and readings by itself, as many as wanted. A guide that makes
those values probable, given those readings, learns KL(posterior || guide), averaged over readings:
the direction that punishes a guide for missing what the posterior does, as importance sampling
needs it.
"""

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any

import torch
from torch import Tensor

from ..effects import Site
from ..errors import GuideError, ModelError
from ..handlers import Trace, block, is_latent, log_prob_of, replay, trace, uncondition
from ..inspect import check_pair
from ..optim import Optimizer
from ..params import ParamStore
from ..plates import Subsample
from ..values import validation_enabled
from .elbo.base import PARTICLES
from .importance import Importance
from .rows import as_rows, plate_depth, value_by_row
from .svi import SVI

Program = Callable[..., Any]


class CSIS(Importance):
    """Compiled sequential importance sampling: importance sampling with a trained guide.

    Take `step(*args)` until the loss settles, then `run(*args, observations={...})`, with any
    observations. The training is a Kernel too: `InferenceRun(csis.training, *args, seed=...)`.

    Args:
        model: takes `observations`, a mapping from observed sites to values, with a default, and
            observes with `obs=observations[name]`.
        guide: takes `observations` and draws every latent site.
        optim: from `ppl_core.optim`.
        num_inference_samples: draws of a `run`.
        training_batch_size: draws from the joint in a step.
        validation_batch_size: draws from the joint that `validation_loss` averages over.
        vectorize: train and draw in rows; None tests whether rows are what single runs are.
        store: where the parameters live; by default the store that is current at each call.

    Raises:
        GuideError: the guide does not take observations, or does not fit the model.

    Source: Le, Baydin & Wood 2017, Inference compilation and universal probabilistic programming,
    eq. 4 and algorithm 2.

    >>> csis = CSIS(model, guide, Adam({"lr": 0.01}), training_batch_size=100)  # doctest: +SKIP
    >>> losses = [csis.step(8.5) for _ in range(1000)]  # doctest: +SKIP
    >>> posterior = csis.run(8.5, observations={"measurement": 9.5})  # doctest: +SKIP
    """

    def __init__(
        self,
        model: Program,
        guide: Program,
        optim: Optimizer,
        num_inference_samples: int = 10,
        training_batch_size: int = 10,
        validation_batch_size: int = 20,
        vectorize: bool | None = None,
        store: ParamStore | None = None,
    ):
        super().__init__(model, guide, num_inference_samples, vectorize=vectorize)
        sizes = {
            "training_batch_size": training_batch_size,
            "validation_batch_size": validation_batch_size,
        }
        for name, number in sizes.items():
            if int(number) != number or number < 1:
                raise ValueError(f"CSIS: {name} is a whole number >= 1, got {number!r}")
        for who, program in (("model", model), ("guide", guide)):
            _check_takes_observations(who, program)
        self.training_batch_size = training_batch_size
        self.validation_batch_size = validation_batch_size
        self.training = SVI(model, guide, optim, loss=self._loss, store=store)
        self.validation_batch: Joint | None = None
        self._dim: tuple[int | None] | None = None  # of the rows, once tested

    def step(self, *args: Any, **kwargs: Any) -> float:
        """Train on a batch of draws from the joint; minus the mean log density of the guide there.

        Raises:
            GuideError: the guide does not fit the model.
            InferenceError: the loss is not finite; parameters stay as they were.
        """
        return self.training.step(*args, **kwargs)

    def set_validation_batch(self, *args: Any, **kwargs: Any) -> "Joint":
        """Draw the pairs that `validation_loss` averages over, and keep them."""
        with self.training.store:
            self.validation_batch = self._draw(self.validation_batch_size, args, kwargs)
        return self.validation_batch

    def validation_loss(self, *args: Any, **kwargs: Any) -> float:
        """The loss on the validation batch, in nats: the same draws at each call."""
        batch = self.validation_batch or self.set_validation_batch(*args, **kwargs)
        with self.training.store, torch.no_grad():
            return batch.loss(self.guide, args, kwargs).item()

    def _loss(self, model: Program, guide: Program, *args: Any, **kwargs: Any) -> Tensor:
        return self._draw(self.training_batch_size, args, kwargs).loss(guide, args, kwargs)

    def _draw(self, num: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Joint":
        if self._dim is None:
            self._dim = (self._tested(args, kwargs),)
        (dim,) = self._dim
        if dim is not None:
            return Joint([_joint(self.model, args, kwargs, num, dim)], num, dim)
        return Joint([_joint(self.model, args, kwargs) for _ in range(num)], num)

    def _tested(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
        """The dimension of the rows, if the guide scores two rows as it scores them alone."""
        one = _joint(self.model, args, kwargs)
        Joint([one], 1).loss(self.guide, args, kwargs)  # whatever is wrong is said of a single run
        if self.vectorize is False:
            return None
        dim = -1 - plate_depth(one)
        try:
            both = _joint(self.model, args, kwargs, 2, dim)
            rows = [_row(both, one, row) for row in range(2)]
            together = Joint([both], 2, dim).loss(self.guide, args, kwargs)
            alone = Joint(rows, 2).loss(self.guide, args, kwargs)
            same = torch.allclose(together, alone, 1e-4, 1e-4)
            why = f"the loss of two rows is {together:g}, alone it is {alone:g}"
        except (RuntimeError, ValueError, TypeError, IndexError) as error:
            same, why = False, f"in rows it fails with {type(error).__name__}: {error}"
        if not same and self.vectorize:
            raise ModelError(f"CSIS: vectorize=True, but this pair cannot be run in rows: {why}")
        return dim if same else None


class Joint:
    """Pairs of latent values and readings that a model drew.

    Args:
        records: one for each pair, or one for all of them in rows.
        num: number of pairs.
        dim: batch dimension of the rows.
    """

    def __init__(self, records: list[Trace], num: int, dim: int | None = None):
        self.records, self.num, self.dim = records, num, dim

    def loss(self, guide: Program, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Minus the mean log density of the guide at the latent values, given the readings."""
        if self.dim is not None:
            guide = as_rows(guide, PARTICLES, self.num, self.dim)
        total = torch.zeros(())
        for record in self.records:
            total = total - _log_q(guide, record, args, kwargs)
        return total / self.num


def _joint(
    model: Program,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    rows: int | None = None,
    dim: int = -1,
) -> Trace:
    """A run of the model that draws its readings too; they are marked as observed."""
    program = uncondition(model)
    if rows is not None:
        program = as_rows(program, PARTICLES, rows, dim)
    with torch.no_grad(), block():
        sites = trace(program).get_trace(*args, **kwargs)
    for name, site in sites.items():
        if site.infer.get("was_observed"):
            sites[name] = site.replace(observed=True)
    if not any(site.infer.get("was_observed") for site in sites.values()):
        raise ModelError(
            "CSIS: the model observes nothing. It observes with obs=observations[name], and its "
            "default for observations has every name."
        )
    return sites


def _row(both: Trace, one: Trace, row: int) -> Trace:
    """One row of a record, as a record of its own."""
    single = one.copy()
    for site in one.samples():
        if site.name in both and not isinstance(site.fn, Subsample):
            values = value_by_row(both[site.name].value, site.value.shape, 2)
            single[site.name] = site.replace(value=values[row])
    return single


def _log_q(guide: Program, record: Trace, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    latent = {site.name: site for site in record.samples() if is_latent(site)}
    readings = {s.name: s.value for s in record.samples() if s.infer.get("was_observed")}
    with trace() as sites, replay(trace=latent):
        guide(*args, **{**kwargs, "observations": readings})
    if validation_enabled():
        check_pair(record, sites)
    total = torch.zeros(())
    for site in sites.samples():
        total = total + _scored(site)
    return total


def _scored(site: Site) -> Tensor:
    return torch.zeros(()) if isinstance(site.fn, Subsample) else log_prob_of(site).sum()


def _check_takes_observations(who: str, program: Program) -> None:
    try:
        takes = signature(program).parameters
    except (TypeError, ValueError):
        return
    anything = any(parameter.kind == parameter.VAR_KEYWORD for parameter in takes.values())
    if "observations" not in takes and not anything:
        raise GuideError(
            f"CSIS: the {who} takes ({', '.join(takes)}), but it is called with "
            f"observations={{...}} too, a mapping from observed sites to values: add it to its "
            f"arguments"
        )

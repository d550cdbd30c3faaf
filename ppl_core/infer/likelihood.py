"""log_likelihood: how probable each reading is under each posterior draw."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..effects import Site, scale_and_mask
from ..errors import ModelError, listing
from ..handlers import block
from ..values import as_value
from .reruns import Reruns, number_of_draws
from .rows import value_by_row


def log_likelihood(
    model: Callable[..., Any],
    posterior_samples: Mapping[str, Any],
    *args: Any,
    parallel: bool = False,
    **kwargs: Any,
) -> dict[str, Tensor]:
    """Log probability of each reading under each posterior draw, in nats.

    Args:
        model: the program with its data, by obs= or condition.
        posterior_samples: site -> (num_samples, ...), for every latent site.
        args, kwargs: of the model.
        parallel: as for `Predictive`.

    Returns:
        Observed site -> (num_samples,) + its batch_shape; masked, but not scaled by subsamples.

    Raises:
        ModelError: the model observes nothing, or a latent site has no samples.

    >>> import ppl_core as ppl
    >>> def scale():
    ...     weight = ppl.sample("weight", ppl.distributions.Normal(8.5, 1.0))
    ...     ppl.sample("measurement", ppl.distributions.Normal(weight, 0.75), obs=9.5)
    >>> log_likelihood(scale, {"weight": [9.5, 8.0]})
    {'measurement': tensor([-0.6313, -2.6313])}
    """
    samples = {name: as_value(value) for name, value in posterior_samples.items()}
    with torch.no_grad(), block():
        runs = Reruns(model, number_of_draws(samples, None), samples, args, kwargs)
        runs.check_names(samples)
        names = [
            name for name in runs.stated() if runs.first[name].observed and name not in samples
        ]
        names = [name for name in names if not runs.first[name].infer.get("_deterministic")]
        missing = runs.first.stochastic_nodes
        if missing:
            raise ModelError(f"log_likelihood: posterior_samples lacks site {listing(missing)}")
        if not names:
            raise ModelError("log_likelihood: the model observes nothing; condition it on data")
        if parallel:
            sites = runs.in_rows(samples)
            shapes = {name: _of(runs.first[name]).shape for name in names}
            return {name: value_by_row(_of(sites[name]), shapes[name], runs.num) for name in names}
        rows = [{name: _of(sites[name]) for name in names} for sites in runs.in_turn(samples)]
        return {name: torch.stack([row[name] for row in rows]) for name in names}


def _of(site: Site) -> Tensor:
    return scale_and_mask(site.fn.log_prob(site.value), 1.0, site.mask)

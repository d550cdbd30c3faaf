"""to_arviz: draws of all kinds as the labelled tree that ArviZ and its plots read."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from ..errors import ModelError
from ..values import as_value

_DATA = ("observed_data", "constant_data", "predictions_constant_data")


def to_arviz(
    posterior: Any = None,
    *,
    num_chains: int = 1,
    coords: Mapping[str, Any] | None = None,
    dims: Mapping[str, list[str]] | None = None,
    **groups: Mapping[str, Any] | None,
) -> Any:
    """Posterior, predictive draws, log likelihoods and data as an `xarray.DataTree`.

    Args:
        posterior: site -> draws, (num_chains * draws, ...), chain after chain; or an `MCMC` that
            has run, which knows its chains; or another object with `get_samples()`.
        num_chains: chains in every group of draws.
        coords: dimension -> labels.
        dims: site -> names of its dimensions, without those of chain and draw.
        groups: by ArviZ's names: posterior_predictive, prior, prior_predictive, log_likelihood,
            sample_stats and predictions hold draws; observed_data and constant_data hold none.

    Raises:
        ImportError: the extra `arviz` is not installed.
        ValueError: the draws cannot be shared among so many chains.

    >>> tree = to_arviz({"weight": [9.0, 9.2, 9.1, 9.3]}, num_chains=2)
    >>> dict(tree.posterior.sizes)
    {'chain': 2, 'draw': 2}
    """
    try:
        from arviz_base import from_dict
    except ImportError as error:
        raise ImportError(
            'to_arviz needs xarray and arviz-base: pip install "ppl-playground[arviz]"'
        ) from error
    if posterior is not None and not isinstance(posterior, Mapping):
        posterior, num_chains = _samples_of(posterior)
    tree: dict[str, dict[str, Any]] = {}
    for group, values in ({"posterior": posterior} | groups).items():
        if values:
            tree[group] = {
                name: _array(value)
                if group in _DATA
                else _by_chain(_array(value), num_chains, f"{group}[{name!r}]")
                for name, value in values.items()
            }
    if not tree:
        raise ValueError("to_arviz: nothing is given: a posterior, or groups of draws by name")
    return from_dict(tree, coords=coords, dims=dims)


def _samples_of(posterior: Any) -> tuple[Mapping[str, Any], int]:
    """Draws of a posterior object, chain after chain, and how many chains there are."""
    if not hasattr(posterior, "get_samples"):
        raise ModelError(
            f"to_arviz: posterior is a mapping from sites to draws, or an MCMC that has run; "
            f"got {type(posterior).__name__}. Of weighted draws, give posterior.resample()."
        )
    return posterior.get_samples(), int(getattr(posterior, "num_chains", 1))


def _array(value: Any) -> np.ndarray[Any, Any]:
    return value.detach().cpu().numpy() if isinstance(value, Tensor) else as_value(value).numpy()


def _by_chain(draws: np.ndarray[Any, Any], chains: int, what: str) -> np.ndarray[Any, Any]:
    if draws.ndim == 0 or len(draws) % chains:
        raise ValueError(
            f"to_arviz: {what} of shape {draws.shape} is no number of draws for {chains} chains"
        )
    return draws.reshape(chains, len(draws) // chains, *draws.shape[1:])

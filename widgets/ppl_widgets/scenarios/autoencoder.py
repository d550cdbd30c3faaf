"""A decoder that learns, and an encoder as its guide: programs for torch, and what they learned.

The networks are written twice: as modules, for training, and with numpy from the weights of any
step, for pictures and estimates.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import ClippedAdam

LINEAR, NETWORK = DECODERS = ("linear", "network")
HIDDEN = 12
"""Units of a network."""
DECAY = 0.985
"""What every step leaves of the learning rate: the noise of single draws fades, and the gap."""

Weights = Mapping[str, np.ndarray]
"""Parameter name -> value: all that was learned."""


# ---- the programs


def networks(decoder: str, latent: int, width: int) -> tuple[nn.Module, nn.Module]:
    """Decoder and encoder between so many latent numbers and rows of so many; newly drawn."""
    if decoder == LINEAR:
        return nn.Linear(latent, width, bias=False), nn.Linear(width, latent, bias=False)
    down = nn.Sequential(nn.Linear(latent, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, width))
    up = nn.Sequential(nn.Linear(width, HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, 2 * latent))
    return down, up


def programs(
    decoder: str, latent: int, width: int
) -> tuple[Callable[[Tensor], None], Callable[[Tensor], None]]:
    """Model and guide for rows (n, width); each pair has networks of its own."""
    down, up = networks(decoder, latent, width)

    def model(x: Tensor) -> None:
        sd = ppl.param("sd", 0.3, constraint=constraints.positive)
        with ppl.plate("rows", len(x)):
            z = ppl.sample("z", dist.Normal(torch.zeros(latent), 1.0).to_event(1))
            mean = ppl.module("decoder", down)(z)
            ppl.sample("x", dist.Normal(mean, sd).to_event(1), obs=x)

    def guide(x: Tensor) -> None:
        seen = ppl.module("encoder", up)(x)
        if decoder == LINEAR:  # one width for all rows, as the exact posterior has it
            mean, log_widths = seen, ppl.param("log_widths", torch.zeros(latent))
        else:
            mean, log_widths = seen.chunk(2, -1)
        with ppl.plate("rows", len(x)):
            ppl.sample("z", dist.Normal(mean, log_widths.exp()).to_event(1))

    return model, guide


def trainer(decoder: str, latent: int, width: int, lr: float) -> SVI:
    """Model and guide in a store of their own."""
    rule = ClippedAdam({"lr": lr, "lrd": DECAY})
    return SVI(*programs(decoder, latent, width), rule, store=ppl.ParamStore())


# ---- what they learned


def decoded(now: Weights, z: np.ndarray) -> np.ndarray:
    """The mean row of these latent numbers: (..., latent) -> (..., width)."""
    return _through(now, "decoder", z)


def encoded(now: Weights, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and sds of the guide for rows: (..., width) -> twice (..., latent)."""
    seen = _through(now, "encoder", x)
    if "log_widths" in now:
        return seen, np.broadcast_to(np.exp(now["log_widths"]), seen.shape)
    mean, log_widths = np.split(seen, 2, -1)
    return mean, np.exp(log_widths)


def _through(now: Weights, name: str, rows: np.ndarray) -> np.ndarray:
    if f"{name}$$$weight" in now:
        return rows @ now[f"{name}$$$weight"].T
    inner = np.tanh(rows @ now[f"{name}$$$0.weight"].T + now[f"{name}$$$0.bias"])
    return inner @ now[f"{name}$$$2.weight"].T + now[f"{name}$$$2.bias"]

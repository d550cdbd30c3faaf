"""The VAE bench: a few latent numbers a row, a decoder that draws it, an encoder that reads it.

A linear decoder is probabilistic principal components, so its evidence is known, and its encoder
can become the exact posterior: the gap closes. A network draws better; nobody has a formula for its
evidence, importance sampling estimates it, and the gap stays open.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch

from ppl_core.infer import SVI
from ppl_core.infer.svi import SVIState

from ..datasets import COUNT, digits, swings
from ..text import fixed, nats, say
from . import gauging, ppca
from .autoencoder import DECAY, DECODERS, HIDDEN, LINEAR, NETWORK, Weights, trainer
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question
from .scenario import Controls
from .training import NUM_STEPS

SWINGS, DIGITS = DATA = ("swings", "digits")
EVERY = 25
"""Steps between two estimates of a network's evidence."""
DRAWS = 64
"""Of the encoder for each row, that such an estimate takes."""
LIMIT = 5_000
"""Steps of a run at most: what was learned is kept after each of them."""


# ---- the rows


def rows(data: str) -> np.ndarray:
    """All the rows that there are, (1797, width)."""
    return swings() if data == SWINGS else digits()[0]


@lru_cache(maxsize=8)
def centred(data: str, num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The first so many rows less their mean, that mean, and their covariance."""
    x = rows(data)[:num]
    mean = x.mean(0)
    x = x - mean
    return x, mean, x.T @ x / num


def learning(controls: Controls) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The centred rows that are learned from, their mean, and their covariance."""
    return centred(controls["data"], controls["rows"])


def example(controls: Controls) -> np.ndarray:
    """The row that is encoded and drawn again, centred as the others are: (width,)."""
    return rows(controls["data"])[controls["example"]] - learning(controls)[1]


def args(controls: Controls) -> tuple[Any, ...]:
    """What the programs are called with."""
    return (torch.from_numpy(learning(controls)[0]).float(),)


# ---- the training


@dataclass(frozen=True, slots=True)
class Judged:
    """What a watcher wants to know of a step; evidence and gap are nan where nobody asked."""

    params: Weights
    evidence: float
    gap: float


class Lesson:
    """SVI as a kernel that tells evidence and gap: exactly if all is linear, else now and then."""

    start: Weights
    svi: SVI

    def __init__(self, controls: Controls):
        self.controls = dict(controls)

    def init(self, x: torch.Tensor) -> SVIState:
        """New networks, before the first step."""
        it = self.controls
        self.svi = trainer(it["decoder"], it["latent"], x.shape[1], it["lr"])
        state = self.svi.init(x)
        self.start = self._params(state)
        return state

    def update(self, state: SVIState, x: torch.Tensor) -> tuple[SVIState, Judged]:
        """The next step."""
        state, _ = self.svi.update(state, x)
        params = self._params(state)
        return state, Judged(params, *judged(self.controls, params, state.step))

    def _params(self, state: SVIState) -> Weights:
        return {name: value.numpy().copy() for name, value in self.svi.params(state).items()}


def judged(controls: Controls, now: Weights, step: int) -> tuple[float, float]:
    """Evidence and gap after a step: closed forms, or an estimate every `EVERY` steps."""
    x, _, covariance = learning(controls)
    if controls["decoder"] == LINEAR:
        known = now["decoder$$$weight"].T.astype(float), float(now["sd"]), covariance
        found = now["encoder$$$weight"].T.astype(float), np.exp(now["log_widths"].astype(float))
        return ppca.evidence(*known), ppca.gap(*known, *found)
    if step % EVERY:
        return math.nan, math.nan
    return gauging.by_importance(now, x.astype(np.float32), _noise(len(x), controls["latent"]))


@lru_cache(maxsize=4)
def _noise(num: int, latent: int) -> np.ndarray:
    """The same at every call, so that two estimates differ by what was learned."""
    return np.random.default_rng(0).standard_normal((DRAWS, num, latent), np.float32)


def read(controls: Controls, info: Judged) -> Columns:
    """One row: evidence and gap."""
    return {"evidence": np.array([info.evidence]), "gap": np.array([info.gap])}


# ---- the truth


def best(controls: Controls) -> float:
    """The highest evidence a linear decoder can reach, in nats per row."""
    return _best(controls["data"], controls["rows"], controls["latent"])


@lru_cache(maxsize=8)
def _best(data: str, num: int, latent: int) -> float:
    return ppca.best(centred(data, num)[2], latent)


def exact_gap(controls: Controls, now: Weights) -> float | None:
    """The gap; None for a network with more than two latent numbers, or for no parameters."""
    if not now:
        return None
    if controls["decoder"] == LINEAR:
        return judged(controls, now, 0)[1]
    known = gauging.by_quadrature(now, learning(controls)[0])
    return None if known is None else known[1]


def latest(table: Columns, name: str) -> float:
    """The newest value of a column that is not known at every step."""
    known = table[name][np.isfinite(table[name])] if name in table else np.empty(0)
    return float(known[-1]) if len(known) else math.nan


# ---- the picture

AXES = {
    "z1": Axis(lows=(-3.5,), highs=(3.5,)),
    "z2": Axis(lows=(-3.5,), highs=(3.5,)),
    "instant": Axis(lows=(0.5,), highs=(12.5,)),
    "needle": Axis(lows=(-0.8,), highs=(2.8,)),
    "across": Axis(lows=(-0.7,), highs=(27.7,)),
    "up": Axis(lows=(-0.7,), highs=(9.5,)),
    SWINGS: Axis(lows=(-4.0,), highs=(1.0, 4.0)),
    DIGITS: Axis(lows=(-5.0,), highs=(15.0, 25.0, 40.0, 80.0, 160.0)),
    "log_gap": Axis(lows=(-3.0,), highs=(1.0,)),
    "step": Axis(lows=(0.0,), highs=(200.0, 500.0, 1e3, 2e3, 5e3)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """The best linear decoder, and as much above it as a network may win."""
    top = best(controls)
    return {controls["data"]: (top, top + (1.5 if controls["data"] == SWINGS else 8.0))}


def source(controls: Controls) -> str:
    """Where evidence and gap come from."""
    return say("source.closed" if controls["decoder"] == LINEAR else "source.sampled")


def tell(controls: Controls, table: Columns) -> str:
    """The gap, the evidence, and the best that a linear decoder can do."""
    top = say("decoding.best", best=fixed(best(controls)), source=say("source.closed"))
    gap = latest(table, "gap")
    if not math.isfinite(gap):
        return top
    told = say(
        "decoding.told",
        gap=nats(gap),
        evidence=fixed(latest(table, "evidence")),
        source=source(controls),
    )
    ask = say(f"decoding.ask_{controls['decoder']}")
    return f"{told} {top} {ask}"


def code(controls: Controls, seed: int) -> str:
    """Model and encoder as a cell that trains as the panel does."""
    name, k, num = controls["data"], controls["latent"], controls["rows"]
    source = "swings()" if name == SWINGS else "digits()[0]"
    nets, seen = _NETS[controls["decoder"]]
    nets = nets.format(k=k, width=rows(name).shape[1], hidden=HIDDEN, both=2 * k)
    return f"""\
import torch, ppl_core as ppl, ppl_core.distributions as dist, ppl_widgets.datasets as data
ppl.set_rng_seed({seed}); x = torch.tensor(data.{source}[:{num}]).float(); x -= x.mean(0)
{nets}
def model(x):
    sd = ppl.param("sd", 0.3, constraint=dist.constraints.positive)
    with ppl.plate("rows", len(x)):
        z = ppl.sample("z", dist.Normal(torch.zeros({k}), 1.0).to_event(1))
        ppl.sample("x", dist.Normal(ppl.module("decoder", decoder)(z), sd).to_event(1), obs=x)
def guide(x):
    {seen.format(k=k)}
    ppl.plate("rows", len(x))(ppl.sample)("z", dist.Normal(mean, log_widths.exp()).to_event(1))
adam = ppl.optim.ClippedAdam({{"lr": {controls["lr"]!r}, "lrd": {DECAY}}})
svi = ppl.infer.SVI(model, guide, adam, store=ppl.ParamStore())
print(-svi.run({controls[NUM_STEPS]}, x, progress_bar=False).losses[-50:].mean() / len(x))"""


_NETS = {
    LINEAR: (
        "decoder, encoder = torch.nn.Linear({k}, {width}, bias=False), "
        "torch.nn.Linear({width}, {k}, bias=False)",
        'mean, log_widths = ppl.module("encoder", encoder)(x), '
        'ppl.param("log_widths", torch.zeros({k}))',
    ),
    NETWORK: (
        "decoder = torch.nn.Sequential(torch.nn.Linear({k}, {hidden}), torch.nn.Tanh(), "
        "torch.nn.Linear({hidden}, {width}))\n"
        "encoder = torch.nn.Sequential(torch.nn.Linear({width}, {hidden}), torch.nn.Tanh(), "
        "torch.nn.Linear({hidden}, {both}))",
        'mean, log_widths = ppl.module("encoder", encoder)(x).chunk(2, -1)',
    ),
}
"""What the cell says of the networks, and of what its guide makes of x."""


DECODING = Question(
    name="decoding",
    panel="VAEPanel",
    title=say("decoding.title"),
    controls=(
        spoken("z1", 1.0, -3.0, 3.0, 0.1),
        spoken("z2", 0.0, -3.0, 3.0, 0.1),
        spoken("decoder", LINEAR, kind="choice", options=DECODERS),
        spoken("data", SWINGS, kind="choice", options=DATA, drawer=True),
        spoken("latent", 2, 1, 8, 1, "int", drawer=True),
        spoken("example", 0, 0, COUNT - 1, 1, "int", drawer=True),
        spoken("rows", 256, 16, COUNT, 16, "int", drawer=True),
        spoken("lr", 0.07, 1e-4, 1.0, 0.25, "log", drawer=True),
        spoken(NUM_STEPS, 200, 1, 2_000, 50, "int", drawer=True),
    ),
    inputs=("decoder", "data", "latent", "rows", "lr"),
    staging=("decoder", "data"),
    kernel=Lesson,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)

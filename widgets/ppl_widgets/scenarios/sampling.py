"""The sampler stage: one density, four kernels, and every step of their chains.

Source: Hoffman & Gelman 2014, "The No-U-Turn Sampler", appendix A.1 (effective draws from known
moments).
"""

from typing import Any

import numpy as np

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import HMC, NUTS, IndependentMH, RandomWalkKernel, init_to_value

from ..text import count, percent, say
from .accepted import axes_of, independent_share, ride_share, walk_share
from .axis import Axis, Range
from .control import spoken
from .question import Columns, Question, num_control
from .rides import WARMUP, Block, Chain
from .scenario import Controls
from .targets import SITES, TARGETS, Target, moments

WALK, INDEPENDENT = "random walk", "independent MH"
KERNELS = (WALK, INDEPENDENT, "HMC", "NUTS")
LEARNED = ("nothing", "step size", "mass", "full mass")
DEEPEST = 8
"""Doublings of NUTS at most."""
CUT = 0.05
"""Correlations of draws below this one end their sum."""


def target(controls: Controls) -> Target:
    """The chosen density."""
    return TARGETS[controls["target"]]


def _start(controls: Controls) -> dict[str, float]:
    return dict(zip(SITES, target(controls).start, strict=True))


def kernel(controls: Controls) -> Chain:
    """The chosen algorithm."""
    chosen, name, size = target(controls), controls["kernel"], controls["step_size"]
    program = chosen.program
    learned = LEARNED.index(controls["adapt"])
    warmup = WARMUP if learned and name != INDEPENDENT else 0
    if name == INDEPENDENT:
        return Chain(IndependentMH(program, _guide(controls)), chosen, warmup)
    start = init_to_value(values=_start(controls))
    if name == WALK:
        walk = RandomWalkKernel(program, size, adapt=bool(learned), init_strategy=start)
        return Chain(walk, chosen, warmup)
    how: dict[str, Any] = {"step_size": size, "adapt_step_size": learned > 0}
    how |= {"adapt_mass_matrix": learned > 1, "full_mass": learned > 2, "init_strategy": start}
    how |= {"jit_compile": "auto", "record_trajectory": True}
    if name == "HMC":
        return Chain(HMC(program, num_steps=controls["leapfrogs"], **how), chosen, warmup)
    return Chain(NUTS(program, max_tree_depth=DEEPEST, **how), chosen, warmup)


def _guide(controls: Controls) -> Any:
    """A guide around the exact means, as wide as a step."""
    known, size = moments(controls["target"]), controls["step_size"]

    def guide() -> None:
        for site in SITES:
            ppl.sample(site, dist.Normal(known[site].mean, size))

    return guide


def args(controls: Controls) -> tuple[()]:
    """The programs take none."""
    return ()


def read(controls: Controls, block: Block) -> Columns:
    """The rows of a block."""
    return block.columns


# ---- how much is accepted


def share(controls: Controls) -> float | None:
    """Share that a chain accepts once it has forgotten its start; None where nobody knows it."""
    name, normal = controls["kernel"], controls["target"] == "two objects"
    if name == INDEPENDENT:
        return independent_share(controls["target"], controls["step_size"])
    if not normal or controls["adapt"] != LEARNED[0] or name == "NUTS":
        return None
    if name == WALK:
        return walk_share(controls["step_size"], axes_of("two objects"))
    return ride_share(controls["step_size"], controls["leapfrogs"], axes_of("two objects"))


# ---- what the draws say


def gauge(draws: Columns) -> np.ndarray:
    """The share accepted after each draw."""
    accepted = draws.get("accepted", np.empty(0))
    return np.cumsum(accepted) / np.arange(1, len(accepted) + 1)


def effective(controls: Controls, draws: Columns) -> float:
    """So many independent draws would know mean and spread as well, of the site that is worse off.

    Correlations are taken around the exact moments, in units of the exact variance: a chain that
    has seen one peak of two cannot deceive them.
    """
    known = moments(controls["target"])
    known, found = moments(controls["target"]), list[float]()
    for site in SITES:
        at, off = known[site], draws.get(site, np.empty(0)) - known[site].mean
        found += [_effective(off / at.sd), _effective((off**2 - at.sd**2) / at.square_sd)]
    return min(found)


def _effective(values: np.ndarray) -> float:
    """Of values whose exact mean is 0 and whose exact variance is 1."""
    num = len(values)
    if num < 2:
        return float(num)
    size = 1 << (2 * num - 1).bit_length()
    waves = np.fft.rfft(values, size)
    sums = np.fft.irfft(waves * waves.conj(), size)[1:num]
    correlation = sums / np.arange(num - 1, 0, -1)
    small = np.flatnonzero(correlation < CUT)
    end = int(small[0]) if len(small) else num - 1
    ahead = np.arange(1, end + 1)
    return float(min(num, num / (1.0 + 2.0 * ((1.0 - ahead / num) * correlation[:end]).sum())))


def diverged(draws: Columns) -> int:
    """Trajectories whose energy ran away."""
    return int(draws.get("diverged", np.empty(0)).sum())


# ---- the picture

AXES = {
    "along": Axis(lows=(0.0,), highs=(1.0,)),
    "energy": Axis(lows=(-1.5,), highs=(3.5,)),
    "share": Axis(lows=(0.0,), highs=(1.05,)),
    "draw": Axis(lows=(0.0,), highs=(200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5)),
}


def reach(controls: Controls) -> dict[str, Range]:
    """All other axes stay as they are."""
    return {}


def tell(controls: Controls, draws: Columns) -> str:
    """What is accepted, what it is worth, and a question."""
    seen, known = gauge(draws), share(controls)
    exact = ""
    if known is not None:
        exact = say("sampling.exact", exact=percent(known), source=say("source.quadrature"))
    if not len(seen):
        return say("sampling.none") + exact
    told = say(
        "sampling.told",
        seen=percent(float(seen[-1])),
        exact=exact,
        effective=count(round(effective(controls, draws))),
        num=count(len(seen)),
    )
    return f"{told} {_asked(controls, draws, float(seen[-1]))}"


def _asked(controls: Controls, draws: Columns, seen: float) -> str:
    """The question that fits what is seen."""
    runaways = diverged(draws)
    if runaways:
        return say("sampling.ask_runaways", num=count(runaways))
    if controls["target"] == "two peaks" and (draws["x"].min() > 0.0 or draws["x"].max() < 0.0):
        return say("sampling.ask_peaks")
    if seen < 0.5:
        return say("sampling.ask_shorter")
    if effective(controls, draws) < 0.2 * len(draws["x"]):
        return say("sampling.ask_longer")
    return say("sampling.ask_other")


# ---- the program


def code(controls: Controls, seed: int) -> str:
    """The program and its chain, as a cell that draws what the panel draws."""
    chosen = target(controls)
    warmup = kernel(controls).warmup
    return f"""\
import ppl_core as ppl
from ppl_core import distributions as dist, infer

{chosen.code()}

{_kernel_code(controls)}
ppl.set_rng_seed({seed})
mcmc = infer.MCMC(kernel, {controls["num"]}, {warmup}, disable_progbar=True)
mcmc.run()
mcmc.summary()
print(mcmc.get_extra_fields()["accept_prob"].mean())"""


def _kernel_code(controls: Controls) -> str:
    name, size, program = controls["kernel"], controls["step_size"], target(controls).program
    learned = LEARNED.index(controls["adapt"])
    if name == INDEPENDENT:
        mean = {site: at.mean for site, at in moments(controls["target"]).items()}
        return f"""\
def guide():
    ppl.sample("x", dist.Normal({mean["x"]!r}, {size}))
    ppl.sample("y", dist.Normal({mean["y"]!r}, {size}))

kernel = infer.IndependentMH({program.__name__}, guide)"""
    start = f"start = infer.init_to_value(values={_start(controls)})\n"
    if name == WALK:
        how = f"{program.__name__}, {size}, adapt={learned > 0}, init_strategy=start"
        return f"{start}kernel = infer.RandomWalkKernel({how})"
    steps = f"num_steps={controls['leapfrogs']}" if name == "HMC" else f"max_tree_depth={DEEPEST}"
    return f"""\
{start}kernel = infer.{name}({program.__name__}, step_size={size}, {steps}, init_strategy=start,
    adapt_step_size={learned > 0}, adapt_mass_matrix={learned > 1}, full_mass={learned > 2}, \
jit_compile="auto")"""


SAMPLING = Question(
    name="sampling",
    panel="SamplerPanel",
    title=say("sampling.title"),
    controls=(
        spoken("step_size", 0.3, 0.01, 5.0, 0.05, "log"),
        spoken("leapfrogs", 5, 1, 50, 1, "int"),
        spoken("kernel", "HMC", kind="choice", options=KERNELS),
        spoken("target", "two objects", kind="choice", options=tuple(TARGETS), drawer=True),
        spoken("adapt", LEARNED[0], kind="choice", options=LEARNED, drawer=True),
        num_control(1000),
    ),
    inputs=("step_size", "leapfrogs", "kernel", "target", "adapt"),
    staging=("target",),
    start=200,
    kernel=kernel,
    args=args,
    read=read,
    axes=AXES,
    reach=reach,
    tell=tell,
    code=code,
)

"""The numbers that the lessons name, each beside what the code finds now.

    python benchmarks/lessons.py

One line a number: panel, what it says, the number as the lesson has it, the number recomputed. The
last column is "ok" if the recomputed one rounds to the lesson's. To add a panel, write a function
that yields lines and list it in `LESSONS`; formulas come from the scenario, and the tests check
those by a second route.
"""

import math
from collections.abc import Callable, Iterator

from ppl_widgets.decoding import Decoding
from ppl_widgets.scenarios import (
    AMORTIZING,
    BALANCING,
    BENDING,
    BREAKING,
    CONDITIONING,
    DECODING,
    FORWARD,
    LOOKING,
    MANY,
    PROPOSING,
    RACING,
    STORING,
    USING,
    WEIGHING,
    Gaussian,
    Settings,
    amortizing,
    balancing,
    batches,
    bending,
    breaking,
    conditioning,
    decoding,
    forward,
    looking,
    particles,
    proposing,
    racing,
    storing,
    together,
    using,
    weighing,
)
from ppl_widgets.watching import Watching

Line = tuple[str, str, float]
"""What is claimed, the number as it is written, the number recomputed."""


def machine() -> Iterator[Line]:
    """P1, the forward machine."""
    yield "sd of a reading", "1.25", forward.exact(Settings(FORWARD.controls))["measurement"].sd


def bench() -> Iterator[Line]:
    """P2, the condition bench."""
    known = {"2.0": ("8.77", "0.78"), "1.0": ("9.02", "0.45"), "0.5": ("9.11", "0.23")}
    for wide, (mean, share) in (known | {"0.1": ("9.14", "0.046")}).items():
        found = conditioning.window(Settings(CONDITIONING.controls, window=float(wide)))
        yield f"mean weight within {wide}", mean, found.mean
        yield f"share within {wide}", share, found.share


def look_or_touch() -> Iterator[Line]:
    """P3, look or touch."""
    glued = Settings(LOOKING.controls, site="measurement", value=9.5, how="touch", draught="off")
    yield "needle glued: the weight's mean", "8.5", looking.exact(glued)["weight"].mean
    yield "needle glued: the weight's sd", "1.0", looking.exact(glued)["weight"].sd
    for how, mean, sd in (("look", "10.75", "1.03"), ("touch", "10.00", "1.25")):
        gust = Settings(LOOKING.controls, site="weight", value=10.0, how=how, draught="on")
        reading = looking.exact(gust)["measurement"]
        yield f"weight 10 by {how}: reading's mean", mean, reading.mean
        yield f"weight 10 by {how}: reading's sd", sd, reading.sd


def scale() -> Iterator[Line]:
    """P4, the scale."""
    here = weighing.exact(Settings(WEIGHING.controls))
    there = weighing.exact(Settings(WEIGHING.controls, measurement=10.5))
    yield "exact mean", "9.14", here.mean
    yield "exact sd", "0.60", here.sd
    yield "what a reading 1 higher adds", "0.64", there.mean - here.mean
    yield "floor of the loss", "1.462", here.floor


def contract() -> Iterator[Line]:
    """P6, the contract."""
    for way, loss in (("unconditioned", "1.131"), ("data twice", "0.331")):
        found = breaking.settles(Settings(BREAKING.controls, way=way))
        yield f"loss settles, {way}", loss, math.nan if found is None else found
    course = Watching(BREAKING, way="misspelt", num_steps=500).draws
    yield "b after 500 steps, misspelt", "148", float(course["b"][499])
    yield "how far a has moved then", "0.0", float(course["a"][499]) - 8.5


def store() -> Iterator[Line]:
    """P7, the store."""
    yield "share of runs at -0.6", "0.39", storing.mirrored(Settings(STORING.controls))


def balance() -> Iterator[Line]:
    """P8, the ELBO in balance."""
    for a, b, loss in ((8.5, 1.0, "2.409"), (9.0, 0.8, "1.591"), (9.14, 0.6, "1.462")):
        found = balancing.loss(Settings(BALANCING.controls, a=a, b=b))
        yield f"loss at ({a:g}, {b:g})", loss, found
    yield "sd of an estimate at (8.5, 1)", "2.18", balancing.sd(Settings(BALANCING.controls))
    perfect = Settings(BALANCING.controls, a=9.14, b=0.6)
    yield "sd of an estimate at (9.14, 0.6)", "0.00", balancing.sd(perfect)


def race() -> Iterator[Line]:
    """P9, the race of the optimisers."""
    seed = Settings(RACING.controls)
    ball = racing.ball(seed, "sgd")
    yield "half-life of the original", "225", racing.half_life(seed, "sgd")
    yield "noise ball of the original", "0.0236", ball
    yield "how many of them a = 9.107 is out", "1.4", (9.14 - 9.107) / ball
    yield "how many of them b = 0.6285 is out", "1.2", (0.6285 - 0.6) / ball


def encoder() -> Iterator[Line]:
    """P11, one guide for all readings."""
    offset, slope, sd = amortizing.line(Settings(AMORTIZING.controls))
    yield "exact mean at a reading of 0", "3.06", offset
    yield "what a reading 1 higher adds", "0.64", slope
    yield "sd at every reading", "0.60", sd
    constant = Settings(AMORTIZING.controls, encoder="constant")
    yield "gap of a constant guide", "0.889", amortizing.least_gap(constant)


def autoencoder() -> Iterator[Line]:
    """P14, the VAE bench."""
    bench = Decoding(DECODING)
    found = decoding.latest(bench.draws, "evidence")
    yield "gap of a linear decoder", "0.0", decoding.latest(bench.draws, "gap")
    yield "evidence short of the best", "0.0", decoding.best(bench.controls) - found


def lab() -> Iterator[Line]:
    """P5, the proposal lab."""
    prior, perfect = Settings(PROPOSING.controls), Settings(PROPOSING.controls, a=9.14, b=0.6)
    yield "ESS share of the prior as guide", "0.60", proposing.ess_share(prior)
    yield "share kept of it", "0.436", math.exp(-proposing.log_lift(prior))
    yield "share accepted of it", "0.53", proposing.chain_share(prior)
    yield "ESS share of the perfect guide", "1.00", proposing.ess_share(perfect)
    after = Settings(PROPOSING.controls, tab="particles")
    yield "last of five readings, mean", "9.451", particles.last(after).mean
    yield "last of five readings, sd", "0.436", particles.last(after).sd
    yield "log evidence of all five", "-5.311", particles.log_evidence(after)


def no_formula() -> Iterator[Line]:
    """P10, no formula."""
    course = Watching(BENDING)
    folded, late = course.controls, {k: v[-200:].mean() for k, v in course.draws.items()}
    truth = bending.exact(folded)
    best = Gaussian(9.458, 0.1305)
    yield "peak of the left hill", "7.52", truth.peaks[0]
    yield "peak of the right hill", "9.48", truth.peaks[1]
    yield "where a training settles, mean", "9.46", float(late["a"])
    yield "where a training settles, sd", "0.13", float(late["b"])
    yield "sd of the posterior", "0.965", truth.moments.sd
    yield "log evidence", "-1.365", truth.log_evidence
    yield "ELBO of one hill", "-2.08", bending.elbo(best, folded)
    yield "gap of one hill", "0.710", bending.gap(best, folded)
    yield "ELBO of N(8.5, 0.965)", "-13.4", bending.elbo(Gaussian(8.5, 0.965), folded)
    bent = Settings(BENDING.controls, response="bent", measurement=11.0, noise_sd=0.75)
    yield "gap of a gentler bend", "0.019", bending.gap(Gaussian(9.2903, 0.29744), bent)


def many() -> Iterator[Line]:
    """P12, many."""
    readings = Settings(MANY.controls)
    yield "sd, all readings counted", "0.0075", batches.exact(readings).sd
    yield "sd, N/B forgotten", "0.0748", batches.ends_at(readings).sd
    _, cov = together.joint(readings)
    yield "sd of each of two weights", "0.781", math.sqrt(cov[0, 0])
    yield "their correlation", "-0.64", cov[0, 1] / cov[0, 0]
    yield "sd that mean field claims", "0.600", together.claimed_sd(readings)
    yield "gap of mean field", "0.263", float(together.claimed_gap(readings, 2))


def use() -> Iterator[Line]:
    """P13, use it."""
    weight, reading = Settings(USING.controls, asked="weight"), Settings(USING.controls)
    yield "P(weight > 10)", "0.076", float(using.over(using.exact(weight), 10.0))
    yield "P(next reading > 10)", "0.185", float(using.over(using.exact(reading), 10.0))
    yield (
        "the same with the mean plugged in",
        "0.126",
        float(using.over(using.plugged(reading), 10.0)),
    )
    yield "next reading, mean", "9.14", using.exact(reading).mean
    yield "next reading, sd", "0.960", using.exact(reading).sd


LESSONS: dict[str, Callable[[], Iterator[Line]]] = {
    "ForwardPanel": machine,
    "ConditionPanel": bench,
    "LookPanel": look_or_touch,
    "ScalePanel": scale,
    "ProposalPanel": lab,
    "ContractPanel": contract,
    "StorePanel": store,
    "ElboPanel": balance,
    "RacePanel": race,
    "NoFormulaPanel": no_formula,
    "EncoderPanel": encoder,
    "ManyPanel": many,
    "UsePanel": use,
    "VAEPanel": autoencoder,
}
"""Panel -> its numbers."""


def agrees(written: str, found: float) -> bool:
    """Whether a number rounds to the one that is written."""
    places = len(written.partition(".")[2])
    return f"{found:.{places}f}" == written


def main() -> None:
    """Print the table."""
    print(f"{'panel':15} {'what':36} {'lesson':>9} {'found':>11}")
    for panel, lines in LESSONS.items():
        for what, written, found in lines():
            verdict = "ok" if agrees(written, found) else "DIFFERS"
            print(f"{panel:15} {what:36} {written:>9} {found:11.5f}  {verdict}")


if __name__ == "__main__":
    main()

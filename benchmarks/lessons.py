"""The numbers that the lessons name, each beside what the code finds now.

    python benchmarks/lessons.py

One line a number: panel, what it says, the number as the lesson has it, the number recomputed. The
last column is "ok" if the recomputed one rounds to the lesson's. To add a panel, write a function
that yields lines and list it in `LESSONS`; formulas come from the scenario, and the tests check
those by a second route.
"""

import math
from collections.abc import Callable, Iterator

from ppl_widgets.scenarios import (
    BENDING,
    MANY,
    PROPOSING,
    USING,
    Gaussian,
    Settings,
    batches,
    bending,
    particles,
    proposing,
    together,
    using,
)
from ppl_widgets.watching import Watching

Line = tuple[str, str, float]
"""What is claimed, the number as it is written, the number recomputed."""


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
    "ProposalPanel": lab,
    "NoFormulaPanel": no_formula,
    "ManyPanel": many,
    "UsePanel": use,
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

"""What a whole posterior costs: 500 steps of warm-up and 1,000 draws of NUTS in one call.

    python benchmarks/posterior_now.py [model ...] [--calls 15] [--others] [--check]

The models are eight schools (non-centred), logistic regression (1,000 rows, 11 coefficients) and a
mixture of three normals (500 points, components summed out), written once for all libraries.

First table: wall time of the first call of `ppl_core.infer.Posterior`, which records, compiles
(unless a library lies in the cache) and tries the result; then of the next calls, each from another
seed: median, least and largest; CPU time of a leapfrog step of the driver; smallest bulk effective
size per CPU second of the median call. `MCMC` is the same through `MCMC.run` and `get_samples`.

`--others` adds one run of each other way, same numbers of steps: ppl_core in Python (`eager`),
Pyro, and NumPyro in the run that compiles (`numpyro`) and the next one (`again`).

`--check` draws 10,000 with the driver and 2,000 in Python: the largest distance of their means and
standard deviations in standard errors of both. Beyond 4.5 a line ends in NOT OK (false alarm: about
1e-4 a line).
"""

import argparse
import importlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

import torch
from models import BENCHMARKS
from nuts import worst_ess

import ppl_core
import ppl_core.distributions
from ppl_core.diagnostics import mcse_mean, mcse_sd
from ppl_core.infer import MCMC, NUTS, Posterior

MODELS = ("eight-schools", "logistic-1k", "mixture")
WARMUP, DRAWS = 500, 1000


def model_of(name: str, language: str = "ppl_core") -> Any:
    """The program in one of the languages."""
    ways = importlib.import_module(language), importlib.import_module(f"{language}.distributions")
    return BENCHMARKS[name].program(*ways)[0]


def timed(run: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it gives, seconds of wall and of CPU time."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = run()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def line(name: str, way: str, first: float, walls: list[float], more: str) -> str:
    """A line of the table, in milliseconds."""
    next_calls = (median(walls), min(walls), max(walls)) if walls else ()
    shown = "".join(f"{1e3 * each:9.1f}" for each in next_calls).ljust(27)
    return f"{name:15}{way:10}{1e3 * first:10.0f}{shown}{more}"


def now(name: str, calls: int) -> list[str]:
    """The lines of our driver."""
    data = BENCHMARKS[name].data()
    posterior = Posterior(NUTS(model_of(name), jit_compile=True), DRAWS, WARMUP)
    _, first, _ = timed(lambda: posterior(*data))
    walls, rates, paces = [], [], []
    for seed in range(calls):
        drawn, wall, cpu = timed(lambda seed=seed: posterior(*data, seed=seed))
        walls.append(wall)
        rates.append(worst_ess(dict(drawn.values)) / cpu)
        begun = posterior.kernel.init(*data)
        span, _, cpu = timed(
            lambda begun=begun: posterior.kernel.span(begun, 1500, torch.get_rng_state(), data)[1]
        )
        paces.append(1e6 * cpu / int(posterior.kernel.numbers(span)["num_steps"].sum()))
    more = f"{median(paces):10.2f}{median(rates):12,.0f}"
    found = [line(name, "Posterior", first, walls, more)]
    walls, rates = [], []
    for seed in range(calls):
        ppl_core.set_rng_seed(seed)
        draws, wall, cpu = timed(lambda: by_mcmc(name, jit_compile=True))
        walls.append(wall)
        rates.append(worst_ess(draws) / cpu)
    found.append(line(name, "MCMC", walls[0], walls[1:], f"{'':10}{median(rates):12,.0f}"))
    return found


def by_mcmc(name: str, jit_compile: bool, draws: int = DRAWS) -> dict[str, Any]:
    """One chain of ours."""
    kernel = NUTS(model_of(name), jit_compile=jit_compile)
    mcmc = MCMC(kernel, draws, WARMUP, disable_progbar=True)
    mcmc.run(*BENCHMARKS[name].data())
    return mcmc.get_samples()


def others(name: str) -> list[str]:
    """One run each of the other ways."""
    data = BENCHMARKS[name].data()
    ways: dict[str, Callable[[], Any]] = {"eager": lambda: by_mcmc(name, jit_compile=False)}
    if importlib.util.find_spec("pyro"):
        ways["pyro"] = lambda: by_pyro(name, data)
    if importlib.util.find_spec("numpyro"):
        infer = importlib.import_module("numpyro.infer")
        key = importlib.import_module("jax.random").PRNGKey
        kernel = infer.NUTS(model_of(name, "numpyro"))
        mcmc = infer.MCMC(kernel, num_warmup=WARMUP, num_samples=DRAWS, progress_bar=False)

        def numpyro() -> Any:
            mcmc.run(key(0), *(part.numpy() for part in data))
            return mcmc.get_samples()

        ways |= {"numpyro": numpyro, "again": numpyro}
    found = []
    for way, run in ways.items():
        torch.manual_seed(101)
        draws, wall, cpu = timed(run)
        found.append(line(name, way, wall, [], f"{'':10}{worst_ess(draws) / cpu:12,.0f}"))
        print(found[-1], flush=True)
    return found


def by_pyro(name: str, data: Sequence[Any]) -> dict[str, Any]:
    """One chain of Pyro."""
    infer = importlib.import_module("pyro.infer")
    mcmc = infer.MCMC(infer.NUTS(model_of(name, "pyro")), DRAWS, WARMUP, disable_progbar=True)
    mcmc.run(*data)
    return mcmc.get_samples()


def check(name: str) -> str:
    """Moments of compiled chains against those in Python."""
    ppl_core.set_rng_seed(1)
    ours, theirs = by_mcmc(name, True, 10_000), by_mcmc(name, False, 2_000)
    worst = 0.0
    for site, draws in ours.items():
        a, b = draws[None], theirs[site][None]
        for moment, error in (
            (a.mean((0, 1)) - b.mean((0, 1)), (mcse_mean(a) ** 2 + mcse_mean(b) ** 2).sqrt()),
            (a[0].std(0) - b[0].std(0), (mcse_sd(a) ** 2 + mcse_sd(b) ** 2).sqrt()),
        ):
            worst = max(worst, (moment.abs() / error).max().item())
    return f"{name:15}{worst:6.2f} standard errors  {'ok' if worst <= 4.5 else 'NOT OK'}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure the models named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="*", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--calls", type=int, default=15, help="after the first; default: 15")
    parser.add_argument("--others", action="store_true", help="other libraries, and Python, too")
    parser.add_argument("--check", action="store_true", help="compare moments instead")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.model if name not in MODELS]
    if unknown:
        parser.error(f"no model named {unknown[0]!r}; there are {', '.join(MODELS)}")
    torch.set_num_threads(1)
    names = given.model or MODELS
    if given.check:
        for name in names:
            print(check(name), flush=True)
        return
    columns = (
        f"{'first ms':>10}{'median':>9}{'least':>9}{'most':>9}{'µs a leap':>10}{'ESS/CPU s':>12}"
    )
    print(f"{f'{WARMUP} + {DRAWS}':15}{'way':10}{columns}")
    for name in names:
        print("\n".join(now(name, given.calls)), flush=True)
        if given.others:
            others(name)


if __name__ == "__main__":
    main()

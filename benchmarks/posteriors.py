"""NUTS on a dozen classic posteriors, against references that were obtained by another route.

    python benchmarks/posteriors.py [posterior ...] [--draws 1000] [--chains 2] [--seed 101]
    python benchmarks/posteriors.py --reference [posterior ...]

A line a posterior: the largest distance of a mean from its reference in standard errors (of both),
the largest error of a standard deviation in per cent, the largest R-hat, the smallest effective
size, divergences, seconds. A line ends in `ok` if the distance is at most 4, sd within 10 % (or 4
of its errors), R-hat below 1.01 and divergences below 1 %; and tells whether the potential was
compiled, and why not.

The references in `posteriors.json` come from NumPyro (its NUTS, another implementation on another
array library), four chains of 5,000 draws in float64 at target_accept_prob 0.95; `--reference`
makes them anew. Where discrete sites are enumerated here, NumPyro got the sum written out by hand;
the centred schools are held against the non-centred ones.
"""

import argparse
import importlib
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from classics import POSTERIORS, Posterior

import ppl_core
import ppl_core.distributions
from ppl_core.compiled import NotCompiled
from ppl_core.diagnostics import ess_bulk, mcse_mean, mcse_sd, r_hat
from ppl_core.infer import MCMC, NUTS

STORE = Path(__file__).with_suffix(".json")
# ---- references


def reference(posterior: Posterior) -> dict[str, Any]:
    """Mean, its error, and sd of each site by NumPyro."""
    jax = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    ways = tuple(
        importlib.import_module(name) for name in ("numpyro", "numpyro.distributions", "jax.numpy")
    )
    ways[0].enable_validation(False)
    infer = importlib.import_module("numpyro.infer")
    program = posterior.by_sum or posterior.program
    kernel = infer.NUTS(
        lambda *data: program(ways, *data),
        target_accept_prob=0.95,
        init_strategy=infer.init_to_median(),
    )
    mcmc = infer.MCMC(
        kernel,
        num_warmup=1500,
        num_samples=5000,
        num_chains=4,
        chain_method="sequential",
        progress_bar=False,
    )
    mcmc.run(jax.random.PRNGKey(0), *map(ways[2].asarray, posterior.data))
    draws = {
        name: torch.from_numpy(np.array(each))
        for name, each in mcmc.get_samples(group_by_chain=True).items()
    }
    worst = max(r_hat(each).max().item() for each in draws.values())
    print(f"R-hat {worst:.4f}, divergences {int(mcmc.get_extra_fields()['diverging'].sum())}")
    return {
        name: {
            "mean": each.mean((0, 1)).tolist(),
            "error": mcse_mean(each).tolist(),
            "sd": each.flatten(0, 1).std(0).tolist(),
        }
        for name, each in draws.items()
    }


# ---- ours


def judged(name: str, draws: int, chains: int, seed: int) -> str:
    """A line of the table."""
    posterior = POSTERIORS[name]
    known = json.loads(STORE.read_text())[posterior.same_as or name]
    ways = ppl_core, ppl_core.distributions, torch
    data = [torch.from_numpy(part) for part in posterior.data]
    program = lambda *data: posterior.program(ways, *data)  # noqa: E731
    kernel, how = NUTS(program, jit_compile=True, **posterior.settings), "C"
    try:
        kernel.init(*data)
    except NotCompiled as reason:
        kernel, how = NUTS(program, **posterior.settings), f"eager: {reason}"
    ppl_core.set_rng_seed(seed)
    mcmc = MCMC(kernel, draws, min(draws, 1000), num_chains=chains, disable_progbar=True)
    start = time.perf_counter()
    mcmc.run(*data)
    seconds = time.perf_counter() - start
    away, wide, rank, least = 0.0, 0.0, 0.0, float("inf")
    fits = True
    for site, each in mcmc.get_samples(group_by_chain=True).items():
        rank = max(rank, r_hat(each).max().item())
        least = min(least, ess_bulk(each).min().item())
        if site not in known:
            continue
        told = {part: torch.tensor(number) for part, number in known[site].items()}
        error = (mcse_mean(each) ** 2 + told["error"] ** 2).sqrt()
        away = max(away, ((each.mean((0, 1)) - told["mean"]).abs() / error).max().item())
        off = (each.flatten(0, 1).std(0) - told["sd"]).abs()
        wide = max(wide, (off / told["sd"]).max().item())
        fits &= bool((off <= torch.maximum(0.1 * told["sd"], 4 * mcse_sd(each))).all())
    count = sum(map(len, mcmc.divergences))
    good = away <= 4 and fits and rank < 1.01 and count < 0.01 * draws * chains
    return (
        f"{name:18}{away:7.1f}{100 * wide:8.1f} %{rank:9.4f}{least:8.0f}{count:6}{seconds:8.1f} s"
        f"  {'ok' if good else 'NOT OK'}  {how}"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge the posteriors named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("posterior", nargs="*", help=f"of {', '.join(POSTERIORS)}; default: all")
    parser.add_argument("--draws", type=int, default=1000, help="a chain; default: 1000")
    parser.add_argument("--chains", type=int, default=2, help="default: 2")
    parser.add_argument("--seed", type=int, default=101, help="default: 101")
    parser.add_argument("--reference", action="store_true", help="make the references anew")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.posterior if name not in POSTERIORS]
    if unknown:
        parser.error(f"no posterior {unknown[0]!r}; there are {', '.join(POSTERIORS)}")
    names = given.posterior or list(POSTERIORS)
    if given.reference:
        for name in names:
            if not POSTERIORS[name].same_as:
                stored = json.loads(STORE.read_text()) if STORE.exists() else {}
                print(name, end=": ", flush=True)
                stored[name] = reference(POSTERIORS[name])
                STORE.write_text(json.dumps(stored, indent=1) + "\n")
        return
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    print(f"{'':18}{'z':>7}{'sd':>10}{'R-hat':>9}{'ESS':>8}{'div':>6}{'time':>10}")
    for name in names:
        print(judged(name, given.draws, given.chains, given.seed), flush=True)


if __name__ == "__main__":
    main()

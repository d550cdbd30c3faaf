"""The models that `svi_step.py` measures, each written twice: by hand and as a program."""

from .benchmark import Benchmark
from .eight_schools import EIGHT_SCHOOLS
from .logistic import LOGISTIC, LOGISTIC_LARGE, LOGISTIC_LARGE_ROWS, LOGISTIC_ROWS
from .mixture import MIXTURE
from .scale import SCALE
from .vae import VAE

BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        SCALE,
        EIGHT_SCHOOLS,
        LOGISTIC,
        LOGISTIC_ROWS,
        LOGISTIC_LARGE,
        LOGISTIC_LARGE_ROWS,
        MIXTURE,
        VAE,
    )
}

__all__ = ["BENCHMARKS", "Benchmark"]

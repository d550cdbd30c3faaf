"""Every distribution has a row in the table of what is compiled; what runs agrees with torch."""

import inspect

import pytest
from coverage_table import EXAMPLES, lines, measure
from torch.distributions import Distribution as Torch

import ppl_core.distributions as dist

BASES = {"Distribution", "TorchDistribution"}
BY_TRIES = (
    "Beta BetaBinomial Binomial Chi2 Dirichlet FisherSnedecor Gamma GammaPoisson InverseGamma "
    "LKJCholesky NegativeBinomial Poisson StudentT ZeroInflatedDistribution "
    "ZeroInflatedNegativeBinomial ZeroInflatedPoisson"
)
ASKS = {"ContinuousBernoulli", "Wishart"}
"""Torch's own code asks for a value, in order to warn."""


def test_no_distribution_is_missing():
    kinds = {
        name
        for name in dist.__all__
        if inspect.isclass(kind := getattr(dist, name)) and issubclass(kind, Torch)
    }
    assert kinds - BASES == EXAMPLES.keys()


@pytest.fixture(scope="module")
def table():
    return measure(list(EXAMPLES), "FC")


@pytest.mark.filterwarnings("ignore:Singular sample")
def test_whatever_runs_agrees_with_torch(table):
    for name, row in table.items():
        for case in row:
            assert not any("off by" in why for why in case.said.values()), (name, case.said)


def test_densities_and_gradients_run_on_every_engine(table):
    refused = {name for name, row in table.items() for case in row[:2] if any(case.said.values())}
    assert refused == ASKS


def test_samplers_run_unless_they_draw_by_tries(table):
    refused = {name for name, row in table.items() if any(row[2].said.values())}
    by_tries = set(BY_TRIES.split())
    assert refused == by_tries | ASKS | {"ImproperUniform", "Multinomial", "VonMises"}
    assert all("tries" in why for name in by_tries for why in table[name][2].said.values())


def test_the_table_has_a_number_for_every_reason(table):
    text = "\n".join(lines(table))
    assert "Normal  " in text
    assert " 1 a draw by _sample_dirichlet takes a number of tries that depends on chance" in text

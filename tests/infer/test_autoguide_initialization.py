"""Where guides start."""

import pytest
import torch

import ppl_core as ppl
from ppl_core import distributions as dist
from ppl_core.distributions import constraints
from ppl_core.errors import GuideError, ShapeError
from ppl_core.handlers import trace
from ppl_core.infer.autoguide import (
    AutoDelta,
    AutoDiagonalNormal,
    AutoIAFNormal,
    AutoNormal,
    init_to_feasible,
    init_to_generated,
    init_to_mean,
    init_to_median,
    init_to_sample,
    init_to_uniform,
    init_to_value,
)
from ppl_core.infer.autoguide.initialization import InitMessenger


def model():
    ppl.sample("x", dist.Normal(3.0, 0.01))
    ppl.sample("s", dist.Gamma(900.0, 300.0))
    ppl.sample("p", dist.Dirichlet(torch.tensor([100.0, 100.0, 200.0])))
    ppl.sample("c", dist.Cauchy(5.0, 0.001))
    with ppl.plate("rows", 2):
        ppl.sample("z", dist.Normal(torch.tensor([1.0, 2.0]), 0.01))


def start(strategy, family=AutoDelta):
    return {name: v.tolist() for name, v in family(model, init_loc_fn=strategy).median().items()}


def test_feasible_is_the_origin_of_unconstrained_space():
    third = pytest.approx([1 / 3] * 3)
    assert start(init_to_feasible) == {"x": 0, "s": 1, "p": third, "c": 0, "z": [0, 0]}


def test_mean_falls_back_where_there_is_none():
    values = start(init_to_mean)
    assert values["x"] == 3.0
    assert values["s"] == pytest.approx(3.0)
    assert values["p"] == pytest.approx([0.25, 0.25, 0.5])
    assert values["z"] == [1.0, 2.0]
    assert values["c"] == pytest.approx(5.0, abs=0.1)  # a Cauchy has no mean, but a median


def test_an_infinite_mean_falls_back():
    guide = AutoDelta(lambda: ppl.sample("t", dist.HalfCauchy(1.0)), init_loc_fn=init_to_mean)
    assert torch.isfinite(guide.median()["t"])


def test_median_is_of_prior_draws_and_feasible_for_vectors():
    values = start(init_to_median(num_samples=41))
    # the median of 41 draws has a standard error of 1.25 sd / 6.4; 6 of them
    assert values["x"] == pytest.approx(3.0, abs=0.012)
    assert values["s"] == pytest.approx(3.0, abs=0.12)
    assert values["z"] == pytest.approx([1.0, 2.0], abs=0.012)
    assert values["p"] == pytest.approx([1 / 3] * 3)


def test_sample_is_a_draw_of_the_prior():
    first, second = start(init_to_sample), start(init_to_sample)
    assert first["x"] != second["x"]
    assert first["x"] == pytest.approx(3.0, abs=0.06)  # 6 sd


def test_uniform_keeps_within_its_radius():
    for radius in (0.5, 2.0):
        values = start(init_to_uniform(radius=radius))
        free = torch.tensor([values["x"], values["c"], *values["z"]])
        free = torch.cat([free, torch.tensor([values["s"]]).log()])
        assert (free.abs() <= radius).all()
        assert (free != 0).all()


def test_value_takes_numbers_lists_and_tensors_and_falls_back():
    given = {"x": 1, "p": [0.2, 0.3, 0.5], "z": torch.tensor(7.0)}
    values = start(init_to_value(values=given, fallback=init_to_feasible))
    assert values["x"] == 1.0
    assert values["p"] == pytest.approx([0.2, 0.3, 0.5])
    assert values["z"] == [7.0, 7.0]
    assert values["s"] == 1.0


def test_generated_asks_anew_for_every_run():
    numbers = iter([1.0, 2.0, 3.0])

    def generate():
        return init_to_value(values={"x": next(numbers)}, fallback=init_to_feasible)

    strategy = init_to_generated(generate=generate)
    assert [start(strategy)["x"] for _ in range(3)] == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("family", [AutoNormal, AutoDiagonalNormal])
def test_every_family_starts_where_it_is_told(family):
    values = start(init_to_mean, family)
    assert values["s"] == pytest.approx(3.0, rel=1e-4)
    assert values["z"] == pytest.approx([1.0, 2.0], rel=1e-4)


def test_a_flow_starts_around_the_value():
    def one():
        ppl.sample("x", dist.Normal(3.0, 1.0))

    guide = AutoIAFNormal(one, init_loc_fn=init_to_value(values={"x": 10.0}))
    draws = torch.stack([guide()["x"] for _ in range(50)]).detach()
    assert abs(draws.mean() - 10.0) < 6 / 50**0.5  # 6 standard errors of unit noise


def test_a_strategy_of_ones_own_may_hand_on():
    def mine(site):
        return torch.tensor(4.0) if site["name"] == "x" else init_to_feasible(site)

    assert start(mine)["x"] == 4.0
    assert start(mine)["s"] == 1.0


def test_defaults_are_those_of_pyro():
    assert AutoNormal(model).init_loc_fn is init_to_feasible
    assert AutoDelta(model).init_loc_fn is init_to_median
    assert AutoDiagonalNormal(model).init_loc_fn is init_to_median


def test_improper_priors_have_feasible_starts():
    def flat():
        ppl.sample("x", dist.ImproperUniform(constraints.positive, (), (3,)))

    for strategy in (init_to_feasible, init_to_median, init_to_uniform(radius=1.0)):
        assert (AutoDelta(flat, init_loc_fn=strategy).median()["x"] > 0).all()


def test_a_model_runs_from_a_strategy():
    sites = trace(InitMessenger(init_to_mean)(model)).get_trace()
    assert sites["x"].value == 3.0
    assert sites["x"].set_by == "init"


def test_no_value_and_no_fallback_error():
    strategy = init_to_value(values={"x": 0.0}, fallback=None)
    with pytest.raises(GuideError, match=r"no starting value for site 's'.*init_to_value"):
        start(strategy)


def test_a_value_of_another_shape_error():
    with pytest.raises(ShapeError, match=r"'p' has shape \(2,\).*site has shape \(3,\)"):
        start(init_to_value(values={"p": [0.5, 0.5]}))

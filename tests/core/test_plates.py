"""Plates: rows along a dimension or in a loop, subsamples that count as the whole, shape errors."""

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from chance import assert_average
from ppl_core import ModelError, ShapeError, handlers
from ppl_core.distributions import constraints


def standard(name="x", **shape):
    return ppl.sample(name, dist.Normal(0.0, 1.0), **shape)


def dims(site):
    """Plate name -> dimension, innermost first."""
    return [(frame.name, frame.dim) for frame in site.plates]


# ---- sizes and dimensions


def test_plate_gives_its_rows_to_sites_that_have_none():
    with handlers.trace() as sites, ppl.plate("rows", 4) as index:
        x = standard()
        assert ppl.sample("y", dist.Normal(x, 1.0)).shape == (4,)
        assert ppl.sample("e", dist.Normal(torch.zeros(3), 1.0).to_event(1)).shape == (4, 3)
        assert ppl.sample("one", dist.Normal(torch.zeros(1), 1.0)).shape == (4,)
    assert x.shape == (4,)
    assert index.tolist() == [0, 1, 2, 3]
    assert sites["e"].log_prob.shape == (4,)
    assert len({value.item() for value in x}) == 4


def test_nested_plates_take_free_dimensions_from_the_right():
    with handlers.trace() as sites, ppl.plate("columns", 3), ppl.plate("rows", 2):
        assert standard().shape == (2, 3)
    assert dims(sites["x"]) == [("columns", -1), ("rows", -2)]


def test_dims_may_be_chosen_and_gaps_are_filled():
    with ppl.plate("a", 2, dim=-3), ppl.plate("b", 3, dim=-1):
        assert standard().shape == (2, 1, 3)
        with ppl.plate("c", 4):
            assert standard("y").shape == (2, 4, 3)
    with ppl.plate("a", 2, dim=-2):
        assert standard("z").shape == (2, 1)


def test_plate_objects_may_be_used_again_and_together():
    rows, columns = ppl.plate("rows", 2, dim=-2), ppl.plate("columns", 3, dim=-1)
    with rows:
        assert standard("a").shape == (2, 1)
    with columns:
        assert standard("b").shape == (3,)
    with rows, columns:
        assert standard("c").shape == (2, 3)
    with columns, rows:
        assert standard("d").shape == (2, 3)


def test_dimension_is_free_again_after_the_plate():
    with ppl.plate("a", 2):
        pass
    with handlers.trace() as sites, ppl.plate("b", 3):
        standard()
    assert dims(sites["x"]) == [("b", -1)]


def test_plate_is_a_decorator_too():
    rows = ppl.plate("rows", 3)
    assert rows(standard)("x").shape == (3,)


def test_size_follows_a_given_subsample_alone():
    with ppl.plate("rows", subsample=[4, 1]) as index:
        assert standard().shape == (2,)
    assert index.tolist() == [4, 1]


# ---- in a loop


def test_loop_runs_each_row_alone_and_counts_turns():
    with handlers.trace() as sites:
        for i in ppl.plate("rows", 3):
            assert standard(f"x{i}").shape == ()
            assert isinstance(i, int)
    assert [sites[f"x{i}"].plates[0].counter for i in range(3)] == [0, 1, 2]
    assert not sites["x0"].plates[0].vectorized


def test_loops_and_dimensions_mix():
    with handlers.trace() as sites:
        for i in ppl.plate("outer", 2):
            with ppl.plate(f"inner_{i}", 3 + i):
                assert standard(f"x{i}").shape == (3 + i,)
    assert [name for name, _ in dims(sites["x1"])] == ["outer", "inner_1"]


def test_loops_side_by_side_keep_their_own_frames():
    with handlers.trace() as sites:
        for i, j in zip(ppl.plate("a", 3), ppl.plate("b", 3), strict=True):
            standard(f"x{i}{j}")
        standard("after")
    assert all(len(sites[f"x{i}{i}"].plates) == 2 for i in range(3))
    assert sites["after"].plates == ()


def test_loop_over_a_subsample_scales_each_turn():
    with handlers.trace() as sites:
        for i in ppl.plate("rows", 10, subsample_size=2):
            standard(f"x{i}")
    drawn = [site for name, site in sites.items() if name != "rows"]
    assert [site.scale for site in drawn] == [5.0, 5.0]


# ---- subsamples


def test_subsample_is_drawn_without_replacement_and_recorded():
    with handlers.trace() as sites, ppl.plate("rows", 10, subsample_size=4) as index:
        assert standard().shape == (4,)
    assert len(set(index.tolist())) == 4
    assert set(index.tolist()) <= set(range(10))
    assert torch.equal(sites["rows"].value, index)
    assert sites.stochastic_nodes == ["x"]
    assert sites["x"].scale == 2.5


@pytest.mark.parametrize("size", [42, 15])
def test_every_row_is_chosen_as_often_alone_and_with_every_other(size):
    """Both ways to choose 2 rows: one by one (of 42), by a shuffle (of 15)."""
    ppl.set_rng_seed(0)
    chosen = torch.zeros(40 * size * size, size)
    for row in chosen:
        row[ppl.plate("rows", size, subsample_size=2).indices] = 1.0
    assert (chosen.sum(1) == 2).all()
    assert_average(chosen, 2 / size)
    for row in (0, 1, size // 2):  # whichever row is in, every other one is its partner as often
        others = torch.arange(size) != row
        assert_average(chosen[chosen[:, row] == 1][:, others], 1 / (size - 1))


def test_subsampled_log_joint_is_unbiased():
    data = torch.randn(12) * torch.arange(12)

    def model(size):
        with ppl.plate("rows", 12, subsample_size=size) as index:
            ppl.sample("x", dist.Normal(1.0, 2.0), obs=data[index])

    def log_joint(size):
        return handlers.trace(model).get_trace(size).log_prob_sum()

    assert_average([log_joint(3) for _ in range(1500)], log_joint(None))


def test_every_row_is_chosen_equally_often():
    counts = torch.zeros(1500, 5)
    for row in counts:
        row[ppl.plate("rows", 5, subsample_size=2).indices] = 1.0
    assert_average(counts, 0.4)


@pytest.mark.parametrize(
    "around",
    [
        handlers.mask(mask=torch.tensor([True, False, True])),
        handlers.mask(mask=False),
        handlers.scale(scale=2.0),
        handlers.scale(scale=torch.tensor([1.0, 2.0, 3.0])),
    ],
    ids=["mask", "no", "scale", "scales"],
)
@pytest.mark.parametrize("size", [3, 6])
def test_plates_stand_in_masks_and_scales(around, size):
    with handlers.trace() as sites, around, ppl.plate("rows", size, subsample_size=3):
        standard()
    expected = dist.Normal(0.0, 1.0).log_prob(sites["x"].value) * (size // 3)
    if isinstance(around, handlers.mask):
        expected = expected.where(torch.as_tensor(around.mask), 0.0)
    else:
        expected = expected * around.scale
    assert torch.allclose(sites["x"].log_prob, expected)
    assert torch.allclose(sites.log_prob_sum(), expected.sum())


def test_nested_subsamples_multiply_their_scales():
    outer = ppl.plate("a", 10, subsample_size=5)
    with handlers.trace() as sites, outer, ppl.plate("b", 6, subsample_size=2):
        assert standard().shape == (2, 5)
    assert sites["x"].scale == 6.0
    assert sites.log_prob_sum().item() == pytest.approx(
        6 * dist.Normal(0.0, 1.0).log_prob(sites["x"].value).sum().item(), rel=1e-5
    )


def test_given_subsample_is_used_and_scaled():
    with handlers.trace() as sites, ppl.plate("rows", 10, subsample=torch.tensor([7, 2])) as index:
        standard()
    assert index.tolist() == [7, 2]
    assert sites["x"].scale == 5.0


def test_rows_that_the_guide_gives_are_the_models_too():
    def model():
        with ppl.plate("rows", 10, subsample_size=2) as index:
            return index

    def guide():
        with ppl.plate("rows", 10, subsample=torch.tensor([7, 2])):
            pass

    earlier = handlers.trace(guide).get_trace()
    assert handlers.replay(model, trace=earlier)().tolist() == [7, 2]


def test_replay_chooses_the_same_rows():
    def model():
        with ppl.plate("rows", 100, subsample_size=5) as index:
            return index

    sites = handlers.trace(model).get_trace()
    assert torch.equal(handlers.replay(model, trace=sites)(), sites["_RETURN"].value)


def test_subsample_statement_and_param_take_the_chosen_rows():
    data = torch.arange(20.0).reshape(10, 2)
    with ppl.plate("rows", 10, subsample_size=3) as index:
        assert torch.equal(ppl.subsample(data, event_dim=1), data[index])
        local = ppl.param("local", data + 1, constraint=constraints.positive, event_dim=1)
        assert torch.allclose(local, data[index] + 1)
        assert ppl.param("whole", data).shape == (10, 2)
    assert ppl.get_param_store()["local"].shape == (10, 2)
    assert torch.equal(ppl.subsample(data, event_dim=1), data)


def test_local_parameters_get_gradients_for_the_chosen_rows_only():
    with ppl.plate("rows", 6, subsample_size=2) as index:
        local = ppl.param("local", torch.zeros(6), event_dim=0)
    leaf = ppl.get_param_store().unconstrained("local")
    (grad,) = torch.autograd.grad(local.sum(), leaf)
    assert set(grad.nonzero().flatten().tolist()) == set(index.tolist())


def test_both_plates_choose_rows_of_data_in_their_own_dimension():
    data = torch.arange(24.0).reshape(4, 6)
    with (
        ppl.plate("columns", 6, subsample_size=2) as j,
        ppl.plate("rows", 4, subsample_size=3) as i,
    ):
        assert torch.equal(ppl.subsample(data, event_dim=0), data[i][:, j])


# ---- errors


def refused(error, statement):
    with pytest.raises(error) as caught:
        statement()
    return str(caught.value)


def test_wrong_size_error_shows_plate_size_and_shape():
    def model():
        with ppl.plate("data", 10):
            ppl.sample("x", dist.Normal(torch.zeros(7), 1.0))

    message = refused(ShapeError, model)
    assert all(word in message for word in ("'x'", "'data'", "10", "(7,)", "to_event"))
    assert "test_plates.py" in message


def test_taken_dimension_error_names_both_plates():
    def model():
        with ppl.plate("a", 2, dim=-1), ppl.plate("b", 3, dim=-1):
            pass

    message = refused(ShapeError, model)
    assert all(word in message for word in ("'a'", "'b'", "-1", "dim"))


def test_positive_dim_error_says_what_to_write():
    message = refused(ShapeError, lambda: ppl.plate("a", 2, dim=0))
    assert all(word in message for word in ("'a'", "negative", "dim=-1"))


def test_plate_in_itself_error():
    def model():
        with ppl.plate("a", 2), ppl.plate("a", 2):
            pass

    assert "'a'" in refused(ModelError, model)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, ["size"]),
        ({"size": 3, "subsample_size": 4}, ["4", "3"]),
        ({"size": 5, "subsample": [1, 2], "subsample_size": 3}, ["3", "2"]),
        ({"size": -1}, ["-1"]),
        ({"size": 2.5}, ["2.5"]),
        ({"size": 3, "subsample": [1, 5]}, ["5", "3"]),
    ],
)
def test_impossible_sizes_error(settings, words):
    message = refused((ModelError, ShapeError), lambda: ppl.plate("rows", **settings))
    assert all(word in message for word in ["'rows'", *words]), message


def test_param_with_other_rows_error_shows_the_shapes():
    def model():
        with ppl.plate("rows", 10, subsample_size=2):
            ppl.param("local", torch.zeros(7), event_dim=0)

    message = refused(ShapeError, model)
    assert all(word in message for word in ("'local'", "10", "'rows'", "(7,)"))


def test_two_plates_of_one_name_in_a_run_error():
    def model():
        for _ in range(2):
            with ppl.plate("rows", 2):
                pass

    assert "'rows'" in refused(ModelError, lambda: handlers.trace(model).get_trace())


def test_a_failed_plate_leaves_its_dimension_free():
    rows = ppl.plate("rows", 2)
    with pytest.raises(ValueError, match="mine"), rows:
        raise ValueError("mine")
    with rows, pytest.raises(ShapeError), ppl.plate("b", 2, dim=-1):
        pass
    with handlers.trace() as sites, ppl.plate("c", 2):
        standard()
    assert dims(sites["x"]) == [("c", -1)]


def test_plate_stack_is_a_batch_shape():
    with handlers.trace() as sites, ppl.plate_stack("rows", (2, 3), rightmost_dim=-2):
        x = standard()
    assert x.shape == (2, 3, 1)
    assert dims(sites["x"]) == [("rows_0", -3), ("rows_1", -2)]
    with ppl.plate_stack("none", ()):
        assert standard().shape == ()

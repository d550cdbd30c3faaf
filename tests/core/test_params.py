"""ParamStore: the first call wins, constraints, scopes, moving a whole store, and errors."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch

import ppl_core as ppl
from ppl_core import ParamError, ParamStore
from ppl_core.distributions import constraints

CONSTRAINED = [
    (constraints.real, -3.0),
    (constraints.positive, 2.5),
    (constraints.nonnegative, 2.5),
    (constraints.greater_than(3.0), 3.5),
    (constraints.less_than(3.0), 2.5),
    (constraints.unit_interval, 0.3),
    (constraints.interval(-2.0, 5.0), 4.0),
    (constraints.simplex, [0.2, 0.3, 0.5]),
    (constraints.independent(constraints.positive, 1), [1.0, 2.0]),
    (constraints.lower_cholesky, [[1.0, 0.0], [0.5, 2.0]]),
    (constraints.corr_cholesky, [[1.0, 0.0], [0.6, 0.8]]),
    (constraints.positive_definite, [[2.0, 0.5], [0.5, 1.0]]),
]


def test_first_call_wins():
    assert ppl.param("a", 1.0) == 1.0
    assert ppl.param("a", 100.0) == 1.0
    assert ppl.param("a") == 1.0
    assert ppl.param("a", 100.0, constraint=constraints.unit_interval) == 1.0


@pytest.mark.parametrize(
    "init",
    [
        2,
        2.0,
        np.float64(2.0),
        torch.tensor(2.0),
        torch.tensor(2),
        lambda: 2.0,
        lambda: torch.ones(()) * 2,
    ],
)
def test_numbers_tensors_and_functions_are_initial_values(init):
    value = ppl.param("a", init)
    assert value == 2.0
    assert value.dtype is torch.float32
    assert value.requires_grad


def test_lists_and_arrays_are_initial_values():
    assert ppl.param("a", [1.0, 2.0]).tolist() == [1.0, 2.0]
    assert ppl.param("b", np.array([[1, 2]])).tolist() == [[1.0, 2.0]]


def test_an_initial_function_is_called_once_and_only_if_needed():
    calls = []

    def init():
        calls.append(1)
        return torch.zeros(3)

    ppl.param("a", init)
    ppl.param("a", init)
    assert calls == [1]


@pytest.mark.parametrize(("constraint", "init"), CONSTRAINED, ids=lambda value: str(value)[:20])
def test_constrained_values_come_back_and_stay_inside_wherever_the_leaf_moves(constraint, init):
    value = ppl.param("a", init, constraint=constraint)
    assert torch.allclose(value, torch.as_tensor(init), atol=1e-5)
    leaf = ppl.get_param_store().unconstrained("a")
    assert leaf.is_leaf
    assert leaf.requires_grad
    leaf.data = leaf.data + torch.randn(leaf.shape)
    assert constraint.check(ppl.param("a")).all()
    (grad,) = torch.autograd.grad(ppl.param("a").sum(), leaf)
    assert torch.isfinite(grad).all()


def test_initial_value_is_cut_from_its_graph_and_from_its_memory():
    source = torch.ones(2, requires_grad=True)
    ppl.param("a", source * 2)
    data = torch.zeros(2)
    ppl.param("b", data)
    data += 1
    assert ppl.param("b").tolist() == [0.0, 0.0]
    assert ppl.get_param_store().unconstrained("a").is_leaf


@pytest.mark.parametrize(
    ("init", "constraint", "words"),
    [
        (-1.0, constraints.positive, ["'b'", "-1.0", "constraint", "test_params.py"]),
        (float("nan"), constraints.real, ["'b'", "nan", "finite"]),
        (float("inf"), constraints.positive, ["'b'", "inf", "finite"]),
        ([0.2, 0.2], constraints.simplex, ["'b'", "Simplex"]),
        (0.0, constraints.nonnegative, ["'b'", "0.0"]),
    ],
)
def test_initial_value_off_its_constraint_error(init, constraint, words):
    with pytest.raises(ParamError) as error:
        ppl.param("b", init, constraint=constraint)
    assert all(word in str(error.value) for word in words), error.value
    assert "b" not in ppl.get_param_store()


def test_no_initial_value_error_names_the_nearest():
    ppl.param("weight_loc", 1.0)
    with pytest.raises(ParamError, match=r"'weight_lok'.*Did you mean 'weight_loc'"):
        ppl.param("weight_lok")
    with pytest.raises(ParamError, match=r"'weight_lok'.*Did you mean 'weight_loc'"):
        _ = ppl.get_param_store()["weight_lok"]


# ---- the store as a mapping


def test_store_is_a_mapping_of_constrained_values_in_order():
    store = ppl.get_param_store()
    ppl.param("b", 2.0, constraint=constraints.positive)
    ppl.param("a", 1.0)
    assert store.keys() == list(store) == ["b", "a"]
    assert [value.item() for value in store.values()] == pytest.approx([2.0, 1.0])
    assert dict(store.items())["b"].item() == pytest.approx(2.0)
    assert dict(store.named_parameters())["b"].item() == pytest.approx(np.log(2.0))
    assert len(store) == 2
    assert "a" in store
    assert "c" not in store


def test_match_is_a_regular_expression_from_the_start_of_the_name():
    for name in ("guide.loc", "guide.scale", "model.loc"):
        ppl.param(name, 1.0)
    store = ppl.get_param_store()
    assert list(store.match("guide")) == ["guide.loc", "guide.scale"]
    assert list(store.match(r".*\.loc")) == ["guide.loc", "model.loc"]


def test_assignment_keeps_the_constraint_and_a_new_name_is_free():
    store = ppl.get_param_store()
    ppl.param("b", 2.0, constraint=constraints.positive)
    store["b"] = 3.0
    store["c"] = -4.0
    assert store["b"].item() == pytest.approx(3.0)
    assert store.constraint("b") is constraints.positive
    assert store["c"] == -4.0
    with pytest.raises(ParamError, match="'b'"):
        store["b"] = -1.0
    assert store["b"].item() == pytest.approx(3.0)


def test_deleted_and_cleared_parameters_are_born_again():
    store = ppl.get_param_store()
    ppl.param("a", 1.0)
    ppl.param("b", 1.0)
    del store["a"]
    assert store.keys() == ["b"]
    with pytest.raises(ParamError, match="'a'"):
        del store["a"]
    ppl.clear_param_store()
    assert len(store) == 0
    assert ppl.param("b", 5.0) == 5.0


def test_constrained_value_knows_its_unconstrained_leaf():
    value = ppl.param("b", 2.0, constraint=constraints.positive)
    assert value.unconstrained() is ppl.get_param_store().unconstrained("b")


# ---- scopes


def test_scopes_nest_and_end():
    outer = ppl.get_param_store()
    ppl.param("a", 1.0)
    with ParamStore() as store:
        assert ppl.get_param_store() is store
        assert ppl.param("a", 2.0) == 2.0
        with ParamStore():
            assert ppl.param("a", 3.0) == 3.0
        assert ppl.param("a") == 2.0
        ppl.clear_param_store()
    assert ppl.get_param_store() is outer
    assert ppl.param("a") == 1.0


def test_scope_ends_with_an_error_and_may_be_entered_again():
    outer, store = ppl.get_param_store(), ParamStore()

    def fails():
        with store:
            ppl.param("a", 1.0)
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fails()
    assert ppl.get_param_store() is outer
    with store, store:
        assert ppl.param("a", 9.0) == 1.0
    assert ppl.get_param_store() is outer


def test_scope_belongs_to_its_thread():
    seen = []
    with ParamStore() as store:
        thread = threading.Thread(target=lambda: seen.append(ppl.get_param_store() is store))
        thread.start()
        thread.join()
    assert seen == [False]


# ---- moving a store


def test_state_is_a_copy_that_brings_everything_back():
    store = ppl.get_param_store()
    ppl.param("b", 2.0, constraint=constraints.positive)
    state = store.get_state()
    store["b"] = 7.0
    ppl.param("late", 1.0)
    store.set_state(state)
    assert store.keys() == ["b"]
    assert store["b"].item() == pytest.approx(2.0)
    assert store.constraint("b") is constraints.positive
    store["b"] = 5.0
    assert store.get_state()["params"]["b"] != state["params"]["b"]
    other = ParamStore()
    other.set_state(state)
    assert other["b"].item() == pytest.approx(2.0)


@pytest.mark.parametrize(
    "duplicate", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))]
)
def test_state_survives_copy_and_pickle(duplicate):
    ppl.param("b", [2.0, 3.0], constraint=constraints.positive)
    other = ParamStore()
    other.set_state(duplicate(ppl.get_param_store().get_state()))
    assert other["b"].tolist() == pytest.approx([2.0, 3.0])

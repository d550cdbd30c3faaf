"""Parameters in files, Pyro's names for the store, module tensors as leaves, rows of plates."""

import json

import pytest
import torch
from torch import nn

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import ParamError, ParamStore
from ppl_core.distributions import constraints
from ppl_core.distributions.constraints import from_spelling, spelling
from ppl_core.infer import SVI, TraceMeanField_ELBO
from ppl_core.optim import SGD, Adam
from ppl_core.storage import load_tree, save_tree

CONSTRAINED = [
    (constraints.real, -3.0),
    (constraints.real_vector, [-3.0, 1.0]),
    (constraints.positive, 2.5),
    (constraints.nonnegative, 2.5),
    (constraints.softplus_positive, 2.5),
    (constraints.greater_than(3), 3.5),
    (constraints.greater_than(torch.tensor([1.0, 2.0])), [1.5, 2.5]),
    (constraints.less_than(3.0), 2.5),
    (constraints.unit_interval, 0.3),
    (constraints.interval(-2.0, 5.0), 4.0),
    (constraints.half_open_interval(-2.0, 5.0), 4.0),
    (constraints.simplex, [0.2, 0.3, 0.5]),
    (constraints.ordered_vector, [-1.0, 0.0, 4.0]),
    (constraints.positive_ordered_vector, [1.0, 4.0]),
    (constraints.independent(constraints.greater_than(0.5), 1), [1.0, 2.0]),
    (constraints.lower_cholesky, [[1.0, 0.0], [0.5, 2.0]]),
    (constraints.unit_lower_cholesky, [[1.0, 0.0], [0.5, 1.0]]),
    (constraints.corr_cholesky, [[1.0, 0.0], [0.6, 0.8]]),
    (constraints.positive_definite, [[2.0, 0.5], [0.5, 1.0]]),
    (constraints.cat([constraints.real, constraints.positive], 0, [1, 2]), [-1.0, 1.0, 2.0]),
    (constraints.stack([constraints.real, constraints.positive]), [-1.0, 1.0]),
]


class Even(constraints.Constraint):
    def check(self, value):
        return torch.ones_like(value, dtype=torch.bool)


dist.transform_to.register(Even, lambda _: dist.transforms.AffineTransform(0.0, 1.0))


@pytest.fixture
def file(tmp_path):
    return tmp_path / "params.safetensors"


# ---- files


def test_every_constraint_round_trips(file):
    store, again = ppl.get_param_store(), ParamStore()
    for index, (constraint, init) in enumerate(CONSTRAINED):
        ppl.param(f"p{index}", init, constraint=constraint)
    store.save(file)
    again.load(file)
    assert again.keys() == store.keys()
    for name in store:
        assert torch.equal(again[name], store[name])
        assert torch.equal(again.unconstrained(name), store.unconstrained(name))
        assert str(again.constraint(name)) == str(store.constraint(name))
        assert type(again.constraint(name)) is type(store.constraint(name))
    assert again.constraint("p0") is constraints.real
    assert again.unconstrained("p0").requires_grad


def test_loading_forgets_what_was_there_and_keeps_dtypes(file):
    store = ppl.get_param_store()
    ppl.param("a", torch.tensor([1.0], dtype=torch.float64))
    store.save(str(file))
    ppl.param("b", 1.0)
    store["a"] = torch.tensor([5.0], dtype=torch.float64)
    store.load(str(file), map_location=torch.device("cpu"))
    assert store.keys() == ["a"]
    assert store["a"].dtype is torch.float64
    assert store["a"].item() == 1.0


def test_empty_store_round_trips(file):
    ParamStore().save(file)
    store = ParamStore()
    store.setdefault("a", 1.0)
    store.load(file)
    assert len(store) == 0


def test_file_is_readable_by_anyone_and_holds_no_pickle(file):
    ppl.param("b", 2.0, constraint=constraints.interval(0.0, 4.0))
    ppl.get_param_store().save(file)
    content = file.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    assert "params/b" in header
    assert "interval" in header["__metadata__"]["ppl_core"]


def test_views_and_tied_values_may_be_saved(file):
    whole = torch.arange(6.0).reshape(2, 3)
    tree = {"rows": whole[:, 1], "turned": whole.T, "again": whole, "same": whole}
    save_tree(file, tree)
    back = load_tree(file)
    assert all(torch.equal(back[key], it) for key, it in tree.items())


def test_trees_of_all_plain_kinds_come_back(file):
    tree = {
        "numbers": [1, 2.5, -1e300, float("inf"), True, None, "text"],
        "pair": ("Adam", 3, torch.ones(2), ()),
        3: {"nested": {}},
        "a/b": torch.zeros(()),
        "a": {"b": torch.ones(())},
    }
    save_tree(file, tree)
    back = load_tree(file)
    assert back["numbers"] == tree["numbers"]
    assert back["pair"][:2] == ("Adam", 3)
    assert torch.equal(back["pair"][2], torch.ones(2))
    assert back["pair"][3] == ()
    assert back[3] == {"nested": {}}
    assert (back["a/b"], back["a"]["b"]) == (0.0, 1.0)
    save_tree(file, torch.ones(2))
    assert load_tree(file).tolist() == [1.0, 1.0]


def test_what_cannot_be_saved_error_says_where(file):
    with pytest.raises(ParamError, match=r"a\.1: <object"):
        save_tree(file, {"a": [1, object()]})
    ppl.param("e", 1.0, constraint=Even())
    with pytest.raises(ParamError, match=r"'e'.*Even.*ppl_core\.distributions\.constraints"):
        ppl.get_param_store().save(file)
    assert not file.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle of torch", b"\x10" + b"\0" * 40])
def test_another_file_error(file, content):
    file.write_bytes(content)
    with pytest.raises(ParamError, match=r"params\.safetensors.*pickle"):
        ppl.get_param_store().load(file)


def test_safetensors_of_somebody_else_and_missing_file_errors(file, tmp_path):
    from safetensors.torch import save_file

    save_file({"a": torch.ones(1)}, file)
    with pytest.raises(ParamError, match="no file that save"):
        ppl.get_param_store().load(file)
    Adam().save(file)
    with pytest.raises(ParamError, match="no parameters"):
        ppl.get_param_store().load(file)
    with pytest.raises(FileNotFoundError):
        ppl.get_param_store().load(tmp_path / "nothing")


def test_spellings_are_plain_and_read_back_as_the_same_constraint():
    assert spelling(constraints.positive) == "positive"
    assert spelling(constraints.interval(0.0, 4.0)) == ["interval", [0.0, 4.0]]
    assert from_spelling("real") is constraints.real
    for constraint, init in CONSTRAINED:
        again = from_spelling(spelling(constraint))
        assert again.check(torch.tensor(init)).all()


# ---- Pyro's names


def test_get_param_replace_param_and_param_name():
    store = ppl.get_param_store()
    value = store.get_param("b", 2.0, constraint=constraints.positive, event_dim=0)
    with pytest.raises(TypeError, match="constrain"):
        store.get_param("c", 1.0, constrain=constraints.positive)
    free = store.get_param("a", 1.0)
    assert store.get_all_param_names() == ["b", "a"]
    assert store.param_name(value) == store.param_name(store.unconstrained("b")) == "b"
    assert store.param_name(free) == "a"
    assert store.param_name(torch.zeros(1)) is None
    store.replace_param("b", 3.0, store["b"])
    assert store["b"].item() == pytest.approx(3.0)
    with pytest.raises(ParamError, match="'b'"):
        store.replace_param("b", 4.0, store["a"])


def test_every_value_answers_unconstrained():
    for constraint, init in CONSTRAINED:
        with ParamStore() as store:
            value = ppl.param("p", init, constraint=constraint)
            assert value.unconstrained() is store.unconstrained("p")
            store["p"] = init
            assert store["p"].unconstrained() is store.unconstrained("p")


def test_pyros_loop_with_a_trace_of_parameters():
    def guide():
        a = ppl.param("a", 0.0)
        b = ppl.param("b", 1.0, constraint=constraints.positive)
        return (a - 3) ** 2 + (b - 2) ** 2

    optimiser = Adam({"lr": 0.1})
    for _ in range(150):
        with ppl.handlers.trace(param_only=True) as captured:
            guide().backward()
        leaves = {site["value"].unconstrained() for site in captured.nodes.values()}
        optimiser(leaves)
        for leaf in leaves:
            leaf.grad = None
    store = ppl.get_param_store()
    assert store["a"].item() == pytest.approx(3.0, abs=0.05)
    assert store["b"].item() == pytest.approx(2.0, abs=0.05)


# ---- what may not be a parameter


@pytest.mark.parametrize(
    ("init", "constraint", "words"),
    [
        (0.0, constraints.unit_interval, ["edge", "Interval"]),
        ([0.5, 1.0], constraints.unit_interval, ["edge", "1.0"]),
        (0.0, constraints.nonnegative, ["edge"]),
        ([1.0, 0.0], constraints.independent(constraints.nonnegative, 1), ["edge"]),
        ([2.0, 1.0], constraints.ordered_vector, ["OrderedVector"]),
        (1.0, constraints.boolean, ["'p'", "Boolean", "sample"]),
        (1.0, constraints.nonnegative_integer, ["'p'", "sample"]),
    ],
)
def test_start_that_no_step_could_leave_error(init, constraint, words):
    with pytest.raises(ParamError) as error:
        ppl.param("p", init, constraint=constraint)
    assert all(word in str(error.value) for word in ["'p'", *words]), error.value


# ---- a module's own tensors


def test_an_nn_parameter_is_the_leaf_itself_and_stays_it():
    own, store = nn.Parameter(torch.tensor([1.0, 2.0])), ppl.get_param_store()
    assert ppl.param("w", own) is own
    assert store.unconstrained("w") is own
    state = store.get_state()
    store["w"] = [3.0, 4.0]
    assert own.tolist() == [3.0, 4.0]
    store.set_state(state)
    assert own.tolist() == [1.0, 2.0]
    assert store.unconstrained("w") is own


def test_a_constrained_or_frozen_nn_parameter_is_only_a_start():
    own = nn.Parameter(torch.tensor(2.0))
    ppl.param("b", own, constraint=constraints.positive)
    frozen = nn.Parameter(torch.tensor(2.0), requires_grad=False)
    assert ppl.param("c", frozen) is not frozen
    store = ppl.get_param_store()
    store["b"], store["c"] = 5.0, 5.0
    assert (own.item(), frozen.item()) == (2.0, 2.0)


def test_adopted_leaf_is_seen_through_its_constraint():
    leaf = torch.zeros(2, requires_grad=True)
    store = ParamStore()
    assert store.adopt("b", leaf, constraints.positive) is leaf
    assert store["b"].tolist() == [1.0, 1.0]


# ---- local parameters of plates


@pytest.mark.parametrize(
    ("shape", "event_dim", "chosen"),
    [((6,), 0, (2,)), ((6, 3), 1, (2, 3)), ((6, 3), None, (6, 3)), ((1, 3), 1, (1, 3))],
)
def test_event_dim_says_which_dimensions_a_plate_leaves_whole(shape, event_dim, chosen):
    with ppl.plate("rows", 6, subsample=torch.tensor([1, 4])):
        value = ppl.param("p", torch.arange(float(torch.Size(shape).numel())).reshape(shape),
                          event_dim=event_dim)  # fmt: skip
    assert value.shape == chosen
    assert ppl.get_param_store()["p"].shape == shape
    if shape == (6, 3) and event_dim == 1:
        assert value[:, 0].tolist() == [3.0, 12.0]


def test_rows_of_two_nested_plates():
    with (
        ppl.plate("columns", 4, subsample=torch.tensor([0, 3]), dim=-1),
        ppl.plate("rows", 6, subsample=torch.tensor([5]), dim=-2),
    ):
        value = ppl.param("p", torch.arange(24.0).reshape(6, 4), event_dim=0)
    assert value.tolist() == [[20.0, 23.0]]


def test_a_step_moves_only_the_rows_that_were_chosen():
    def model(rows):
        with ppl.plate("rows", 6, subsample=rows):
            ppl.sample("z", dist.Normal(3.0, 1.0))

    def guide(rows):
        with ppl.plate("rows", 6, subsample=rows):
            loc = ppl.param("loc", torch.zeros(6), event_dim=0)
            scale = ppl.param("scale", torch.ones(6), constraint=constraints.positive, event_dim=0)
            ppl.sample("z", dist.Normal(loc, scale))

    svi = SVI(model, guide, SGD({"lr": 0.01}))
    svi.step(torch.tensor([1, 4]))
    store = ppl.get_param_store()
    assert store["loc"].nonzero().flatten().tolist() == [1, 4]
    assert (store["scale"] != 1.0).nonzero().flatten().tolist() == [1, 4]


def test_subsampled_local_parameters_all_reach_their_optimum():
    """KL(N(loc_i, 1) || N(i, 1)) is least at loc_i = i."""
    targets = torch.arange(6.0)

    def model():
        with ppl.plate("rows", 6, subsample_size=2) as rows:
            ppl.sample("z", dist.Normal(targets[rows], 1.0))

    def guide():
        with ppl.plate("rows", 6, subsample_size=2):
            ppl.sample("z", dist.Normal(ppl.param("loc", torch.zeros(6), event_dim=0), 1.0))

    svi = SVI(model, guide, SGD({"lr": 0.1}), loss=TraceMeanField_ELBO())
    for _ in range(150):
        svi.step()
    # the divergence is exact, so only the choice of rows is random: each is drawn 50 times or so,
    # and each time its distance from the target shrinks by 0.3 (lr 0.1 times the scale 6 / 2)
    assert torch.allclose(ppl.get_param_store()["loc"], targets, atol=1e-3)

"""Site and Handler: order, nesting, recursion, threads, and a stack that is always restored."""

import copy
import inspect
import pickle
import threading

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import Handler, ModelError, Site, handlers
from ppl_core.effects import emit, is_handled, suspended
from programs import conditioned_scale, scale


class Witness(Handler):
    """Notes when a statement passes on its way out, and its value on the way back."""

    def __init__(self, label, diary):
        self.label, self.diary = label, diary

    def handle(self, site, forward):
        self.diary.append((self.label, "out", site.value))
        site = forward(site)
        self.diary.append((self.label, "back", site.value))
        return site


def normal_site(**fields):
    return Site("sample", "x", dist.Normal(0.0, 1.0), value=torch.tensor(0.5), **fields)


# ---- Site


def test_site_cannot_be_assigned_to():
    site = normal_site()
    with pytest.raises(AttributeError, match=r"never changed.*replace\(value="):
        site.value = torch.tensor(1.0)
    assert site.value == 0.5


def test_replace_makes_another_site_and_leaves_the_first():
    site = normal_site()
    before = site.log_prob
    other = site.replace(value=torch.tensor(1.5), observed=True)
    assert (site.value, site.observed) == (0.5, False)
    assert (other.value, other.observed) == (1.5, True)
    assert other.log_prob == pytest.approx(before.item() - (1.5**2 - 0.5**2) / 2)
    assert site.log_prob is before


@pytest.mark.parametrize(
    ("pyro", "ours"),
    [("type", "kind"), ("is_observed", "observed"), ("cond_indep_stack", "plates")],
)
def test_site_answers_pyro_names(pyro, ours):
    site = normal_site(observed=True)
    assert site[pyro] == getattr(site, ours)
    assert site["name"] == "x"
    assert site["value"] is site.value


def test_site_log_prob_is_scaled_and_masked_and_the_unscaled_one_is_not():
    site = normal_site(scale=3.0)
    plain = dist.Normal(0.0, 1.0).log_prob(torch.tensor(0.5))
    assert site["unscaled_log_prob"] == plain
    assert site["log_prob"] == 3 * plain
    assert site["log_prob_sum"] == 3 * plain
    assert normal_site(mask=False)["log_prob"] == 0.0


def test_site_get_falls_back_for_unknown_fields():
    site = normal_site()
    assert site.get("nothing") is None
    assert site.get("nothing", 3) == 3
    assert site.get("type") == "sample"
    with pytest.raises(AttributeError, match=r"no (field|attribute) 'nothing'"):
        _ = site.nothing


def test_an_attribute_error_of_a_distribution_is_not_hidden():
    class Broken(dist.Normal):
        def log_prob(self, value):
            return value.no_such_method()

    site = Site("sample", "x", Broken(0.0, 1.0), value=torch.tensor(0.5))
    with pytest.raises((AttributeError, ModelError), match="no_such_method"):
        _ = site.log_prob


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda site: pickle.loads(pickle.dumps(site))]
)
def test_site_and_trace_survive_copy_and_pickle(duplicate):
    site = duplicate(normal_site(scale=2.0))
    assert site.log_prob == normal_site(scale=2.0).log_prob
    trace = handlers.trace(conditioned_scale).get_trace(8.5)
    other = duplicate(trace)
    assert list(other) == list(trace)
    assert other.log_prob_sum() == trace.log_prob_sum()


# ---- order


def test_statement_travels_outward_innermost_first_and_comes_back_the_other_way():
    diary = []
    with Witness(label="outer", diary=diary), Witness(label="inner", diary=diary):
        value = ppl.sample("x", dist.Delta(torch.tensor(2.0)))
    assert value == 2.0
    assert [entry[:2] for entry in diary] == [
        ("inner", "out"),
        ("outer", "out"),
        ("outer", "back"),
        ("inner", "back"),
    ]
    assert [entry[2] for entry in diary] == [None, None, 2.0, 2.0]


def test_wrapped_handlers_are_inside_those_wrapped_around_them():
    diary = []
    model = Witness(Witness(scale, label="inner", diary=diary), label="outer", diary=diary)
    model(8.5)
    assert [label for label, way, _ in diary if way == "out"] == ["inner", "outer"] * 2


def test_a_replaced_site_is_what_those_further_out_see():
    diary = []
    with (
        Witness(label="outer", diary=diary),
        handlers.substitute(data={"x": 3.0}),
        Witness(label="inner", diary=diary),
    ):
        ppl.sample("x", dist.Normal(0.0, 1.0))
    assert [entry[2] for entry in diary] == [None, 3.0, 3.0, 3.0]


def test_a_handler_that_does_not_forward_is_the_last_to_hear():
    class Answer(Handler):
        def handle(self, site, forward):
            return site.replace(value=torch.tensor(7.0))

    diary = []
    with Witness(label="outer", diary=diary), Answer():
        assert ppl.sample("x", dist.Normal(0.0, 1.0)) == 7.0
        assert ppl.param("p", 1.0) == 7.0
    assert diary == []
    assert "p" not in ppl.get_param_store()


def test_suspended_block_hears_no_handler():
    diary = []
    with Witness(label="outer", diary=diary):
        with suspended():
            ppl.sample("x", dist.Normal(0.0, 1.0))
        assert diary == []
        ppl.sample("y", dist.Normal(0.0, 1.0))
    assert len(diary) == 2


def test_suspended_block_ends_what_was_interrupted_on_its_way_out_of_it():
    diary = []
    with Witness(label="outer", diary=diary):
        with suspended():
            Witness(label="left behind", diary=diary).__enter__()
        ppl.sample("y", dist.Normal(0.0, 1.0))
    assert not is_handled()
    assert {label for label, *_ in diary} == {"outer"}


def test_nobody_is_active_where_handlers_are_suspended():
    with handlers.scale(scale=2.0), suspended():
        assert not is_handled()
        with handlers.scale(scale=2.0):
            assert is_handled()
    assert not is_handled()


def test_a_statement_that_nobody_answers_error():
    with pytest.raises(ModelError, match=r"'x': nobody .* 'sampel'. Did you mean 'sample'\?"):
        emit(Site("sampel", "x", dist.Normal(0.0, 1.0)))


def test_a_handler_that_forgets_to_enter_the_chain_error():
    class Deaf(Handler):
        def __enter__(self):
            return self

    with (
        pytest.raises(RuntimeError, match=r"left than entered.*super\(\)\.__enter__\(\)"),
        handlers.trace(),
        Deaf(),
    ):
        pass
    assert not is_handled()


# ---- three forms


def test_wrapper_decorator_and_context_manager_mean_the_same():
    @handlers.condition(data={"measurement": 9.5})
    def decorated(guess):
        return scale(guess)

    def in_a_block(guess):
        with handlers.condition(data={"measurement": 9.5}):
            return scale(guess)

    positional = handlers.condition(scale, {"measurement": 9.5})
    for model in (conditioned_scale, decorated, in_a_block, positional):
        sites = handlers.trace(model).get_trace(8.5)
        assert sites.observation_nodes == ["measurement"]
        assert sites["_RETURN"].value == 9.5


def test_settings_in_place_of_the_model_are_an_error_that_names_the_form():
    with pytest.raises(TypeError, match=r"scale: the first argument is the model.*model, \.\.\.="):
        handlers.scale(2.0)


def test_handled_model_keeps_name_doc_and_signature():
    def model(guess: float, *, noise: float = 0.75):
        """Weigh."""

    handled = handlers.scale(handlers.condition(model, data={}), scale=2.0)
    assert (handled.__name__, handled.__doc__) == ("model", "Weigh.")
    assert inspect.signature(handled) == inspect.signature(model)


def test_methods_are_models_bound_or_decorated():
    class Scale:
        sd = 0.75

        @handlers.condition(data={"measurement": 9.5})
        def weigh(self, guess):
            weight = ppl.sample("weight", dist.Normal(guess, 1.0))
            return ppl.sample("measurement", dist.Normal(weight, self.sd))

        def plain(self, guess):
            return ppl.sample("weight", dist.Normal(guess, self.sd))

    assert Scale().weigh(8.5) == 9.5
    bound = handlers.condition(Scale().plain, data={"weight": 1.0})
    assert bound(8.5) == 1.0
    assert inspect.signature(Scale().weigh) == inspect.signature(Scale().plain)


def test_callable_objects_and_lambdas_are_models():
    class Model:
        def __call__(self, guess):
            return ppl.sample("weight", dist.Normal(guess, 1.0))

    assert ppl.condition(Model(), data={"weight": 2.0})(8.5) == 2.0
    assert ppl.condition(lambda: Model()(8.5), data={"weight": 2.0})() == 2.0


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))]
)
def test_handled_models_survive_copy_and_pickle(duplicate):
    model = handlers.scale(handlers.do(conditioned_scale, data={"weight": 9.0}), scale=2.0)
    sites = handlers.trace(duplicate(model)).get_trace(8.5)
    expected = 2 * dist.Normal(9.0, 0.75).log_prob(torch.tensor(9.5))
    assert sites["measurement"].log_prob == pytest.approx(expected.item())


@ppl.condition(data={"measurement": 9.5})
def weighed(guess):
    """A program that is decorated where it is defined."""
    return scale(guess)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_decorated_program_is_pickled_by_its_name(duplicate):
    assert duplicate(weighed) is weighed
    around = duplicate(handlers.scale(weighed, scale=2.0))
    sites = handlers.trace(around).get_trace(8.5)
    assert sites.observation_nodes == ["measurement"]
    assert sites["weight"].scale == 2.0


# ---- nesting, recursion, exceptions


def test_handled_model_may_call_itself():
    @handlers.scale(scale=2.0)
    def countdown(n):
        ppl.sample(f"x{n}", dist.Normal(0.0, 1.0), obs=0.0)
        return n if n == 0 else countdown(n - 1)

    sites = handlers.trace(countdown).get_trace(3)
    assert [sites[f"x{n}"].scale for n in (3, 2, 1, 0)] == [2.0, 4.0, 8.0, 16.0]
    assert not is_handled()


def test_one_handler_object_may_be_entered_again_inside_itself():
    twice = handlers.scale(scale=2.0)
    with handlers.trace() as sites, twice, twice:
        ppl.sample("x", dist.Normal(0.0, 1.0))
    assert sites["x"].scale == 4.0
    with twice:
        assert is_handled()
    assert not is_handled()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, StopIteration])
def test_stack_is_restored_after_an_exception(error):
    @handlers.condition(data={"nothing": 1.0})
    @handlers.trace()
    @handlers.seed(rng_seed=0)
    def model():
        with handlers.mask(mask=False), ppl.plate("rows", 2):
            raise error("mine")

    with pytest.raises(error, match="mine"):
        model()
    assert not is_handled()
    with ppl.plate("rows", 3) as rows:
        assert len(rows) == 3


def test_stack_is_restored_when_a_check_at_the_exit_fails():
    with pytest.raises(ModelError), handlers.scale(scale=2.0), ppl.condition(data={"nothing": 1.0}):
        ppl.sample("x", dist.Normal(0.0, 1.0))
    assert not is_handled()


def test_a_loop_left_early_leaves_no_plate_behind():
    for i in ppl.plate("rows", 5):
        if i == 2:
            break
    assert not is_handled()

    def fails():
        for _ in ppl.plate("rows", 5):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fails()
    assert not is_handled()


def test_a_generator_as_model_is_an_error_not_an_empty_record():
    def model():
        yield ppl.sample("x", dist.Normal(0.0, 1.0))

    with pytest.raises((ModelError, TypeError), match="generator"):
        handlers.trace(model).get_trace()


# ---- threads


def test_two_threads_with_handlers_and_stores_do_not_meet():
    both_inside, seen = threading.Barrier(2), {}

    def work(who):
        with ppl.ParamStore() as store, handlers.trace() as sites:
            both_inside.wait(timeout=10)
            ppl.param(who, 1.0)
            ppl.sample(f"x_{who}", dist.Normal(0.0, 1.0))
            both_inside.wait(timeout=10)
            seen[who] = (list(sites), store.keys())
        seen[who] += (is_handled(),)

    with handlers.trace() as mine:
        threads = [threading.Thread(target=work, args=(who,)) for who in ("a", "b")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {"a": (["a", "x_a"], ["a"], False), "b": (["b", "x_b"], ["b"], False)}
    assert list(mine) == []
    assert ppl.get_param_store().keys() == []


def test_one_traced_model_may_run_in_two_threads():
    meet, found = threading.Barrier(2), {}

    @handlers.trace
    def model(who):
        meet.wait(timeout=10)
        ppl.sample(who, dist.Normal(0.0, 1.0))
        meet.wait(timeout=10)

    def work(who):
        found[who] = list(model.get_trace(who))

    threads = [threading.Thread(target=work, args=(who,)) for who in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {who: ["_INPUT", who, "_RETURN"] for who in ("a", "b")}


def test_emit_without_handlers_settles_by_kind():
    assert not is_handled()
    assert emit(Site("param", "p", 2.0, constraint=dist.constraints.positive)).value == 2.0
    assert emit(Site("sample", "x", dist.Delta(torch.tensor(1.0)))).value == 1.0

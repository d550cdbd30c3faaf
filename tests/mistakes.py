"""Sixty mistakes that students and researchers make, and what they are told.

`python tests/mistakes.py` prints the table; `tests/core/test_mistakes.py` runs every row. A row is
a function that makes the mistake, its docstring says it in words, and the decorator lists words
that the message must hold: what, where, and how to mend it.
"""

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import handlers, infer, optim
from ppl_core.distributions import constraints
from ppl_core.infer import SVI, Trace_ELBO, TraceEnum_ELBO, TraceMeanField_ELBO


class Mistake(NamedTuple):
    """A row of the table."""

    what: str
    make: Callable[[], Any]
    words: tuple[str, ...]


TABLE: list[Mistake] = []


def mistake(*words: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Add a row whose message must hold these words."""

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        TABLE.append(Mistake((make.__doc__ or "").strip(), make, words))
        return make

    return add


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


conditioned = ppl.condition(scale, data={"measurement": 9.5})


def guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def train(model, its_guide, *args, steps=1, lr=0.01, loss=None):
    svi = SVI(model, its_guide, optim.SGD({"lr": lr}), loss=loss, store=ppl.ParamStore())
    for _ in range(steps):
        svi.step(*args)


# ---- conditioning and intervening


@mistake("'measurment'", "Did you mean 'measurement'?", "weight, measurement")
def misspelt_site():
    """Condition on a misspelt site."""
    ppl.condition(scale, data={"measurment": 9.5})(8.5)


@mistake("do", "'wieght'", "Did you mean 'weight'?")
def misspelt_intervention():
    """Intervene on a misspelt site."""
    ppl.do(scale, data={"wieght": 9.5})(8.5)


@mistake("condition", "'measurement'", "number, array or tensor", "'abc'")
def a_text_as_data():
    """Condition on a text."""
    ppl.condition(scale, data={"measurement": "abc"})(8.5)


@mistake("condition", "maps site names to values")
def data_without_a_name():
    """Give condition a number instead of a dict."""
    ppl.condition(scale, data=9.5)


@mistake("the first argument is the model")
def data_in_the_model_s_place():
    """Give condition the data first."""
    ppl.condition({"measurement": 9.5}, scale)


@mistake("obs", "'x'", "number, array or tensor")
def a_text_as_observation():
    """Observe a text."""
    ppl.sample("x", dist.Normal(0.0, 1.0), obs="heavy")


@mistake("'x'", "obs_mask", "obs is missing")
def mask_without_observation():
    """Say where data is known, but give none."""
    ppl.sample("x", dist.Normal(0.0, 1.0), obs_mask=torch.tensor(True))


# ---- guides


@mistake("the model draws 'weight'", "the guide does not", "Add sample('weight'")
def guide_without_the_site():
    """A guide that draws nothing."""
    train(conditioned, lambda guess: ppl.param("a", 1.0), 8.5)


@mistake("'wieght'", "Did you mean 'weight'?")
def guide_with_a_misspelt_site():
    """A guide that misspells its site."""
    train(conditioned, lambda guess: ppl.sample("wieght", dist.Normal(8.5, 1.0)), 8.5)


@mistake("'measurement' is data in the model", "latent sites only: weight")
def guide_that_draws_data():
    """A guide that draws the data too."""

    def both(guess):
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        ppl.sample("measurement", dist.Normal(weight, 0.75))

    train(conditioned, both, 8.5)


@mistake("guide observes 'weight'", "only draws")
def guide_that_observes():
    """A guide that observes."""
    train(conditioned, lambda guess: ppl.sample("weight", dist.Normal(8.5, 1.0), obs=9.0), 8.5)


@mistake("the model takes", "the guide takes ()", "signature")
def guide_with_another_signature():
    """A guide that takes other arguments."""
    train(conditioned, lambda: ppl.sample("weight", dist.Normal(8.5, 1.0)), 8.5)


@mistake("'rate'", "Real()", "Use a distribution with the model's support")
def guide_off_the_support():
    """A normal guide for a positive site."""

    def model():
        ppl.sample("rate", dist.Exponential(1.0))

    train(model, lambda: ppl.sample("rate", dist.Normal(ppl.param("a", 2.0), 0.1)))


@mistake("'w'", "(3,)", "event_shape")
def guide_of_another_shape():
    """A guide with another event shape."""

    def model():
        ppl.sample("w", dist.Normal(torch.zeros(3), 1.0).to_event(1))

    train(model, lambda: ppl.sample("w", dist.Normal(0.0, 1.0)))


@mistake("'coin'", "no gradients", "TraceGraph_ELBO")
def mean_field_of_a_coin():
    """A discrete site under the mean-field loss."""

    def model():
        ppl.sample("coin", dist.Bernoulli(0.5))

    def tosser():
        ppl.sample("coin", dist.Bernoulli(ppl.param("p", 0.4)))

    train(model, tosser, loss=TraceMeanField_ELBO())


@mistake("generator", "does not yield")
def model_that_yields():
    """A model written with yield."""

    def model(guess):
        yield ppl.sample("weight", dist.Normal(guess, 1.0))

    train(model, guide, 8.5)


@mistake("two sites named 'x'", "number them", "plate")
def one_name_in_a_loop():
    """The same site name in every turn of a loop."""

    def model():
        for _ in range(3):
            ppl.sample("x", dist.Normal(0.0, 1.0))

    handlers.trace(model).get_trace()


@mistake("'a'", "a parameter has this name already")
def one_name_for_two_things():
    """A site with the name of a parameter."""

    def model():
        ppl.sample("a", dist.Normal(ppl.param("a", 1.0), 1.0))

    handlers.trace(model).get_trace()


# ---- shapes and plates


@mistake("(5, 5)", "plate", "(N,) against (N, 1)")
def rows_against_a_column():
    """Data (N,) against a distribution (N, 1): a sum of N squared terms."""
    data = torch.zeros(5)

    def model(x):
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.sample("y", dist.Normal(w * x.unsqueeze(-1), 1.0), obs=x)

    train(model, lambda x: ppl.sample("w", dist.Normal(0.0, 1.0)), data)


@mistake("'y'", "3 rows", 'with plate("rows", 3)', ".to_event(1)")
def rows_without_a_plate():
    """Independent rows outside every plate."""
    train(
        lambda: ppl.sample("y", dist.Normal(torch.zeros(3), 1.0), obs=torch.zeros(3)), lambda: None
    )


@mistake("plate 'rows'", "5 rows", "(4,)", ".to_event(1)")
def plate_of_another_size():
    """A plate whose size is not that of the data."""
    with ppl.plate("rows", 5):
        ppl.sample("y", dist.Normal(torch.zeros(4), 1.0))


@mistake("plate 'rows'", "give a size")
def plate_without_a_size():
    """A plate without a size."""
    ppl.plate("rows")


@mistake("plate 'rows'", "whole number", "2.5")
def plate_of_half_a_row():
    """A plate of two and a half rows."""
    ppl.plate("rows", 2.5)


@mistake("plate 'rows'", "cannot choose 20 of 10 rows")
def more_rows_than_there_are():
    """A subsample larger than the plate."""
    ppl.plate("rows", 10, subsample_size=20)


@mistake("plate 'rows'", "0 to 2", "1 to 5")
def a_row_that_does_not_exist():
    """A given subsample with an index out of range."""
    ppl.plate("rows", 3, subsample=[1, 5])


@mistake("plate 'rows'", "negative", "dim=-1")
def plate_counted_from_the_left():
    """A plate with a positive dim."""
    ppl.plate("rows", 3, dim=0)


@mistake("dim -1 belongs to plate 'outer'")
def two_plates_in_one_dimension():
    """Two nested plates with one dim."""
    with ppl.plate("outer", 3, dim=-1), ppl.plate("inner", 2, dim=-1):
        pass


@mistake("plate 'rows' is inside another plate of that name")
def a_plate_inside_itself():
    """Two nested plates with one name."""
    with ppl.plate("rows", 3), ppl.plate("rows", 2):
        pass


@mistake("subsample's data", "10 rows", "(7,)")
def data_of_another_size():
    """Subsample data that is shorter than the plate."""
    with ppl.plate("rows", 10, subsample_size=3):
        ppl.subsample(torch.zeros(7), event_dim=0)


@mistake("(2,) and (3,)", "do not broadcast")
def arguments_that_do_not_broadcast():
    """A normal whose mean and sd have shapes (2,) and (3,)."""
    dist.Normal(torch.zeros(2), torch.ones(3))


# ---- distributions and sites


@mistake("scale", "GreaterThan(lower_bound=0.0)", "-1")
def negative_sd():
    """A normal with a negative sd."""
    dist.Normal(0.0, -1.0)


@mistake("'x'", "a distribution is needed", "dist.Normal(0., 1.)")
def a_number_for_a_distribution():
    """Sample from a number."""
    ppl.sample("x", 9.5)


@mistake("'x'", "Normal is a class", "give it its parameters")
def a_class_for_a_distribution():
    """Sample from a distribution class."""
    ppl.sample("x", dist.Normal)


@mistake("name", "a text", "Normal")
def sample_without_a_name():
    """Forget the site's name."""
    ppl.sample(dist.Normal(0.0, 1.0), dist.Normal(0.0, 1.0))


@mistake("site 'p'", "cannot be scored")
def observation_off_the_support():
    """Observe a value that the distribution cannot have."""

    def model():
        ppl.sample("p", dist.Beta(1.0, 1.0), obs=1.5)

    handlers.trace(model).get_trace().log_prob_sum()


@mistake("scale", "a positive factor")
def scale_of_zero():
    """Scale a likelihood by zero."""
    handlers.scale(scale=0.0)


@mistake("mask", "boolean tensor")
def mask_of_numbers():
    """A mask of numbers."""
    handlers.mask(mask=torch.tensor([1.0, 0.0]))


@mistake("hide", "list of names", "['weight']")
def block_of_a_text():
    """Hide a site by a text instead of a list."""
    handlers.block(scale, hide="weight")


@mistake("replay", "'measurement'", "observed in the earlier run")
def replay_of_data():
    """Replay a latent site from a run in which it was data."""
    handlers.replay(scale, trace=handlers.trace(conditioned).get_trace(8.5))(8.5)


# ---- parameters and optimisers


@mistake("param 'a'", "no value yet")
def parameter_without_a_value():
    """A parameter that was never given a value."""
    ppl.param("a")


@mistake("param 'b'", "-0.6", "GreaterThan(lower_bound=0.0)")
def parameter_off_its_constraint():
    """A start outside the constraint."""
    ppl.param("b", -0.6, constraint=constraints.positive)


@mistake("no parameter named 'lok'", "Did you mean 'loc'?")
def misspelt_parameter():
    """Ask the store for a misspelt parameter."""
    ppl.param("loc", 1.0)
    ppl.get_param_store()["lok"]


@mistake("Adam", "'learning_rate'", "Did you mean 'lr'?")
def misspelt_rate():
    """Call the rate by another name."""
    optim.Adam({"learning_rate": 0.01})


@mistake("lr", "-0.1")
def negative_rate():
    """A negative learning rate."""
    optim.SGD({"lr": -0.1})


@mistake("loss=Trace_ELBO is a class", "Trace_ELBO()")
def loss_class():
    """Give SVI the class of a loss."""
    SVI(conditioned, guide, optim.SGD({"lr": 0.01}), loss=Trace_ELBO)


@mistake("torch optimiser", "ppl_core.optim.SGD")
def torch_optimiser():
    """Give SVI torch's own optimiser."""
    SVI(conditioned, guide, torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1))


@mistake("optim=Adam is a class", "Adam({")
def optimiser_class():
    """Give SVI the class of an optimiser."""
    SVI(conditioned, guide, optim.Adam)


@mistake("loss must be a scalar tensor")
def loss_of_a_float():
    """A loss of one's own that returns a float."""
    train(conditioned, guide, 8.5, loss=lambda model, its_guide, *args: 1.0)


@mistake("num_particles", "whole number >= 1", "0")
def no_particles():
    """An ELBO of no particles."""
    Trace_ELBO(num_particles=0)


@mistake("alpha=1", "Trace_ELBO")
def renyi_of_order_one():
    """The Renyi bound of order 1."""
    infer.RenyiELBO(alpha=1)


# ---- running


@mistake("step 1", "parameter 'b'", "learning rate (now 100)")
def rate_of_a_hundred():
    """A learning rate of 100."""
    train(conditioned, guide, torch.tensor(8.5), steps=50, lr=100.0)


@mistake("gradient of parameter 'a' is not finite", "Nothing was moved")
def gradient_without_a_number():
    """A model with a square root at zero."""

    def model():
        ppl.factor("f", -(ppl.param("a", 0.0) ** 2).sqrt())

    train(model, lambda: None)


@mistake("the loss is inf", "'x'", "model's log probability")
def data_that_cannot_be():
    """Data the model calls impossible, under a plain torch distribution."""

    def model():
        w = ppl.sample("w", dist.Normal(0.0, 1.0))
        ppl.factor("x", torch.where(w > -1e9, -torch.inf, 0.0))

    train(model, lambda: ppl.sample("w", dist.Normal(ppl.param("a", 0.0), 1.0)))


@mistake("max_steps")
def run_without_an_end():
    """Iterate over a run that has no end."""
    svi = SVI(conditioned, guide, optim.SGD({"lr": 0.01}), store=ppl.ParamStore())
    list(ppl.InferenceRun(svi, 8.5, seed=1))


@mistake("whole number", "0.5")
def half_a_seed():
    """A seed of one half."""
    ppl.set_rng_seed(0.5)


# ---- densities and enumeration


@mistake("no value for site 'weight'")
def density_without_a_value():
    """A log density at no point."""
    ppl.log_density(conditioned, {}, 8.5)


@mistake("no latent site named 'wieght'", "Did you mean 'weight'?")
def density_at_a_misspelt_site():
    """A log density at a misspelt site."""
    ppl.log_density(conditioned, {"weight": 9.0, "wieght": 9.0}, 8.5)


@mistake("coin", "is discrete", "no gradient")
def potential_of_a_coin():
    """An unconstrained view of a discrete site."""
    ppl.potential(lambda: ppl.sample("coin", dist.Bernoulli(0.5)))


@mistake("'x'", "Normal", "no list of outcomes")
def enumerate_a_normal():
    """Enumerate a continuous site."""
    wish = {"enumerate": "parallel"}
    TraceEnum_ELBO().loss(lambda: ppl.sample("x", dist.Normal(0.0, 1.0), infer=wish), lambda: None)


@mistake("enumerate", "config_enumerate")
def nothing_to_infer():
    """Infer discrete sites where none asks for it."""
    infer.infer_discrete(scale)(8.5)


@mistake("'paralel'")
def misspelt_enumeration():
    """A misspelt way of enumeration."""
    infer.config_enumerate(scale, default="paralel")


@mistake("temperature", "0.5")
def lukewarm():
    """A temperature between draw and maximum."""
    infer.infer_discrete(scale, temperature=0.5)


def told(row: Mistake) -> Exception | None:
    """The error a row ends in, or None."""
    with ppl.ParamStore():
        try:
            row.make()
        except Exception as error:
            return error
    return None


if __name__ == "__main__":
    for number, row in enumerate(TABLE, start=1):
        error = told(row)
        sys.stdout.write(f"{number:2}. {row.what}\n    {type(error).__name__}: {error}\n")

"""Whether a guide fits its model: what the messages of the first step say."""

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core import GuideError, ModelError, ShapeError, handlers
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.inspect.graph import _places
from ppl_core.optim import SGD
from programs import conditioned_scale, learned_guide, perfect_guide, scale


def refused(error, model, guide, *args, **kwargs):
    """The message of the first step, the same for a bare loss and for SVI."""
    with pytest.raises(error) as caught:
        Trace_ELBO().loss(model, guide, *args, **kwargs)
    with ppl.ParamStore(), pytest.raises(error):
        SVI(model, guide, SGD({"lr": 0.1})).step(*args, **kwargs)
    return str(caught.value)


def assert_says(message, *words):
    assert all(word in message for word in words), message


def draw(name, fn):
    return ppl.sample(name, fn)


# ---- fitting pairs pass


@pytest.mark.parametrize("guide", [perfect_guide, learned_guide])
def test_fitting_guide_ok(guide):
    assert Trace_ELBO().loss(conditioned_scale, guide, 8.5) > 0


def test_auxiliary_deterministic_and_factor_sites_of_the_guide_alone_ok():
    def guide(guess):
        noise = ppl.sample("noise", dist.Normal(0.0, 1.0), infer={"is_auxiliary": True})
        ppl.deterministic("loc", 9.0)
        ppl.factor("f", -0.5 * noise)
        perfect_guide(guess)

    assert Trace_ELBO().loss(conditioned_scale, guide, 8.5) is not None


def test_guide_with_other_names_for_its_arguments_and_defaults_ok():
    assert Trace_ELBO().loss(conditioned_scale, lambda g, more=1: perfect_guide(g), 8.5)
    assert Trace_ELBO().loss(conditioned_scale, lambda *args, **kw: perfect_guide(*args, **kw), 8.5)
    assert Trace_ELBO().loss(conditioned_scale, perfect_guide, guess=8.5)


def test_model_without_latent_sites_needs_no_guide():
    known = ppl.condition(conditioned_scale, data={"weight": 9.0})
    exact = -handlers.trace(known).get_trace(8.5).log_prob_sum().item()
    assert Trace_ELBO().loss(known, lambda guess: None, 8.5) == pytest.approx(exact)


# ---- names


def test_guide_without_a_site_error():
    message = refused(GuideError, conditioned_scale, lambda guess: None, 8.5)
    assert_says(message, "model draws 'weight'", "guide does not", "sample('weight'", "programs.py")


def test_misspelt_site_in_the_guide_error():
    message = refused(
        GuideError, conditioned_scale, lambda guess: draw("wieght", dist.Normal(9.0, 1.0)), 8.5
    )
    assert_says(message, "'wieght'", "model does not", "Did you mean 'weight'?", "test_inspect.py")


def test_guide_that_draws_data_error():
    message = refused(GuideError, conditioned_scale, scale, 8.5)
    assert_says(message, "'measurement' is data in the model", "latent", "weight")


def test_guide_that_observes_error():
    def guide(guess):
        perfect_guide(guess)
        ppl.sample("extra", dist.Normal(0.0, 1.0), obs=0.0)

    message = refused(GuideError, conditioned_scale, guide, 8.5)
    assert_says(message, "guide observes 'extra'", "model")


def test_unconditioned_model_error_names_the_site_to_condition_on():
    message = refused(GuideError, scale, perfect_guide, 8.5)
    assert_says(message, "model draws 'measurement'", "condition")


def test_site_that_is_a_parameter_in_the_guide_error():
    message = refused(GuideError, conditioned_scale, lambda guess: ppl.param("weight", 9.0), 8.5)
    assert_says(message, "'weight'")


def test_site_drawn_twice_by_the_guide_error():
    def guide(guess):
        perfect_guide(guess)
        perfect_guide(guess)

    assert_says(refused(ModelError, conditioned_scale, guide, 8.5), "two sites", "'weight'")


# ---- signatures


@pytest.mark.parametrize(
    "guide", [lambda: perfect_guide(8.5), lambda guess, more: perfect_guide(guess)]
)
def test_guide_with_another_signature_error_shows_both(guide):
    message = refused(GuideError, conditioned_scale, guide, 8.5)
    assert_says(message, "(guess=8.5)", "guide takes", "signature")


def test_keyword_that_the_guide_does_not_take_error():
    message = refused(GuideError, conditioned_scale, lambda g: perfect_guide(g), guess=8.5)
    assert_says(message, "guide takes (g)", "signature")


def test_vectorised_particles_check_the_signature_too():
    elbo = Trace_ELBO(num_particles=2, vectorize_particles=True)
    with pytest.raises(GuideError, match="signature"):
        elbo.loss(conditioned_scale, lambda: perfect_guide(8.5), 8.5)


def test_wrong_arguments_of_both_are_pythons_own_error():
    with pytest.raises(TypeError):
        Trace_ELBO().loss(conditioned_scale, perfect_guide, 8.5, 9.5)


# ---- supports


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (dist.Exponential(1.0), dist.Normal(50.0, 1.0)),
        (dist.Gamma(1.0, 1.0), dist.Normal(-50.0, 1.0)),
        (dist.Beta(2.0, 2.0), dist.LogNormal(-5.0, 0.1)),
        (dist.Uniform(0.0, 1.0), dist.Uniform(0.0, 1.5)),
        (dist.HalfNormal(1.0), dist.Laplace(50.0, 1.0)),
        (dist.Bernoulli(0.5), dist.Normal(0.0, 1.0)),
        (dist.Poisson(1.0), dist.Gamma(2.0, 1.0)),
        (dist.Categorical(torch.ones(3)), dist.Categorical(torch.ones(4))),
        (dist.Dirichlet(torch.ones(2)), dist.Normal(torch.ones(2) * 9, 1.0).to_event(1)),
    ],
    ids=str,
)
def test_guide_with_a_wider_support_error_whatever_it_drew(wanted, given):
    message = refused(GuideError, lambda: draw("x", wanted), lambda: draw("x", given))
    assert_says(message, "'x'", "model allows only", str(wanted.support))


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        (dist.Normal(0.0, 1.0), dist.LogNormal(0.0, 1.0)),
        (dist.Exponential(1.0), dist.Gamma(2.0, 1.0)),
        (dist.Gamma(2.0, 1.0), dist.Delta(torch.tensor(1.5))),
        (dist.HalfNormal(1.0), dist.Beta(2.0, 2.0)),
        (dist.Poisson(1.0), dist.Geometric(0.5)),
        (dist.Categorical(torch.ones(4)), dist.Categorical(torch.ones(3))),
        (dist.Binomial(3, 0.5), dist.Bernoulli(0.5)),
        (dist.Uniform(0.0, 2.0), dist.Uniform(0.5, 1.5)),
        (dist.LogNormal(torch.zeros(2), 1.0).to_event(1), dist.Gamma(torch.ones(2), 1).to_event(1)),
    ],
    ids=str,
)
def test_guide_inside_the_models_support_ok(wanted, given):
    Trace_ELBO().loss(lambda: draw("x", wanted), lambda: draw("x", given))


# ---- shapes and plates


def rows_model(data):
    mean = ppl.sample("mean", dist.Normal(0.0, 1.0))
    with ppl.plate("rows", 3):
        ppl.sample("y", dist.Normal(mean, 1.0), obs=data)


def mean_guide(data):
    ppl.sample("mean", dist.Normal(ppl.param("a", 0.0), 1.0))


def test_n_against_n_by_1_error_shows_all_shapes():
    Trace_ELBO().loss(rows_model, mean_guide, torch.zeros(3))
    message = refused(ShapeError, rows_model, mean_guide, torch.zeros(3, 1))
    assert_says(message, "'y'", "(3, 3)", "(3, 1)", "reshape", "test_inspect.py")


def test_rows_without_a_plate_error_names_both_mends():
    def model():
        ppl.sample("y", dist.Normal(0.0, 1.0), obs=torch.zeros(5))

    message = refused(ShapeError, model, lambda: None)
    assert_says(message, "'y'", "(5,)", 'plate("rows", 5)', ".to_event(1)")


def test_full_data_in_a_subsampled_plate_error():
    def model(data):
        with ppl.plate("rows", 10, subsample_size=5):
            ppl.sample("y", dist.Normal(0.0, 1.0), obs=data)

    message = refused((ShapeError, ModelError), model, lambda data: None, torch.zeros(10))
    assert_says(message, "'y'", "10", "5")


def test_guide_that_forgets_the_plate_error():
    def model():
        with ppl.plate("rows", 3):
            draw("z", dist.Normal(0.0, 1.0))

    message = refused(ShapeError, model, lambda: draw("z", dist.Normal(0.0, 1.0)))
    assert_says(message, "'z'", "(3,)", "()")


def test_guide_with_another_event_shape_error():
    def model():
        draw("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))

    message = refused(ShapeError, model, lambda: draw("z", dist.Normal(0.0, 1.0)))
    assert_says(message, "'z'", "event_shape", "(3,)", "()")


def test_rows_of_the_guide_that_no_plate_declares_error():
    def both():
        draw("z", dist.Normal(torch.zeros(3), 1.0))

    assert_says(refused(ShapeError, both, both), "'z'", "no plate", "3")


def test_loops_and_plates_of_the_two_may_differ():
    """A loop in the model and a dimension in the guide draw different names: the first is told."""

    def model():
        for i in ppl.plate("rows", 2):
            draw(f"z{i}", dist.Normal(0.0, 1.0))

    def guide():
        with ppl.plate("rows", 2):
            draw("z", dist.Normal(0.0, 1.0))

    assert_says(refused(GuideError, model, guide), "'z'")


# ---- the checks go on where the first step could not have proved them


def svi(model, guide):
    return SVI(model, guide, SGD({"lr": 0.01}))


def test_new_shapes_are_checked_whether_they_come_by_position_or_by_name():
    for step in (lambda svi, it: svi.step(it), lambda svi, it: svi.step(data=it)):
        training = svi(rows_model, mean_guide)
        step(training, torch.zeros(3))
        with pytest.raises(ShapeError):
            step(training, torch.zeros(3, 1))


def test_new_whole_numbers_are_checked():
    def model(n):
        mean = draw("mean", dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 3):
            ppl.sample("y", dist.Normal(mean, 1.0), obs=torch.zeros((3, 1) if n > 1 else 3))

    training = svi(model, mean_guide)
    training.step(1)
    with pytest.raises(ShapeError):
        training.step(2)


def test_site_that_only_a_later_run_of_the_guide_draws_error():
    runs = []

    def guide(guess):
        runs.append(1)
        learned_guide(guess)
        if len(runs) > 2:
            draw("extra", dist.Normal(0.0, 1.0))

    training = svi(conditioned_scale, guide)
    training.step(8.5)
    training.step(8.5)
    with pytest.raises(GuideError, match="'extra'"):
        training.step(8.5)


def test_site_that_a_later_run_of_the_guide_leaves_out_error():
    runs = []

    def guide(guess):
        runs.append(1)
        if len(runs) < 3:
            learned_guide(guess)

    training = svi(conditioned_scale, guide)
    training.step(8.5)
    training.step(8.5)
    with pytest.raises(GuideError, match="'weight'"):
        training.step(8.5)


def test_parameter_that_walks_off_its_distributions_range_error():
    def model():
        p = ppl.param("p", 0.9)
        ppl.sample("y", dist.Bernoulli(p), obs=1.0)

    training = SVI(model, lambda: None, SGD({"lr": 0.02}))

    def train():
        for _ in range(300):
            training.step()

    with pytest.raises((ppl.PPLError, ValueError), match="probs"):
        train()


def test_render_model_is_the_graph_and_writes_its_picture(tmp_path):
    def model(loc, scale=1.0):
        x = ppl.sample("x", dist.Normal(loc, scale))
        ppl.sample("y", dist.Normal(x, 1.0), obs=0.0)

    made = ppl.render_model(model, (0.0,), {"scale": 2.0}, str(tmp_path / "model.svg"))
    assert made.edges == [("x", "y")]
    assert (tmp_path / "model.svg").read_text() == made.to_svg()
    with pytest.raises(ValueError, match=r"known are \.svg"):
        ppl.render_model(model, (0.0,), filename=str(tmp_path / "model.pdf"))


def test_an_arrow_that_passes_a_row_by_passes_its_node_too():
    def model():
        a = ppl.sample("a", dist.Normal(0.0, 1.0))
        b = ppl.sample("b", dist.Normal(a, 1.0))
        ppl.sample("c", dist.Normal(a + b, 1.0))

    places = _places(ppl.inspect.graph(model))
    (ax, ay), (bx, by), (cx, cy) = (places[name] for name in "abc")
    assert ay < by < cy
    assert ax == cx
    assert abs(bx - ax) > 20

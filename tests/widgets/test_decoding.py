"""The VAE bench: its evidence and gaps by other routes, its data, and a run that goes on alone."""

import io
import math
from contextlib import redirect_stdout

import numpy as np
import pytest
import torch
from numpy.polynomial.hermite import hermgauss

import ppl_core as ppl
from ppl_core.infer import Trace_ELBO
from ppl_widgets import VAEPanel
from ppl_widgets.datasets import digits, swings
from ppl_widgets.decoding import Decoding
from ppl_widgets.scenarios import DECODING, gauging, ppca
from ppl_widgets.scenarios import autoencoder as nets
from ppl_widgets.scenarios import decoding as lesson
from ppl_widgets.views import decoding as view


@pytest.fixture(scope="module")
def linear():
    return Decoding(DECODING)


@pytest.fixture(scope="module")
def network():
    return Decoding(DECODING, decoder="network", latent=1, rows=64)


def known(session):
    """Decoder, sd, and the linear encoder of a session, in double precision."""
    now = {name: value.astype(float) for name, value in session.learned.items()}
    widths = np.exp(now["log_widths"])
    return now["decoder$$$weight"].T, float(now["sd"]), now["encoder$$$weight"].T, widths


# ---- the data


def test_swings_differ_in_two_normal_things_and_their_readings_in_noise():
    """At rest all swings of one weight agree; the rows are spread as evenly as their weights."""
    x = swings()
    assert x.shape == (1797, 12)
    settled = x[:, -1].std()
    assert settled == pytest.approx(math.hypot(0.25, 0.2), rel=0.1)
    few, all_rows = np.cov(x[:256].T), np.cov(x.T)
    assert np.abs(few - all_rows).max() < 0.03
    with pytest.raises(ValueError, match="read-only"):
        x[0] = 0.0


def test_digits_are_those_of_the_test_set():
    """How often each digit occurs there, as its authors say; and what a 0 and a 1 look like."""
    pixels, labels = digits()
    counted = np.bincount(labels)
    assert counted.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert set(np.unique(pixels * 16)) == set(range(17))
    zero, one = (pixels[labels == digit].mean(0).reshape(8, 8) for digit in (0, 1))
    assert zero[3:5, 3:5].mean() < 0.1 < 0.7 < one[3:5, 3:5].mean()


# ---- a linear decoder: closed forms against the normal density itself


def test_evidence_is_that_of_a_multivariate_normal(linear):
    weights, sd, _, _ = known(linear)
    x, _, covariance = lesson.learning(linear.controls)
    density = torch.distributions.MultivariateNormal(
        torch.zeros(12, dtype=torch.double),
        torch.from_numpy(weights.T @ weights + sd**2 * np.eye(12)),
    )
    direct = density.log_prob(torch.from_numpy(x)).mean().item()
    assert ppca.evidence(weights, sd, covariance) == pytest.approx(direct, abs=1e-9)
    assert linear.draws["evidence"][-1] == pytest.approx(direct, abs=1e-6)


def test_gap_is_the_mean_kl_from_the_posterior_by_conditioning(linear):
    """The posterior of each row from the joint normal of z and x, not from M."""
    weights, sd, encoder, widths = known(linear)
    x, _, covariance = lesson.learning(linear.controls)
    joint = np.block([[np.eye(2), weights], [weights.T, weights.T @ weights + sd**2 * np.eye(12)]])
    gain = joint[:2, 2:] @ np.linalg.inv(joint[2:, 2:])
    spread = joint[:2, :2] - gain @ joint[2:, :2]
    exact = torch.distributions.MultivariateNormal(
        torch.from_numpy(x @ gain.T), torch.from_numpy(spread)
    )
    guide = torch.distributions.MultivariateNormal(
        torch.from_numpy(x @ encoder), torch.from_numpy(np.diag(widths**2))
    )
    kl = torch.distributions.kl_divergence(guide, exact).mean().item()
    assert ppca.gap(weights, sd, covariance, encoder, widths) == pytest.approx(kl, abs=1e-8)
    mean, around = ppca.posterior(weights, sd, x[0])
    np.testing.assert_allclose(mean, gain @ x[0], atol=1e-9)
    np.testing.assert_allclose(around, spread, atol=1e-9)


def test_best_linear_decoder_by_expectation_maximisation():
    """EM climbs to the same top from a start of its own, and there the gap can close."""
    x, _, covariance = lesson.centred("swings", 256)
    weights, sd = np.random.default_rng(1).normal(0.0, 0.3, (2, 12)), 0.5
    for _ in range(300):
        mean, around = ppca.posterior(weights, sd, x.T)
        second = mean @ mean.T + len(x) * around
        weights = np.linalg.solve(second, mean @ x)
        left = (x**2).sum() - np.trace(mean @ x @ weights.T)
        sd = math.sqrt(left / x.size)
    top = ppca.evidence(weights, sd, covariance)
    assert top == pytest.approx(ppca.best(covariance, 2), abs=1e-6)
    turn = np.linalg.svd(weights, full_matrices=False)
    weights = turn.S[:, None] * turn.Vh  # the same density, its posterior without correlation
    mean, around = ppca.posterior(weights, sd, x.T)
    encoder = np.linalg.lstsq(x, mean.T, rcond=None)[0]
    assert ppca.gap(weights, sd, covariance, encoder, np.sqrt(np.diag(around))) < 1e-9


def test_linear_encoder_comes_to_the_posterior(linear):
    gaps, evidence = linear.draws["gap"], linear.draws["evidence"]
    assert gaps[0] > 0.5
    assert (gaps > 0.0).all()
    assert gaps[-1] < 0.02  # 0.007 at seed 101; 0.004 and 0.005 at the next two
    assert lesson.best(linear.controls) - 0.02 < evidence[-1] < lesson.best(linear.controls)


# ---- a network: estimates against quadrature


def test_importance_estimate_agrees_with_quadrature_by_gauss_hermite(network):
    """Evidence as an integral under the prior, in one dimension: no draws, no grid of the panel.

    The estimate's error: 64 draws a row, 64 rows, each row's log of a mean weight has sd
    sd(w) / (sqrt(64) mean(w)); four standard errors, one false alarm in 16,000, and its bias,
    at most the squared sd of a row.
    """
    now, (x, _, _) = network.learned, lesson.learning(network.controls)
    node, share = hermgauss(200)
    z = math.sqrt(2.0) * node[:, None]
    off = x[:, None, :] - nets.decoded(now, z)[None]
    sd = float(now["sd"])
    log_like = -0.5 * (off**2).sum(-1) / sd**2 - 12 * math.log(sd * math.sqrt(2 * math.pi))
    exact = np.log(np.exp(log_like) @ share / math.sqrt(math.pi))
    mean, widths = nets.encoded(now, x)
    steps = np.linspace(-8.0, 8.0, 801)[:, None, None]
    at = mean + widths * steps
    density = np.exp(-0.5 * steps[..., 0] ** 2) / math.sqrt(2 * math.pi)
    log_ratio = gauging.log_joint(now, x, at) - np.log(density) + np.log(widths[:, 0])
    elbo = np.trapezoid(density * log_ratio, steps[:, 0, 0], axis=0)
    found = gauging.by_quadrature(now, x)
    assert found == pytest.approx((exact.mean(), (exact - elbo).mean()), abs=1e-5)

    noise = np.random.default_rng(3).standard_normal((64, 64, 1))
    log_weights = gauging.log_joint(now, x, mean + widths * noise) - gauging.log_guide(
        noise, widths
    )
    relative = np.exp(log_weights - log_weights.max(0))
    of_row = relative.std(0) / relative.mean(0) / 8.0
    error = 4.0 * math.sqrt((of_row**2).sum()) / 64 + (of_row**2).mean()
    evidence, gap = gauging.by_importance(now, x, noise)
    assert evidence == pytest.approx(exact.mean(), abs=error)
    spread = log_weights.std(0) / 8.0
    error += 4.0 * math.sqrt((spread**2).sum()) / 64
    assert gap == pytest.approx((exact - elbo).mean(), abs=error)
    assert error < 0.1


def test_a_network_wins_evidence_and_keeps_a_gap(network):
    exact = lesson.exact_gap(network.controls, network.learned)
    assert exact > 0.02
    evidence, _ = gauging.by_quadrature(network.learned, lesson.learning(network.controls)[0])
    assert evidence > lesson.best(network.controls) + 0.1


def test_quadrature_in_two_dimensions_meets_the_closed_form(linear):
    """The same grid, on a decoder whose evidence and gap are known."""
    x, _, _ = lesson.learning(linear.controls)
    evidence, gap = gauging.by_quadrature(linear.learned, x)
    assert evidence == pytest.approx(linear.draws["evidence"][-1], abs=1e-5)
    assert gap == pytest.approx(linear.draws["gap"][-1], abs=1e-5)


def test_more_latent_numbers_than_two_have_no_quadrature():
    session = Decoding(DECODING, decoder="network", latent=3, rows=16, num_steps=25)
    assert lesson.exact_gap(session.controls, session.learned) is None
    assert math.isfinite(session.draws["gap"][-1])


def test_draws_of_a_posterior_have_its_mean_and_covariance(linear):
    """Evenly through its mass, so the error of a mean is that of the grid: a tenth of an sd."""
    row = lesson.example(linear.controls)
    weights, sd, _, _ = known(linear)
    mean, around = ppca.posterior(weights, sd, row)
    draws = gauging.posterior_draws(linear.learned, row, 4000)
    sds = np.sqrt(np.diag(around))
    assert np.abs(draws.mean(0) - mean).max() < 0.1 * sds.min()
    np.testing.assert_allclose(draws.std(0), sds, rtol=0.1)


@pytest.mark.parametrize("decoder", nets.DECODERS)
def test_the_networks_of_the_pictures_are_those_of_the_programs(decoder):
    """Written twice, for torch and for numpy: the programs' own ELBO is the mean log weight."""
    x = torch.from_numpy(lesson.centred("swings", 16)[0]).float()
    svi = nets.trainer(decoder, 2, 12, 0.1)
    torch.manual_seed(1)
    for _ in range(5):
        svi.step(x)
    now = {name: value.numpy() for name, value in svi.params(svi.state).items()}
    with svi.store, torch.no_grad():
        torch.manual_seed(2)
        elbo = -Trace_ELBO().loss(svi.model, svi.guide, x)
        torch.manual_seed(2)
        drawn = ppl.handlers.trace(svi.guide).get_trace(x).nodes["z"]["value"].numpy()
    mean, widths = nets.encoded(now, x.numpy())
    noise = (drawn - mean) / widths
    log_weights = gauging.log_joint(now, x.numpy(), drawn) - gauging.log_guide(noise, widths)
    assert elbo == pytest.approx(log_weights.sum(), rel=1e-4)


# ---- the session and its panel


def test_a_change_trains_anew_on_the_clock():
    session = Decoding(DECODING, rows=16, num_steps=50)
    before = session.learned
    session.set("z1", -1.0)
    assert session.learned is before
    session.set("decoder", "network")
    assert (session.status, session.step) == ("running", 0)
    session.advance(0.0)
    assert session.step == 1
    session.run(49)
    assert session.status == "done"
    assert math.isfinite(session.draws["gap"][-1])
    session.reset("same")
    assert (session.status, session.step) == ("idle", 0)
    session.set("latent", 1)
    assert session.status == "idle"  # nothing was trained that a change could take away


def test_going_back_shows_what_was_learned_then():
    session = Decoding(DECODING, rows=16, num_steps=30)
    last = session.learned
    session.back(10)
    early = session.learned
    assert not np.array_equal(early["decoder$$$weight"], last["decoder$$$weight"])
    session.back(20)
    assert session.step == 0
    assert session.learned["sd"] == pytest.approx(0.3)
    session.run(30)
    np.testing.assert_array_equal(session.learned["decoder$$$weight"], last["decoder$$$weight"])


def test_a_run_has_an_end():
    """Every step is kept with all its weights, so there are at most so many."""
    session = Decoding(DECODING, rows=16, num_steps=1)
    session.limit = 20
    assert session.run(100) == 19
    session.play()
    assert session.status == "done"


def test_the_cell_trains_as_the_panel_does(linear):
    said = io.StringIO()
    with redirect_stdout(said):
        exec(linear.code(), {})
    mean_elbo = float(said.getvalue().strip().removeprefix("tensor(").rstrip(")"))
    bound = linear.draws["evidence"] - linear.draws["gap"]
    assert mean_elbo == pytest.approx(bound[-50:].mean(), abs=0.1)


def test_z_is_dragged_without_training():
    panel = VAEPanel(rows=16, num_steps=20)
    session = panel.session
    before = view.frame(session)
    panel.set(z1=-1.5, z2=0.5)
    after = view.frame(session)
    assert session.step == 20
    assert (after["latent.z"][0][0], after["latent.z"][1][0]) == (-1.5, 0.5)
    np.testing.assert_array_equal(after["latent.rows"][0], before["latent.rows"][0])
    weights, _, _, _ = known(session)
    moved = np.array([-1.5, 0.5]) @ weights + lesson.learning(session.controls)[1]
    np.testing.assert_allclose(after["decoded.at_z"][1], moved, atol=1e-5)
    panel.close()


@pytest.mark.parametrize("latent", [1, 3])
@pytest.mark.parametrize("decoder", nets.DECODERS)
def test_every_number_of_latents_can_be_drawn(latent, decoder):
    session = Decoding(
        DECODING, data="digits", latent=latent, decoder=decoder, rows=32, num_steps=2
    )
    points = view.frame(session)
    x, y = points["latent.encoder"]
    assert len(x) == len(y) > 1
    exact = "latent.exact" if decoder == nets.LINEAR else "latent.draws"
    assert bool(len(points[exact][0])) == (decoder == nets.LINEAR or latent < 3)
    assert np.isfinite(np.concatenate([points[f"decoded.{k}"][0] for k in range(5)])).all()


@pytest.mark.parametrize("decoder", nets.DECODERS)
def test_the_gap_waits_for_a_reply(decoder):
    panel = VAEPanel(decoder=decoder, rows=64, predict=True)
    session = panel.session
    gap, shown = panel._view.frame(session), panel._figures.frame(session)
    assert not any(len(gap[uid][0]) for uid in gap if uid.startswith(("gap.", "bound.")))
    assert len(gap["latent.rows"][0]) == len(shown["latent.rows"][0]) == 64
    assert "nats per row?" in panel._desk.summary
    panel.reveal(0.5)
    exact = panel.reply.exact
    assert exact == pytest.approx(lesson.latest(session.draws, "gap"), abs=0.03)
    assert panel._desk.question.startswith(f"You said 0.500 nats. Exact {exact:.3f} nats")
    assert len(panel._view.frame(session)["gap.now"][0])
    panel.close()


def test_a_page_holds_the_map_without_a_kernel(tmp_path):
    panel = VAEPanel(rows=16, num_steps=10)
    page = panel.save_html(tmp_path / "vae.html", z1=[0.0, 1.0]).read_text()
    assert "The VAE bench" in page
    assert panel.session.step == 10
    panel.close()

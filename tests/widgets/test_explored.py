"""`explore` on ten programs of other authors' kind, and on ten that fail, without a browser."""

import math

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from explored import FAILURES, KINDS, answered, refused
from ppl_core.diagnostics import effective_sample_size
from ppl_core.handlers import trace
from ppl_widgets.exploring import Exploration, guard
from ppl_widgets.exploring.sampling import DIVERGED
from ppl_widgets.exploring.words import moments
from ppl_widgets.views.exploring import frame, stage, texts
from ppl_widgets.views.exploring.sheets import SHEETS, sheet

KL = 0.02
"""Nats between a normal with the guide's moments and one with the exact ones: the rule of the
exercises. Seeded; the largest of 8 seeds on each program was 0.010."""
SURE = 4.4
"""Standard errors that a correct sampler stays within but once in 90,000 times."""


def test_there_are_ten_of_each():
    assert len(KINDS) == len({row.what for row in KINDS}) == 10
    assert len(FAILURES) == len({row.what for row in FAILURES}) == 10


@pytest.mark.parametrize("row", [r for r in KINDS if r.exact], ids=lambda row: row.make.__name__)
def test_a_program_is_answered_and_its_truth_is_true(row):
    told = answered(row)
    assert told.error is None, told.error
    mean, sd = row.exact()
    known = told.beside.truth.marginal(told.coordinate)
    if row.source:
        assert told.beside.truth.label == row.source
        if row.source == "long run of NUTS":
            error = float(told.beside.truth.found[row.site].mean_error)
            assert abs(known.mean - mean) < SURE * error < sd
        else:
            assert known.mean == pytest.approx(mean, abs=2e-3 * sd + 1e-4)
            assert known.sd == pytest.approx(sd, rel=2e-3)
    if told.act == "train":
        seen, spread = tail_average(told)
        ratio = spread / sd
        assert 0.5 * (ratio**2 + ((seen - mean) / sd) ** 2 - 1.0) - math.log(ratio) < KL
    else:
        seen, _ = moments(told)
        assert abs(seen - mean) < SURE * sd / math.sqrt(size(told)), (seen, mean)
    assert_shown(told)


def tail_average(told) -> tuple[float, float]:
    """Moments of the guide, averaged over its next 1,000 steps: each one carries Adam's noise."""
    ends = []
    for _ in range(10):
        told.run(100)
        ends.append(moments(told))
    return tuple(np.mean(ends, axis=0))


def size(told) -> float:
    """How many independent draws those that are shown are worth."""
    columns, weights = told.posterior
    column = columns[told.coordinate.name]
    if weights is not None:
        return 1.0 / float(weights @ weights)
    if told.method == "SMC":
        return 0.2 * len(column)  # particles of one family move twenty steps apart, not for ever
    return float(effective_sample_size(torch.from_numpy(column)[None]))


def assert_shown(told):
    """Every view and every sheet can be drawn, and every number in them is one."""
    for view in ("posterior", "pair", "predictive"):
        told.set(told.scenario.names["view"], view)
        told.settle()
        figures, points, written = stage(told), frame(told), texts(told)
        live = {each["uid"] for figure in figures.values() for each in figure["data"]}
        assert live == points.keys()
        assert {key.partition(":")[2] for key in written if key.startswith("label:")} <= live
        if view == "posterior" and told.beside.truth.found:
            assert len(points["main.exact"][0])
        for x, y in points.values():
            assert len(x) == len(y)
            assert np.isfinite(np.asarray(x, float)).all()
    for name in SHEETS:
        assert "<" in sheet(told, name)
    for site in told.sites.latent:
        assert site in sheet(told, "program")
        assert site in sheet(told, "graph")


def test_an_autoencoder_learns_with_its_own_guide():
    """Its decoder is linear, so that the evidence at the learned weights is that of a normal."""
    [row] = [row for row in KINDS if row.exact is None]
    told = answered(row)
    assert told.error is None, told.error
    assert "decoder" in told.beside.truth.note
    store = told.target.store
    with store, trace(param_only=True):
        told.subject.model(*told.args)
    params = {name: value.detach().double().numpy() for name, value in store.items()}
    weight = next(v for n, v in params.items() if "decoder" in n and v.ndim == 2)
    bias = next(v for n, v in params.items() if "decoder" in n and v.ndim == 1)
    data = told.args[0].double().numpy()
    spread = weight @ weight.T + 0.3**2 * np.eye(4)
    away = data - bias
    fit = (away @ np.linalg.inv(spread) * away).sum()
    log_det = np.linalg.slogdet(2 * math.pi * spread)[1]
    floor = 0.5 * (fit + len(data) * log_det)
    losses = told.work.losses()[1][-100:]
    error = losses.std(ddof=1) / math.sqrt(len(losses))
    assert losses.mean() > floor - SURE * error
    assert losses.mean() < floor + 0.15 * len(data)  # nats; the encoder is not linear


@pytest.mark.parametrize("row", FAILURES, ids=lambda row: row.make.__name__)
def test_a_failure_is_one_sentence_in_a_panel_that_lives(row, monkeypatch):
    monkeypatch.setattr(guard, "SECONDS", 0.3)
    told = refused(row)
    assert told.status == "failed"
    missing = [word for word in row.words if word not in told.error]
    assert not missing, told.error
    assert "Traceback" not in told.error
    assert told.error in told.summary()
    figures, points = stage(told), frame(told)
    assert {each["uid"] for fig in figures.values() for each in fig["data"]} == points.keys()
    texts(told)
    for name in SHEETS:
        assert sheet(told, name)
    told.play()
    told.pause()
    told.bind(mended)
    assert told.run(3) == 3, told.error  # the panel goes on with the mended program


def neck():
    width = ppl.sample("width", dist.Normal(0.0, 3.0))
    ppl.sample("x", dist.Normal(0.0, (width / 2).exp()))


def test_divergences_are_drawn_where_they_happened():
    told = Exploration(neck, truth=None)
    told.set("inference", "NUTS")
    told.set("view", "pair")
    told.run(600)
    runaways, columns = told.work.runaways, told.work.columns
    assert len(runaways["width"]) == columns[DIVERGED].sum() > 0
    x, y = frame(told)["main.runaways"]
    assert len(x) == len(y) == 6 * len(runaways["width"])
    middles = 0.5 * (x[::6] + x[1::6]), 0.5 * (y[::6] + y[1::6])
    for found, site in zip(middles, (told.coordinate.name, told.other.name), strict=True):
        np.testing.assert_allclose(found, runaways[site], rtol=1e-4, atol=1e-4)
    told.back(600)
    assert len(frame(told)["main.runaways"][0]) == 0
    told.set("inference", "importance")
    told.run(5)
    assert len(frame(told)["main.runaways"][0]) == 0


def mended(*anything):
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
    ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)

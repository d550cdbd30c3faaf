"""A bar where one is asked for, and nothing at all where none is."""

import pytest

from ppl_core.infer import MCMC, NUTS, SVI, Trace_ELBO
from ppl_core.optim import Adam
from programs import conditioned_scale, learned_guide


def test_runs_without_a_bar_never_ask_for_one(monkeypatch):
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("tqdm starts a thread of its own")

    monkeypatch.setattr("tqdm.auto.tqdm", refuse)
    svi = SVI(conditioned_scale, learned_guide, Adam({"lr": 0.01}), Trace_ELBO())
    assert len(svi.run(3, 8.5, progress_bar=False).losses) == 3
    assert svi.run_many(3, 8.5, seeds=[1, 2], progress_bar=False).losses.shape == (2, 3)
    MCMC(NUTS(conditioned_scale), 2, warmup_steps=2, disable_progbar=True).run(8.5)
    with pytest.raises(AssertionError, match="thread"):
        svi.run(3, 8.5)


def test_a_bar_counts_every_step(capsys):
    svi = SVI(conditioned_scale, learned_guide, Adam({"lr": 0.01}), Trace_ELBO())
    svi.run(60, 8.5)
    assert "60/60" in capsys.readouterr().err

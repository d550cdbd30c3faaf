"""Exercises that are answered by a program: the slips of guides, stores, trainings and plates."""

import pytest
import torch
from torch import nn

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.effects import is_handled, settle
from ppl_widgets.exercises import check


def knobs(a=8.5, b=1.0):
    return ppl.param("a", a), ppl.param("b", b, constraint=constraints.positive)


# ---- 06: guides to repair


def missing(guess):
    knobs(guess)


def misspelt(guess):
    return ppl.sample("wieght", dist.Normal(*knobs(guess)))


def observed(guess):
    weight = ppl.sample("weight", dist.Normal(*knobs(guess)))
    ppl.sample("measurement", dist.Normal(weight, 0.75))


def no_arguments():
    return ppl.sample("weight", dist.Normal(*knobs()))


def extra(guess):
    ppl.sample("draught", dist.Normal(0.0, 1.0))
    return ppl.sample("weight", dist.Normal(*knobs(guess)))


def wrong_shape(guess):
    a, b = knobs(guess)
    return ppl.sample("weight", dist.Normal(a.expand(2), b).to_event(1))


def cut_off(guess):
    a, b = knobs(guess)
    return ppl.sample("weight", dist.Normal(a.item(), b))


def any_real(guess):
    return ppl.sample("weight", dist.Normal(*knobs(guess)))


@pytest.mark.parametrize(
    ("name", "hint", "guide"),
    [
        ("06.empty", "missing", missing),
        ("06.name", "misspelt", misspelt),
        ("06.data", "observed", observed),
        ("06.arguments", "signature", no_arguments),
        ("06.support", "support", any_real),
        ("06.empty", "extra", extra),
        ("06.empty", "shape", wrong_shape),
        ("06.empty", "gradient", cut_off),
        ("06.empty", "no_function", 9.14),
    ],
)
def test_each_breach_of_the_contract_is_named(name, hint, guide):
    verdict = check(name, guide)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


def test_a_guide_that_fits_but_cannot_reach_the_posterior_is_refused():
    def narrow(guess):
        return ppl.sample("weight", dist.Normal(ppl.param("a", guess), 0.1))

    verdict = check("06.empty", narrow)
    assert (bool(verdict), verdict.hint) == (False, "high")
    assert "KL" in str(verdict)


# ---- 07: the store


def mirrored(guess):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0)
    return ppl.sample("weight", dist.Normal(a, b.abs()))


def squared(guess):
    a, b = ppl.param("a", guess), ppl.param("b", 1.0)
    return ppl.sample("weight", dist.Normal(a, b**2))


def bare(guess):
    return ppl.sample("weight", dist.Normal(ppl.param("a", guess), ppl.param("b", 1.0)))


def plain_mean(guess):
    a, b = torch.tensor(guess), ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def plain_sd(guess):
    return ppl.sample("weight", dist.Normal(ppl.param("a", guess), 0.6))


@pytest.mark.parametrize(
    ("hint", "guide"),
    [
        ("mirror", mirrored),
        ("mirror", squared),
        ("leaves", bare),
        ("plain_mean", plain_mean),
        ("plain_sd", plain_sd),
        ("guide", misspelt),
    ],
)
def test_a_width_that_can_leave_its_range_is_found(hint, guide):
    verdict = check("07.positive", guide)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


def test_a_width_made_positive_by_hand_is_right_too():
    def softened(guess):
        a, u = ppl.param("a", guess), ppl.param("u", 0.5)
        return ppl.sample("weight", dist.Normal(a, u.exp()))

    assert check("07.positive", softened)


def scoped(train):
    with ppl.ParamStore():
        first = train()
    with ppl.ParamStore():
        return first, train()


def cleared_at_the_end(train):
    first, second = train(), train()
    ppl.clear_param_store()
    return first, second


def once(train):
    first = train()
    return first, first


def test_two_runs_each_from_the_start():
    assert check("07.twice", scoped)
    assert check("07.twice", cleared_at_the_end).hint == "went_on"
    assert check("07.twice", once).hint == "calls"


# ---- 09: learning rates


@pytest.mark.parametrize(
    ("hint", "answer"),
    [
        ("moving", (0.0001, 2500)),
        ("nan", (60.0, 2000)),
        ("range", (2000, 0.01)),
        ("range", (0.01, 1_000_000)),
        ("shape", (0.01,)),
    ],
)
def test_a_rate_that_does_not_arrive_says_why(hint, answer):
    verdict = check("09.rate", *answer)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


def test_a_slow_rate_is_told_its_half_life():
    assert str(check("09.rate", 0.0001, 2500)).startswith("2,495 steps are a half-life")


# ---- 11: plates


def model(rows=None, size=None, scale=1.0, column=False):
    def of(readings):
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        if rows is None:
            with ppl.plate("readings", len(readings), subsample_size=size) as seen:
                ppl.sample("measurement", dist.Normal(weight, 0.75), obs=readings[seen])
            return
        with ppl.plate("readings", rows), ppl.handlers.scale(scale=scale):
            data = readings[:rows]
            data = data[:, None] if column else data
            ppl.sample("measurement", dist.Normal(weight, 0.75), obs=data)

    return of


@pytest.mark.parametrize(
    ("hint", "answer"),
    [
        ("unscaled", model(rows=100)),
        ("scaled_twice", lambda r: ppl.handlers.scale(model(size=100), scale=len(r) / 100)(r)),
        ("whole", model()),
        ("shapes", model(rows=100, column=True)),
        ("no_data", lambda r: ppl.sample("weight", dist.Normal(8.5, 1.0))),
        ("no_site", lambda r: ppl.sample("kg", dist.Normal(8.5, 1.0), obs=9.5)),
        ("blank", lambda r: None),
    ],
)
def test_what_a_plate_counts_is_read_off_the_density(hint, answer):
    verdict = check("11.subsample", answer)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


# ---- 12: guides that read


def deaf(readings):
    a, b = knobs()
    with ppl.plate("parcels", len(readings)):
        ppl.sample("weight", dist.Normal(a, b))


def a_row_each(readings):
    a = ppl.param("a", torch.full((33,), 8.5))
    b = ppl.param("b", torch.full((33,), 1.0), constraint=constraints.positive)
    with ppl.plate("parcels", len(readings)):
        ppl.sample("weight", dist.Normal(a, b))


def network():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 1))

    def guide(readings):
        ppl.module("net", net)
        b = ppl.param("b", 0.6, constraint=constraints.positive)
        with ppl.plate("parcels", len(readings)):
            mean = 8.5 + net((readings[:, None] - 8.5) / 2.0)[:, 0]
            ppl.sample("weight", dist.Normal(mean, b))

    return guide


@pytest.mark.parametrize(
    ("hint", "guide"),
    [
        ("deaf", deaf),
        ("a_row_each", a_row_each),
        ("guide", missing),
        ("crash", lambda readings: readings.nothing),
        ("outside", network()),
    ],
    ids=["deaf", "a_row_each", "guide", "crash", "outside"],
)
def test_a_guide_that_does_not_read_is_found(hint, guide):
    verdict = check("12.guide", guide)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict


def test_an_elbo_above_the_evidence_is_impossible():
    assert check("12.linear", -0.2).hint == "above"
    assert check("10.gap", -0.1, 0.13).hint == "below"
    assert check("10.gap", 0.3, 0.13).hint == "more_steps"


# ---- 14: handlers


def handler(handle, enter=None):
    """A class as a student writes it."""

    class Written(ppl.Handler):
        def __init__(self, name="", power=1.0):
            self.name, self.power, self.num = name, power, 0

        def handle(self, site, forward):
            return handle(self, site, forward)

    if enter is not None:
        Written.__enter__ = enter
    return Written


def afresh(self):
    self.num = 0
    return ppl.Handler.__enter__(self)


def counting(which=lambda site: site.kind == "sample", enter=afresh):
    def handle(self, site, forward):
        self.num += which(site)
        return forward(site)

    return handler(handle, enter)


def counted_in_vain(self, site, forward):
    settle(site)
    self.num += site.kind == "sample"


def changed(self, site, forward):
    site.scale = self.power
    return forward(site)


def scaled(how, which=lambda site: site.observed):
    def handle(self, site, forward):
        return forward(site.replace(scale=how(self, site)) if which(site) else site)

    return handler(handle)


def too_late(self, site, forward):
    site = forward(site)
    return site.replace(scale=site.scale * self.power)


def instead(self, site, forward):
    return site.replace(value=site.fn.sample()) if site.name == self.name else forward(site)


def at_its_mean(self, site, forward):
    return site.replace(value=site.fn.mean) if site.name == self.name else forward(site)


def only(self, site, forward):
    return settle(site)


@pytest.mark.parametrize(
    ("name", "hint", "answer"),
    [
        ("14.count", "blank", handler(lambda self, site, forward: ...)),
        ("14.count", "no_handler", lambda site, forward: forward(site)),
        ("14.count", "instance", counting()()),
        ("14.count", "no_handle", type("Idle", (ppl.Handler,), {})),
        (
            "14.count",
            "arguments",
            type("Short", (ppl.Handler,), {"handle": lambda self, site: site}),
        ),
        (
            "14.count",
            "stays",
            type("Stuck", (counting(),), {"__exit__": lambda self, *error: None}),
        ),
        ("14.count", "inactive", counting(enter=lambda self: self)),
        (
            "14.count",
            "unnamed",
            counting(enter=lambda self: ppl.Handler.__enter__(self) and None),
        ),
        ("14.count", "silent", handler(counted_in_vain, afresh)),
        ("14.count", "unsettled", handler(lambda self, site, forward: site, afresh)),
        ("14.count", "swallowed", handler(only, afresh)),
        ("14.count", "went_on", counting(enter=ppl.Handler.__enter__)),
        ("14.count", "params", counting(lambda site: True)),
        ("14.count", "latent", counting(lambda site: site.kind == "sample" and not site.observed)),
        ("14.count", "never", counting(lambda site: site.kind == "draw")),
        (
            "14.hide",
            "unsettled",
            handler(lambda s, site, f: site if site.name == s.name else f(site)),
        ),
        ("14.hide", "swallowed", handler(only)),
        ("14.hide", "heard", handler(lambda self, site, forward: forward(site))),
        ("14.hide", "fixed", handler(at_its_mean)),
        ("14.hide", "redrawn", handler(instead)),
        ("14.temper", "changed", handler(changed)),
        ("14.temper", "late", handler(too_late)),
        ("14.temper", "all", scaled(lambda s, site: site.scale * s.power, lambda site: True)),
        ("14.temper", "overwritten", scaled(lambda self, site: self.power)),
        ("14.temper", "divided", scaled(lambda self, site: site.scale / self.power)),
        ("14.temper", "added", scaled(lambda self, site: site.scale + self.power)),
        (
            "14.temper",
            "turned",
            scaled(lambda s, site: site.scale * s.power, lambda site: not site.observed),
        ),
        ("14.temper", "crash", scaled(lambda self, site: site.scale * self.strength)),
    ],
    ids=lambda v: v if isinstance(v, str) else "",
)
def test_what_a_handler_forgets_is_named(name, hint, answer):
    verdict = check(name, answer)
    assert (bool(verdict), verdict.hint) == (False, hint), verdict
    assert not is_handled()

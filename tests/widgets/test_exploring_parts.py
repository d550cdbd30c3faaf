"""The parts of `explore`: abbreviations, a program and its inputs, names, limits, axes."""

import time
from typing import Literal

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.errors import ModelError
from ppl_widgets.exploring import Exploration, Followed, guard
from ppl_widgets.exploring.abbreviations import annotated, as_input
from ppl_widgets.exploring.guides import OWN
from ppl_widgets.exploring.ledger import account, lines_of
from ppl_widgets.exploring.room import Room, middle
from ppl_widgets.exploring.subject import Subject
from ppl_widgets.scenarios import ControlError


def scale(guess, sd=1.0):
    weight = ppl.sample("weight", dist.Normal(guess, sd))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


# ---- abbreviations are those of ipywidgets' interact


@pytest.mark.parametrize(
    ("given", "kind", "reach"),
    [
        (8.5, "float", (-8.5, 25.5)),
        (-2, "int", (-6, 2)),
        (0, "int", (0, 1)),
        (torch.tensor(1.5), "float", (-1.5, 4.5)),
        ((0, 10), "int", (0, 10)),
        ((0.0, 1.0, 0.25), "float", (0.0, 1.0)),
        (np.float64(2.0), "float", (-2.0, 6.0)),
    ],
)
def test_numbers_and_ranges_become_sliders(given, kind, reach):
    control = as_input("x", given).control
    assert (control.kind, (control.min, control.max)) == (kind, reach)
    assert control.check(control.value) == control.value


def test_interact_itself_gives_the_same_ends():
    """The second route: ipywidgets' own reading of the abbreviation."""
    from ipywidgets import interactive

    for given in (8.5, 3, -2, 0, 0.0, (0, 10), (2.0, 5.0, 0.5)):
        theirs = interactive.widget_from_abbrev(given)
        ours = as_input("x", given).control
        assert (ours.min, ours.max) == (theirs.min, theirs.max)
        assert ours.value == theirs.value
        for part in (theirs.style, theirs.layout, theirs):
            part.close()


def test_choices_stand_for_their_values():
    few = as_input("size", {"few": 10, "many": 100})
    assert few.control.options == ("few", "many")
    assert few.at({"size": "many"}) == 100
    assert as_input("family", ["a", "b"], "b").control.value == "b"
    assert as_input("family", annotated("family", Literal["x", "y"])).control.options == ("x", "y")
    assert as_input("centred", True).control.kind == "bool"


def test_data_is_passed_on_as_it_is():
    for data in (torch.arange(3.0), np.arange(3), "text", None, object()):
        given = as_input("data", data)
        assert given.control is None
        assert given.at({}) is data


@pytest.mark.parametrize("given", [(5.0, 2.0), (0, 1, -1), [], {}, [1, 1, 2]])
def test_abbreviation_without_a_meaning_error(given):
    with pytest.raises(ControlError, match="x: "):
        as_input("x", given)


# ---- a program and its inputs


def test_the_signature_and_the_conditions_become_inputs():
    model = ppl.condition(scale, data={"measurement": 9.5})
    subject = Subject(model, None, ((0.0, 20.0),), {"sd": 2.0})
    assert [each.name for each in subject.inputs] == ["measurement", "guess", "sd"]
    settings = {"measurement": 9.0, "guess": 7.0, "sd": 1.5}
    assert subject.args(settings) == (9.0, 7.0, 1.5)
    assert subject.model(9.0, 7.0, 1.5) == 9.0


def test_a_site_given_by_name_is_conditioned_on():
    subject = Subject(scale, None, (8.5,), {"measurement": (5.0, 14.0)})
    assert subject.sites == 1
    assert subject.model(6.0, 8.5, 1.0) == 6.0
    with pytest.raises(ControlError, match=r"'measurment' is no .* Did you mean 'measurement'"):
        Subject(scale, None, (8.5,), {"measurment": 9.5})


def test_keyword_only_arguments_and_many_of_them():
    def line(*data, slope=2.0, up=True):
        ppl.sample("y", dist.Normal(slope * sum(data) * (1 if up else -1), 1.0))
        return data, slope, up

    subject = Subject(line, None, (torch.ones(2), 3.0), {"slope": (0.0, 4.0)})
    data, slope, up = subject.model(*subject.args({"data[1]": 5.0, "slope": 3.0, "up": False}))
    assert (len(data), data[1], slope, up) == (2, 5.0, 3.0, False)


def test_what_is_no_program_or_lacks_an_argument_error():
    for model, given, words in (
        (8.5, (), "something to call"),
        (scale, (), "asks for 'guess'"),
        (scale, (1.0, 2.0, 3.0), "takes 2 arguments. You gave 3"),
    ):
        with pytest.raises(ModelError, match=words):
            Subject(model, None, given, {})
    with pytest.raises(ModelError, match=r"explore\(model, None, \.\.\.\)"):
        Subject(scale, 8.5, (), {})


def test_sliders_end_where_the_program_does():
    told = Exploration(ppl.condition(scale, data={"measurement": 9.5}), given=(8.5, 2.0))
    ranges = {c.name: (c.min, c.max) for c in told.scenario.controls}
    assert ranges["sd"] == (0.05, 6.0)  # and not -2 to 6
    assert ranges["guess"] == (-8.5, 25.5)
    assert ranges["measurement"] == (-9.5, 28.5)

    def coin():
        p = ppl.sample("p", dist.Beta(2.0, 2.0))
        ppl.sample("heads", dist.Bernoulli(p))

    told = Exploration(ppl.condition(coin, data={"heads": 1.0}))
    heads = told.scenario.controls[0]
    assert (heads.kind, heads.min, heads.max, heads.value) == ("int", 0, 1, 1)


def test_names_that_the_program_takes_are_its_own():
    def model(lr, site=2.0):
        ppl.sample("x", dist.Normal(lr, site))

    told = Exploration(model, given=(3.0,), site=1.0, inference="NUTS")
    assert told.controls["site"] == 1.0
    assert told.controls["site_"] == "x"
    assert told.method == "NUTS"
    assert told.scenario.names["lr"] == "lr_"


# ---- names in cells


def test_a_program_written_anew_is_found_under_its_names():
    model = ppl.condition(scale, data={"measurement": 9.5})
    names = {"scale": scale, "model": model, "_3": model}
    followed = Followed(model, names)
    assert followed.name == "model"
    assert followed.newest(names) is model

    def rewritten(guess):
        return ppl.sample("measurement", dist.Normal(guess, 2.0))

    fresh = followed.newest({**names, "scale": rewritten})  # the condition stays around it
    assert fresh(8.5) == 9.5
    other = ppl.condition(rewritten, data={"measurement": 7.0})
    assert followed.newest({**names, "model": other}) is other
    assert followed.newest({}) is model  # a name that is gone is no news


# ---- limits


def test_a_run_of_too_many_statements_is_stopped_and_says_where():
    def flips():
        number = 0
        while True:
            ppl.sample(f"flip {number}", dist.Bernoulli(0.5))
            number += 1

    with pytest.raises(guard.Endless, match="20,000 statements in one run") as caught:
        Subject(flips, None, (), {}).model()
    assert "'flip 20000'" in str(caught.value)


def test_a_loop_without_statements_is_stopped_in_its_own_line():
    def spin():
        while True:
            pass

    begin = time.perf_counter()
    said = r"No end after 0\.2 s, in line \d+ of spin"
    with pytest.raises(guard.Endless, match=said), guard.limited(0.2):
        spin()
    assert time.perf_counter() - begin < 5.0
    with guard.limited(0.2):
        pass
    time.sleep(0.3)  # nothing rings afterwards


def test_an_import_is_never_broken_off(tmp_path, monkeypatch):
    """A module that takes long to load is loaded; the loop after it is what is stopped."""
    slow = (
        "import time\nend = time.monotonic() + 0.5\nwhile time.monotonic() < end:\n    pass\nok = 1"
    )
    (tmp_path / "slowly_loaded.py").write_text(slow)
    monkeypatch.syspath_prepend(str(tmp_path))

    def spin():
        import slowly_loaded

        while slowly_loaded.ok:
            pass

    with pytest.raises(guard.Endless, match="of spin"), guard.limited(0.2):
        spin()


def test_an_alarm_of_somebody_else_still_rings():
    import signal

    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    left, _ = signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with guard.limited(5.0):
            pass
        time.sleep(0.5)
        assert rung
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, left)


# ---- axes


def test_axes_start_where_things_are_and_only_grow():
    room = Room()
    assert room.hold("x", 2.0, 3.0)
    low, high = room.ranges["x"]
    assert low < 2.0 < 3.0 < high
    assert not room.hold("x", 2.2, 2.8)
    assert room.hold("x", 2.0, 9.0)
    assert room.ranges["x"][0] == low
    assert room.ranges["x"][1] > 9.0
    assert not room.hold("x", float("nan"), 1.0)
    assert middle(np.arange(1000.0), None, 0.9) == pytest.approx((49.95, 949.05))


# ---- the ledger


def guide(guess, sd=1.0):
    a, b = ppl.param("a", guess), ppl.param("b", 0.5, constraint=dist.constraints.positive)
    ppl.sample("weight", dist.Normal(a, b))


def test_model_and_guide_are_joined_by_site_and_line():
    told = Exploration(ppl.condition(scale, data={"measurement": 9.5}), guide, (8.5,))
    assert told.setting("guide") == OWN
    found = account(told)
    rows = {row.name: row for row in found.rows}
    assert list(rows) == ["weight", "measurement", "a", "b"]
    weight = rows["weight"]
    assert weight.model.value == weight.guide.value
    value = torch.as_tensor(weight.model.value)
    assert weight.model.log_prob == pytest.approx(dist.Normal(8.5, 1.0).log_prob(value).item())
    assert weight.guide.log_prob == pytest.approx(dist.Normal(8.5, 0.5).log_prob(value).item())
    fit = dist.Normal(value, 0.75).log_prob(torch.tensor(9.5)).item()
    assert found.log_model == pytest.approx(weight.model.log_prob + fit)
    assert found.log_guide == pytest.approx(weight.guide.log_prob)
    assert rows["measurement"].model.set_by == "condition"
    assert rows["measurement"].guide is None
    stated = {line.site: line.text.strip() for line in lines_of(scale, found) if line.site}
    assert stated["weight"].startswith("weight = ppl.sample(")
    assert stated["measurement"].startswith("return ppl.sample(")
    stated = {line.site for line in lines_of(guide, found, guide=True) if line.site}
    assert stated == {"a", "weight"}  # two parameters in one line: the first


def test_a_ready_made_guide_is_one_row_a_site():
    """Its helper in unconstrained space and the site are one draw, with one density."""

    def model():
        rate = ppl.sample("rate", dist.LogNormal(0.0, 0.5))
        ppl.sample("count", dist.Poisson(rate), obs=3.0)

    told = Exploration(model)
    told.run(5)
    found = account(told)
    rows = {row.name: row for row in found.rows}
    assert list(rows)[:2] == ["rate", "count"]
    assert not [name for name in rows if "unconstrained" in name]
    params = told.work.params
    loc, sd = params["AutoNormal.locs.rate"], params["AutoNormal.scales.rate"]
    rate = torch.as_tensor(rows["rate"].model.value)
    assert rows["rate"].guide.distribution.endswith(", mapped")
    log_q = dist.LogNormal(loc, sd).log_prob(rate).item()  # the second route: its own density
    assert rows["rate"].guide.log_prob == pytest.approx(log_q, abs=1e-4)
    assert found.log_guide == pytest.approx(log_q, abs=1e-4)


def test_draws_set_the_ledger_of_a_sampler():
    model = ppl.condition(scale, data={"measurement": 9.5})
    told = Exploration(model, given=(8.5,), inference="NUTS")
    assert account(told).rows[0].model.set_by == "prior"
    told.run(5)
    found = account(told)
    newest = told.posterior[0]["weight"][-1]
    assert float(found.rows[0].model.value) == pytest.approx(newest, rel=1e-6)
    assert (found.by_draw, found.log_guide) == ("draw", None)

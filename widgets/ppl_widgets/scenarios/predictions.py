"""What each panel asks before it answers: a number at which somebody who is sure is surprised."""

import math
from typing import Any

from ..text import say
from . import amortizing, balancing, bending, breaking, decoding, racing, sampling, storing, using
from .conditioning import window
from .forward import exact as sites_forward
from .looking import exact as sites_after
from .many import ends_with
from .prediction import Prediction
from .proposing import share


def asked_site(session: Any) -> str:
    """The site of look or touch that is not given."""
    return "measurement" if session.controls["site"] == "weight" else "weight"


def above_floor(session: Any, value: float, over: float) -> tuple[float]:
    """So many nats above the floor, on an axis of losses or of ELBOs."""
    level = balancing.floor(session.controls) + value
    return (-level if session.controls["sign"] == "ELBO" else level,)


def known_share(session: Any) -> float | None:
    """What a chain accepts, in per cent, where it is known."""
    accepted = sampling.share(session.controls)
    return None if accepted is None else 100.0 * accepted


def above_bent_floor(session: Any, gap: float, over: float) -> tuple[float]:
    """So many nats above the floor; the floor of the inclusive loss is another one."""
    exclusive = session.controls["direction"] == "exclusive"
    return (bending.floor(session.controls) + gap if exclusive else math.nan,)


PREDICTIONS = {
    "weighing": Prediction(
        name="weighing",
        unit="kg",
        start=8.5,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: None if session.exact is None else session.exact.mean,
        plot="posterior",
        keeps=(
            "posterior.prior",
            "posterior.likelihood",
            "posterior.guess",
            "posterior.measurement",
        ),
        plays=False,
    ),
    "forward": Prediction(
        name="forward",
        unit="kg",
        start=1.0,
        reach=(0.0, 10.0, 0.05),
        exact=lambda session: sites_forward(session.controls)["measurement"].sd,
        plot="measurement",
        keeps=("runs.newest", "weight.*"),
        places=lambda session, sd, _: [session.controls["guess"] + side * sd for side in (-1, 1)],
    ),
    "conditioning": Prediction(
        name="conditioning",
        unit="kg",
        start=8.5,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: window(session.controls).mean,
        plot="kept",
        keeps=("runs.*",),
    ),
    "looking": Prediction(
        name="looking",
        unit="kg",
        start=9.0,
        reach=(0.0, 20.0, 0.1),
        exact=lambda session: sites_after(session.controls)[asked_site(session)].mean,
        plot="first",
        keeps=("graph.*", "*.before"),
    ),
    "proposing": Prediction(
        name="proposing",
        unit="%",
        start=50.0,
        reach=(0.0, 100.0, 1.0),
        exact=lambda session: 100.0 * share(session.controls),
        plot="gauge",
        keeps=("use.*", "posterior.*"),
        places=lambda _, value, __: (value / 100.0,),
        across="y",
        digits=0,
        apart=say("unit.points"),
    ),
    "sampling": Prediction(
        name="sampling",
        unit="%",
        start=50.0,
        reach=(0.0, 100.0, 1.0),
        exact=known_share,
        plot="gauge",
        keeps=("ride.contours", "ride.ahead", "ride.behind", "ride.now", "[xy].exact", "energy.*"),
        places=lambda _, value, __: (value / 100.0,),
        across="y",
        digits=0,
        apart=say("unit.points"),
    ),
    "breaking": Prediction(
        name="breaking",
        unit="nats",
        start=2.0,
        reach=(-2.0, 10.0, 0.01),
        exact=lambda session: breaking.settles(session.controls),
        plot="loss",
        keeps=("weight.prior", "weight.exact", "weight.*_support", "loss.floor", "loss.forbidden"),
        across="y",
        digits=3,
    ),
    "storing": Prediction(
        name="storing",
        unit=say("unit.of_100"),
        start=10.0,
        reach=(0.0, 100.0, 1.0),
        exact=lambda session: 100.0 * storing.mirrored(session.given),
        plot="",  # no axis of its plots counts runs
        keeps=("rails.[!e]*", "rails.exact", "loss_*", "course.*"),
        digits=0,
        apart=say("unit.runs"),
    ),
    "balancing": Prediction(
        name="balancing",
        unit="nats",
        start=0.5,
        reach=(0.0, 5.0, 0.01),
        exact=lambda session: balancing.gap(session.controls),
        plot="estimates",
        keeps=("weight.[!p]*", "*.floor", "*.forbidden"),
        places=above_floor,
        digits=3,
    ),
    "racing": Prediction(
        name="racing",
        unit=say("unit.steps"),
        start=1000.0,
        reach=(0.0, 2500.0, 5.0),
        exact=lambda session: racing.half_life(session.controls, "sgd"),
        plot="course",
        keeps=("paths.contours", "paths.exact", "course.exact"),
        digits=0,
    ),
    "bending": Prediction(
        name="bending",
        unit="nats",
        start=0.1,
        reach=(0.0, 15.0, 0.05),
        exact=lambda session: bending.trained_gap(session.controls, session.draws),
        plot="loss",
        keeps=("posterior.prior", "posterior.exact", "response.*", "*.forbidden", "loss.floor"),
        places=above_bent_floor,
        across="y",
        plays=False,
    ),
    "amortizing": Prediction(
        name="amortizing",
        unit="kg",
        start=1.0,
        reach=(-1.0, 2.0, 0.01),
        exact=lambda session: amortizing.line(session.controls)[1],
        plot="encoder",
        keeps=("encoder.seen", "encoder.asked", "gap.seen", "gap.asked"),
        places=lambda session, slope, reading: (
            session.controls["guess"] + slope * (reading - session.controls["guess"]),
        ),
        across="y",
    ),
    "decoding": Prediction(
        name="decoding",
        unit="nats",
        start=1.0,
        reach=(0.0, 5.0, 0.01),
        exact=lambda session: decoding.exact_gap(session.controls, session.learned),
        plot="gap",
        keeps=("latent.rows", "latent.z", "latent.[0-9]", "decoded.*"),
        places=lambda _, gap, __: (math.log10(max(gap, 1e-3)),),
        across="y",
        plays=False,
        digits=3,
    ),
    "many": Prediction(
        name="many",
        unit="kg",
        start=0.5,
        reach=(0.0005, 5.0, 0.05),
        kind="log",
        exact=lambda session: ends_with(session.controls),
        plot="second",
        keeps=("belief.exact", "slope.theory", "pair.prior", "loss.f[lo]*", "lost.full"),
        across="y",
        digits=4,
    ),
    "using": Prediction(
        name="using",
        unit="",
        start=0.5,
        reach=(0.0, 1.0, 0.005),
        exact=lambda session: using.chance(session.controls),
        plot="tail",
        keeps=("dots.exact", "dots.limit", "tail.limit"),
        across="y",
        digits=3,
    ),
}
"""By the name of the scenario."""

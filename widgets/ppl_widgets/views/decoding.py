"""The VAE bench: latent map, what is decoded, the ELBO under its evidence, the gap."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import theme
from ..datasets import INSTANTS, SIDE, digits
from ..figures import NOTHING, Figure, Points, filled
from ..scenarios import decoding as truth
from ..scenarios import gauging, ppca
from ..scenarios.autoencoder import Weights, decoded, encoded
from ..text import fixed, nats, say
from .parts import dots, figure, trace

if TYPE_CHECKING:
    from ..decoding import Decoding

SIZES = (3.0, 5.5, 8.0, 10.5, 13.0)
"""Diameters of the dots of a picture, from a little ink to all of it."""
LEFT = {"at_z": 0, "original": 10, "again": 20}
"""Where each picture begins."""
KINDS = {"at_z": "expected", "original": "prior", "again": "learned"}
"""The role of each."""
ROUND = np.linspace(0.0, 2.0 * math.pi, 73)
"""Angles of an ellipse."""
CLOUD = 150
"""Draws of a posterior that has no formula."""


def stage(session: "Decoding") -> dict[str, Figure]:
    """Map, pictures, bound and gap."""
    data = session.controls["data"]
    figures = {
        "latent": figure(session, "latent", _map_traces(session), "z1", "z2", key=True),
        "decoded": _pictures_stage(session) if data == truth.DIGITS else _curves_stage(session),
        "bound": figure(session, "bound", _bound_traces(), "step", data),
        "gap": figure(session, "vae_gap", _gap_traces(), "step", "log_gap"),
    }
    figures["bound"]["layout"]["xaxis"]["title"]["text"] = ""  # the gap under it has the same
    figures["bound"]["layout"]["margin"]["b"] = 24
    figures["gap"]["layout"]["yaxis"] |= {
        "tickvals": [-3, -2, -1, 0, 1],
        "ticktext": ["0.001", "0.01", "0.1", "1", "10"],
    }
    return filled(figures, frame(session))


def _map_traces(session: "Decoding") -> list[dict[str, Any]]:
    thin = {**theme.series("learned")["line"], "width": 2}
    linear = session.controls["decoder"] == truth.LINEAR
    exact = say("trace.posterior_2sd") if linear else None
    draws = None if linear else say("trace.posterior_draws")
    traces = [dots("prior", "latent.rows", say("trace.rows"), 3.0, opacity=0.5)]
    if session.controls["data"] == truth.DIGITS:
        traces += [
            dots("likelihood", f"latent.{d}", None, 1.0, label=str(d), at="peak") for d in range(10)
        ]
    return [
        *traces,
        trace("exact", "latent.exact", exact),
        dots("exact", "latent.draws", draws, 3.0),
        trace("learned", "latent.encoder", say("trace.encoder_2sd"), mode="lines", line=thin),
        theme.grip("expected", "latent.z", x="z1", y="z2") | {"name": say("trace.z")},
    ]


def _curves_stage(session: "Decoding") -> Figure:
    plain = {**theme.series("learned")["line"], "width": 2}
    traces = [
        dots("prior", "decoded.original", None, 6.0),
        trace(
            "learned",
            "decoded.again",
            label=say("trace.again"),
            at="peak",
            mode="lines",
            line=plain,
        ),
        trace("expected", "decoded.at_z", label=say("trace.at_z"), at="end"),
    ]
    return figure(session, "decoded", traces, "instant", "needle", grow=1.4)


def _pictures_stage(session: "Decoding") -> Figure:
    traces = [
        trace(KINDS[name], f"decoded.{name}", mode="lines", label=say(f"trace.{name}"), at="start")
        for name in LEFT
    ]
    traces += [dots("exact", f"decoded.{k}", None, size) for k, size in enumerate(SIZES)]
    made = figure(session, "decoded", traces, "across", "up", grow=1.4)
    for axis in ("xaxis", "yaxis"):
        made["layout"][axis] |= {"tickvals": [], "showgrid": False, "showline": False}
    return made


def _bound_traces() -> list[dict[str, Any]]:
    return [
        trace("prior", "bound.best", label="", at="start"),
        trace("exact", "bound.evidence"),
        trace("learned", "bound.elbo", mode="lines"),
    ]


def _gap_traces() -> list[dict[str, Any]]:
    return [trace("learned", "gap.now", label="", at="end", mode="lines")]


# ---- what moves


def frame(session: "Decoding") -> dict[str, Points]:
    """The points of every live trace now."""
    controls, table, now = session.controls, session.draws, session.learned
    points = _map(session, now) | _decoded(session, now)
    steps = np.array(session.view.ranges["step"])
    points["bound.best"] = _pair(steps, np.full(2, truth.best(controls)))
    points |= dict.fromkeys(("bound.evidence", "bound.elbo", "gap.now"), NOTHING)
    if len(table.get("gap", ())):
        at = np.flatnonzero(np.isfinite(table["gap"]))
        evidence, gap = table["evidence"][at], table["gap"][at]
        points["bound.evidence"] = _pair(at + 1.0, evidence)
        points["bound.elbo"] = _pair(at + 1.0, evidence - gap)
        points["gap.now"] = _pair(at + 1.0, np.log10(np.maximum(gap, 1e-6)))
    return points


def z_of(session: "Decoding") -> np.ndarray:
    """All latent numbers at the handle: those beyond the sliders are 0."""
    z = np.zeros(max(2, session.controls["latent"]))
    z[:2] = session.controls["z1"], session.controls["z2"]
    return z[: session.controls["latent"]]


def _map(session: "Decoding", now: Weights) -> dict[str, Points]:
    """Rows, one row's belief and posterior, and the handle."""
    controls = session.controls
    points: dict[str, Points] = {"latent.z": _pair(*_flat(z_of(session)[None]).T)}
    names = ["rows", "exact", "draws", "encoder"]
    if controls["data"] == truth.DIGITS:
        names += [str(digit) for digit in range(10)]
    points |= {f"latent.{name}": NOTHING for name in names}
    if not now:
        return points
    means = _flat(encoded(now, truth.learning(controls)[0])[0])
    points["latent.rows"] = _pair(*means.T)
    if controls["data"] == truth.DIGITS:
        labels = digits()[1][: controls["rows"]]
        for digit in range(10):
            these = means[labels == digit]
            if len(these):
                points[f"latent.{digit}"] = _pair(*these.mean(0, keepdims=True).T)
    row = truth.example(controls)
    mean, widths = encoded(now, row[None])
    points["latent.encoder"] = _ellipse(mean[0], np.diag(widths[0] ** 2))
    if controls["decoder"] == truth.LINEAR:
        weights = now["decoder$$$weight"].T.astype(float)
        points["latent.exact"] = _ellipse(*ppca.posterior(weights, float(now["sd"]), row))
    elif controls["latent"] in gauging.ACROSS:
        points["latent.draws"] = _pair(*_flat(gauging.posterior_draws(now, row, CLOUD)).T)
    return points


def _flat(z: np.ndarray) -> np.ndarray:
    """The first two latent numbers; 0 in place of a second that is not there."""
    return z[:, :2] if z.shape[1] > 1 else np.pad(z, ((0, 0), (0, 1)))


def _ellipse(mean: np.ndarray, covariance: np.ndarray) -> Points:
    """Two sds around a normal, in the first two numbers; a line where there is one."""
    if len(mean) == 1:
        return _pair(mean[0] + 2.0 * math.sqrt(covariance[0, 0]) * np.array([-1.0, 1.0]), [0, 0])
    root = np.linalg.cholesky(covariance[:2, :2])
    around = mean[:2] + 2.0 * np.stack([np.cos(ROUND), np.sin(ROUND)], 1) @ root.T
    return _pair(*around.T)


def _decoded(session: "Decoding", now: Weights) -> dict[str, Points]:
    shown = shapes(session, now)
    if session.controls["data"] == truth.SWINGS:
        instants = np.arange(1.0, INSTANTS + 1.0)
        return {
            f"decoded.{name}": _pair(instants, shown[name]) if name in shown else NOTHING
            for name in KINDS
        }
    down, across = np.divmod(np.arange(SIDE * SIDE), SIDE)
    x = np.concatenate([LEFT[name] + across for name in shown])
    y = np.tile(SIDE - 1 - down, len(shown))
    level = np.rint(np.concatenate(list(shown.values())) * len(SIZES)).clip(0, len(SIZES)) - 1
    points = {f"decoded.{k}": _pair(x[level == k], y[level == k]) for k in range(len(SIZES))}
    for name, left in LEFT.items():
        points[f"decoded.{name}"] = _pair([left, left + SIDE - 1.0], np.full(2, SIDE - 0.2))
    return points


def shapes(session: "Decoding", now: Weights) -> dict[str, np.ndarray]:
    """Curve or picture at z, of the example, and decoded from the example's code: (width,) each."""
    controls = session.controls
    mean, row = truth.learning(controls)[1], truth.example(controls)
    if not now:
        return {"original": row + mean}
    [code], _ = encoded(now, row[None])
    return {
        "at_z": mean + decoded(now, z_of(session)),
        "original": mean + row,
        "again": mean + decoded(now, code),
    }


def _pair(x: Any, y: Any) -> Points:
    return np.asarray(x, np.float32), np.asarray(y, np.float32)


# ---- words


def texts(session: "Decoding") -> dict[str, str]:
    """The bound in numbers, and where they come from."""
    controls, table = session.controls, session.draws
    evidence, gap = truth.latest(table, "evidence"), truth.latest(table, "gap")
    source, known = truth.source(controls), math.isfinite(gap)
    parts = {
        "z1": fixed(controls["z1"], 1),
        "z2": fixed(controls["z2"], 1),
        "example": str(controls["example"]),
    }
    exact = "closed" if controls["decoder"] == truth.LINEAR else "quadrature"
    latent = {1: "caption.latent_one", 2: "caption.latent"}.get(
        controls["latent"], "caption.latent_many"
    )
    shown = say("caption.decoded", **parts)
    if controls["data"] == truth.DIGITS:
        digit = str(digits()[1][controls["example"]])
        shown = say("caption.decoded_digit", example=parts["example"], digit=digit)
    bound = say(
        "caption.bound", elbo=fixed(evidence - gap), evidence=fixed(evidence), source=source
    )
    left = say("caption.vae_gap", gap=nats(gap), source=source)
    start = say("caption.start")
    return {
        "latent": say(latent, **parts, source=say(f"source.{exact}")),
        "decoded": shown,
        "bound": bound if known else start,
        "gap": left if known else start,
        "label:bound.best": say("trace.best_linear", best=fixed(truth.best(controls))),
        "label:gap.now": say("trace.gap_now", gap=nats(gap)) if known else "",
        "alt:latent": say("alt.latent", summary=session.summary()),
        "alt:decoded": say("alt.decoded", caption=shown),
        "alt:bound": say("alt.bound", caption=bound),
        "alt:gap": say("alt.vae_gap", caption=left),
    }

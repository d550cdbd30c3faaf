"""Four plots like the flagship's, for the browser tests: copied beside the notebooks they open."""

import numpy as np

from ppl_widgets import theme
from ppl_widgets.plot import LivePlot

STEPS = 2500
WEIGHT = np.linspace(5, 13, 200, dtype=np.float32)
NOISE = np.random.default_rng(101).normal(size=STEPS + 1).astype(np.float32)


def normal(mean, sd):
    return np.exp(-0.5 * ((WEIGHT - mean) / sd) ** 2) / (sd * np.sqrt(2 * np.pi))


def figures():
    trace = theme.trace
    posterior = [
        trace("prior", "p.prior", WEIGHT, normal(8.5, 1), "prior", label="prior", at="left"),
        trace("likelihood", "p.likelihood", WEIGHT, normal(9.5, 0.75), "likelihood"),
        trace("exact", "p.exact", WEIGHT, normal(9.14, 0.6), "exact", label="exact", at="peak"),
        trace("learned", "p.learned", WEIGHT, normal(8.5, 1), "learned"),
    ]
    loss = [
        trace("band", "l.band", [], []),
        trace("forbidden", "l.zone", *theme.zone(0, STEPS, -5, 1.462), label="floor", at="inside"),
        trace("learned", "l.loss", [], [], "loss", mode="lines"),
        trace("expected", "l.expected", [], [], "expected"),
        trace("mark", "l.marks", [], []),
    ]
    out = {
        "posterior": {
            "data": posterior,
            "layout": theme.layout(
                "posterior", x="weight", y="density", x_range=(5, 13), y_range=(0, 0.8), key=True
            ),
        },
        "loss": {
            "data": loss,
            "layout": theme.layout("loss", y="nats", x_range=(0, STEPS), y_range=(0, 5), grow=2),
        },
    }
    for name, exact, ends in (("a", 9.14, (8, 10)), ("b", 0.6, (0.4, 1.2))):
        traces = [
            trace("exact", f"{name}.exact", [0, STEPS], [exact, exact], "exact"),
            trace("learned", f"{name}.learned", [], [], name, mode="lines"),
        ]
        out[name] = {"data": traces, "layout": theme.layout(name, x_range=(0, STEPS), y_range=ends)}
    return out


def frame(step):
    """What a run shows after so many steps: the live traces, and the texts."""
    steps = np.unique(np.linspace(0, step, min(400, step + 1)).astype(int))
    decay = np.exp(-steps / 300)
    a, b = 9.14 - 0.64 * decay + 0.02 * NOISE[steps], 0.6 + 0.4 * decay + 0.01 * NOISE[steps]
    expected, width = 1.462 + 0.9 * decay, 0.2 + 0.8 * decay
    loss = expected + 0.4 * width * NOISE[steps]
    changes = [at for at in (300, 1200) if at < step]
    curves = {
        "p.prior": (WEIGHT, normal(8.5, 1)),
        "p.likelihood": (WEIGHT, normal(9.5, 0.75)),
        "p.exact": (WEIGHT, normal(9.14, 0.6)),
        "p.learned": (WEIGHT, normal(a[-1], b[-1])),
        "l.band": theme.band(steps, expected - width, expected + width),
        "l.loss": (steps, loss),
        "l.expected": (steps, expected),
        "l.marks": (changes, ["measurement 9.5", "lr 0.01"][: len(changes)]),
        "a.learned": (steps, a),
        "b.learned": (steps, b),
    }
    texts = {
        "status": f"seed 101 · step {step:,}/{STEPS:,}",
        "posterior": f"after {step} steps",
        "loss": f"loss {loss[-1]:.3f} · floor 1.462",
        "summary": f"Learned N({a[-1]:.2f}, {b[-1]:.2f}).",
    }
    return curves, texts


def demo(label="demo", step=0):
    plot = LivePlot(figures(), "The unreliable scale", label)
    plot.draw(*frame(step))
    return plot

"""An exploration as code: a line that makes the panel again, and a cell that does as it does."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import Tensor

from ..scenarios import SEED
from ..scenarios.training import optimiser_code
from .face import METHODS, SVI
from .guides import OWN, TABLE
from .sampling import PARTICLES, QUARTER, WARMUP
from .workshop import PROPOSE, rates

if TYPE_CHECKING:
    from .explored import Explored

PLAIN = (int, float, str, bool, tuple, list, dict, type(None))
"""What is written out; anything else is called by its name in the user's cells."""


def one_line(told: "Explored") -> str:
    """One line of Python that makes this panel again."""
    source = told.source
    guide = written(source.guide, source.names)
    parts = [source.name, guide, *(written(value, source.names) for value in source.given)]
    if parts[1:] == ["None"]:
        parts = parts[:1]
    parts += [f"{name}={written(value, source.names)}" for name, value in source.named.items()]
    parts += [f"at={told.moved()!r}"] if told.moved() else []
    parts += [f"seed={told.seed}"] if told.seed != SEED.value else []
    return f"explore({', '.join(parts)})"


def written(value: Any, names: Mapping[int, str]) -> str:
    """A value as it can be typed: by its name in the user's cells, or as itself.

    >>> written(8.5, {}), written(print, {}), written(print, {id(print): "out"})
    ('8.5', 'print', 'out')
    """
    if id(value) in names and not isinstance(value, int | float | str | None):
        return names[id(value)]
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, Tensor) and value.dim() == 0:
        return repr(value.item())
    return getattr(value, "__name__", "...")


def cell(told: "Explored") -> str:
    """What the panel does now, as a cell beside that of the model."""
    subject, sites = told.subject, told.sites
    if subject is None or sites is None:
        return f"{told.source.name}  # does not run yet"
    values = [written(value, told.source.names) for value in told.args]
    seen = [each.name for each in subject.inputs[: subject.sites]]
    model = told.source.name
    if seen:
        data = ", ".join(f"{name!r}: {value}" for name, value in zip(seen, values, strict=False))
        model = f"ppl.condition({model}, data={{{data}}})"
    args = "".join(f", {value}" for value in values[subject.sites :])
    lines = [
        "import ppl_core as ppl",
        "from ppl_core import infer, optim",
        "",
        f"model = {model}",
        *_ANSWERS.get(told.method, _chain)(told, args),
    ]
    return "\n".join(lines)


def _guide(told: "Explored") -> list[str]:
    name, sites = told.setting("guide"), told.sites
    assert sites is not None
    if name == OWN:
        return [f"guide = {written(told.source.guide, told.source.names)}"]
    hidden = sites.discrete if name != TABLE else []
    start = "" if name == TABLE else ", init_loc_fn=infer.init_to_median"
    if not hidden:
        return [f"guide = infer.{name}(model{start})"]
    return [
        f"left = ppl.handlers.block(model, hide={hidden!r})",
        f"guide = infer.{name}(left{start})",
        "model = infer.config_enumerate(model)",
    ]


def _trained(told: "Explored", args: str) -> list[str]:
    work = told.workshop.trained if told.workshop is not None else None
    loss = "Trace_ELBO" if work is None else type(work.pair.loss).__name__
    nesting = f"max_plate_nesting={told.sites.depth}" if told.sites and "Enum" in loss else ""
    many = f"num_particles={told.setting('particles')}" if told.setting("particles") > 1 else ""
    settings = ", ".join(part for part in (many, nesting) if part)
    return [
        *_guide(told),
        f"svi = infer.SVI(model, guide, optim.{optimiser_code(rates(told.setting))},",
        f"                infer.{loss}({settings}), ppl.ParamStore())",
        f"run = ppl.InferenceRun(svi{args}, seed={told.seed})",
        f"print(run.advance({told.num_steps}), 'steps:', svi.params(run.snapshot.state))",
    ]


def _weighed(told: "Explored", args: str) -> list[str]:
    kind = {"importance": "Importance", "rejection": "Rejection"}[told.method]
    use, before = _proposed(told)
    site = "" if told.coordinate is None else told.coordinate.site
    mean = f"mean({site!r})" if kind == "Importance" else f"value({site!r}).double().mean(0)"
    num = told.num_steps if kind == "Importance" else max(1, told.num_steps // 10)
    return [
        *before,
        f"ppl.set_rng_seed({told.seed})",
        f"posterior = infer.{kind}(model{use}, num_samples={num}).run({args[2:]})",
        f"print(posterior.{mean}, posterior.get_log_normalizer())",
    ]


def _proposed(told: "Explored") -> tuple[str, list[str]]:
    """The guide as an argument, and the lines that make it."""
    if told.method in PROPOSE and told.setting("proposal") == "guide":
        return ", guide", [line for line in _guide(told) if not line.startswith("model")]
    return "", []


def _tempered(told: "Explored", args: str) -> list[str]:
    return [
        f"ppl.set_rng_seed({told.seed})",
        f"cloud = infer.TemperedSMC(model, num_particles={PARTICLES}).run({args[2:]})",
        "print(cloud.log_evidence, {n: v.mean(0) for n, v in cloud.samples.items()})",
    ]


def _chain(told: "Explored", args: str) -> list[str]:
    use, before = _proposed(told)
    name, warmup = ("IndependentMH", 0) if told.method == METHODS[3] else (told.method, WARMUP)
    settings = f", warmup_steps={warmup}" if warmup else use
    settings += f", trajectory_length={QUARTER}" if name == "HMC" else ""
    site = "" if told.coordinate is None else told.coordinate.site
    num = told.num_steps
    return [
        *before,
        f"kernel = infer.{name}(model{settings})",
        f"run = ppl.InferenceRun(kernel{args}, seed={told.seed})",
        "draws = []",
        f"run.advance({num + warmup}, watch=lambda at: draws.append(at.info.values[{site!r}]))",
        f"print(sum(draws[{warmup}:]) / {num})",
    ]


_ANSWERS = {
    SVI: _trained,
    "importance": _weighed,
    "rejection": _weighed,
    "SMC": _tempered,
}

"""14, inside: handlers of one's own, heard from inside of them and from outside."""

import math
from collections.abc import Callable
from inspect import signature
from typing import Any, Self

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.effects import Forward, Handler, Site, emit, settle

from ..asking import Told, explained
from ..exercise import Exercise, Formula, Slip, Values
from ..probes import FORMULA, Measured, numbers

READING = 9.5


class Ear(Handler):
    """Keeps every site that comes back, by name.

    Raises:
        Told: what came back is no settled site.
    """

    def __enter__(self) -> Self:
        self.heard: dict[str, Site] = {}
        return super().__enter__()

    def handle(self, site: Site, forward: Forward) -> Site:
        """Keep the settled site."""
        settled = forward(site)
        if not isinstance(settled, Site):
            raise Told("silent", slip=True, site=site.name)
        if settled.value is None:
            raise Told("unsettled", slip=True, site=site.name)
        self.heard[site.name] = settled
        return settled


def carefully(answer: type[Handler], ask: Callable[[], Any]) -> Any:
    """What the student's code returns.

    Raises:
        Told: it crashes, or tries to change a site.
    """
    try:
        return ask()
    except Told:
        raise
    except Exception as error:
        if str(error).startswith("a Site is never changed"):
            raise Told("changed", slip=True) from error
        raise explained(error, vars(answer).get("handle")) from error


def made(answer: Any, **settings: Any) -> Handler:
    """A handler of the student's class, another one of which has shown that it works.

    Raises:
        Told: it is no handler, or has no answer yet.
    """
    if answer is ...:
        raise Told("blank")
    if isinstance(answer, Handler):
        raise Told("instance", slip=True)
    if not (isinstance(answer, type) and issubclass(answer, Handler)):
        raise Told("no_handler", slip=True)
    if answer.handle is Handler.handle:
        raise Told("no_handle", slip=True)
    if list(signature(answer.handle).parameters)[1:] != ["site", "forward"]:
        raise Told("arguments", slip=True)

    site, met = Site("sample", "weight", dist.Normal(8.5, 1.0)), list[Site]()

    class Meeting(answer):
        def handle(self, site: Site, forward: Forward) -> Site:
            met.append(site)
            return forward(site)

    Meeting.__name__ = answer.__name__  # as errors know it

    def tried() -> Any:
        handler = Meeting(**settings)
        named = handler.__enter__()
        emit(site)
        if not met:
            raise Told("inactive", slip=True)
        handler.__exit__(None, None, None)
        emit(site)
        if len(met) > 1:
            raise Told("stays", slip=True)
        if named is not handler:
            raise Told("unnamed", slip=True)
        return answer.handle(handler, site, settle)

    if carefully(answer, tried) is ...:
        raise Told("blank")
    return answer(**settings)


def heard(
    handler: Handler, program: Callable[..., Any], *args: Any
) -> tuple[dict[str, Site], dict[str, Site]]:
    """A run with the handler around it: the sites that came back inside of it, and outside."""

    def run() -> tuple[dict[str, Site], dict[str, Site]]:
        with Ear() as outside, handler, Ear() as inside:
            program(*args)
        return inside.heard, outside.heard

    return carefully(type(handler), run)


def program(num: int) -> None:
    """A parameter, and so many `sample` statements, the last one with data."""
    ppl.param("offset", 0.0)
    for i in range(1, num):
        ppl.sample("weight" if i == 1 else f"weight_{i}", dist.Normal(8.5, 1.0))
    ppl.sample("measurement", dist.Normal(8.5, 0.75), obs=READING)


def all_heard(names: set[str], outside: dict[str, Site]) -> None:
    """Nothing was kept from those further out.

    Raises:
        Told: something was.
    """
    for name in sorted(names - outside.keys()):
        raise Told("swallowed", slip=True, site=name)


# ---- count


def counted(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """Its count after a run, and after another run with the same handler."""
    counter: Any = made(answer)
    counts: list[Any] = []
    for _ in range(2):
        inside, outside = heard(counter, program, *setting)
        all_heard(set(inside), outside)
        counts.append(carefully(answer, lambda: counter.num))
    return Measured(numbers(counts, 2), (FORMULA, FORMULA))


COUNT = Exercise(
    name="14.count",
    takes=(),
    parts=("num", "again"),
    right=lambda num: (num, num),
    slips=(
        Slip("went_on", lambda num: (num, 2 * num)),
        Slip("params", lambda num: (num + 1, num + 1)),
        Slip("params", lambda num: (num + 1, 2 * (num + 1))),
        Slip("latent", lambda num: (num - 1, num - 1)),
        Slip("latent", lambda num: (num - 1, 2 * (num - 1))),
        Slip("never", lambda num: (0, 0)),
        Slip("last", lambda num: (1, 1)),
    ),
    settings=((3,), (2,), (7,)),
    probe=counted,
    family="14.handler",
)


# ---- hide


def hidden(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """How many statements are heard outside, once one is hidden and still settled as it should."""
    num, name = setting
    inside, outside = heard(made(answer, name=name), program, num)
    if name in outside:
        raise Told("heard", slip=True, site=name)
    all_heard(inside.keys() - {name}, outside)
    again, _ = heard(made(answer, name=name), program, num)
    value = inside[name].value.item()
    if name.startswith("weight") and value == again[name].value.item():
        raise Told("fixed", slip=True)
    if name == "measurement" and value != READING:
        raise Told("redrawn", slip=True, value=f"{value:.4g}")
    return Measured((float(len(outside)),), (FORMULA,))


HIDE = Exercise(
    name="14.hide",
    takes=(),
    parts=("num",),
    right=lambda num, name: (num,),
    slips=(),
    settings=((2, "weight"), (2, "measurement"), (4, "offset"), (4, "weight_3")),
    probe=hidden,
    family="14.handler",
)


# ---- temper


def log_normal(value: float, mean: float, sd: float) -> float:
    """Log density of a normal in nats."""
    return -0.5 * (math.log(2.0 * math.pi * sd * sd) + ((value - mean) / sd) ** 2)


def counting(shares: Callable[[float, float], tuple[float, float]]) -> Formula:
    """The log density if prior and reading count so much, of `power` and an earlier scale."""

    def density(power: float, times: float, guess: float, weight: float) -> Values:
        prior, reading = shares(power, times)
        fit = log_normal(READING, weight, 0.75)
        return (prior * log_normal(weight, guess, 1.0) + reading * fit,)

    return density


def tempered(exercise: Exercise, answer: Any, setting: tuple[Any, ...]) -> Measured:
    """The log density of a scale whose reading counts `times` already."""
    power, times, guess, weight = setting

    def scale(guess: float) -> None:
        weight = ppl.sample("weight", dist.Normal(guess, 1.0))
        with ppl.handlers.scale(scale=times):
            ppl.sample("measurement", dist.Normal(weight, 0.75), obs=READING)

    handler = made(answer, power=power)
    inside, outside = heard(handler, scale, guess)
    all_heard(set(inside), outside)
    density = carefully(
        answer, lambda: float(ppl.log_density(handler(scale), {"weight": weight}, guess))
    )
    return Measured((density,), (FORMULA,))


TEMPER = Exercise(
    name="14.temper",
    takes=(),
    parts=("density",),
    right=counting(lambda power, times: (1.0, power * times)),
    slips=(
        Slip("late", counting(lambda power, times: (1.0, times))),
        Slip("all", counting(lambda power, times: (power, power * times))),
        Slip("all", counting(lambda power, times: (power, power))),
        Slip("turned", counting(lambda power, times: (power, times))),
        Slip("overwritten", counting(lambda power, times: (1.0, power))),
        Slip("divided", counting(lambda power, times: (1.0, times / power))),
        Slip("added", counting(lambda power, times: (1.0, power + times))),
    ),
    settings=((0.5, 1.0, 8.5, 9.0), (0.25, 3.0, 7.2, 8.0), (2.0, 2.0, 10.0, 9.3)),
    probe=tempered,
    family="14.handler",
)


EXERCISES = (COUNT, HIDE, TEMPER)

"""A program of somebody's own, as a panel needs it: one function of plain values, and its inputs.

Inputs are the arguments of the model, by its signature, and the sites that are conditioned on a
single number: each is a control, or a value that is passed on. The function takes all of them in
one row, so that a moved slider is another argument and never another program.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch

from ppl_core.effects import Handled
from ppl_core.errors import ModelError, suggestion
from ppl_core.handlers import Trace, condition, trace, uncondition
from ppl_core.inspect import check_signature

from ..scenarios import Control, ControlError
from ..text import listed, say
from .abbreviations import NOTHING, Input, annotated, as_input
from .guard import counted, limited

Program = Callable[..., Any]
KINDS = inspect.Parameter


class Subject:
    """A model, its guide if there is one, and their inputs.

    Args:
        model: the program, conditioned or not.
        guide: of the user's own; None for one that is made.
        given: arguments of the model, as values or abbreviations.
        named: the same by name; a name that is no argument is a site to condition on.

    Attributes:
        inputs: conditioned sites first, then arguments.
        sites: how many of the inputs are conditioned sites.

    Raises:
        ModelError: it is no program, or asks for an argument that is not given.
        ControlError: a name is neither an argument nor a site, or an abbreviation means nothing.
        Exception: whatever the program raises on its first run.
    """

    def __init__(
        self,
        model: Program,
        guide: Program | None,
        given: tuple[Any, ...],
        named: Mapping[str, Any],
    ):
        for who, program in (("model", model), ("guide", guide)):
            if program is not None and not callable(program):
                raise ModelError(say(f"explore.no_{who}", given=repr(program)[:60]))
        self.own_model, self.own_guide = model, guide
        self.name = name_of(model)
        self._parameters = _parameters(model)
        arguments = list(self._arguments(given, named))
        rest = {name: v for name, v in named.items() if name not in _names(self._parameters)}
        self._bare, fixed, self._strict = _without_numbers(model)
        found = {name: as_input(name, value) for name, value in (fixed | rest).items()}
        self.sites = len(found)
        self.inputs: tuple[Input, ...] = (*found.values(), *arguments)
        self._positional = sum(1 for each in arguments if each.name not in self._keywords)
        if rest:
            self._check_sites(rest)

    # ---- what a panel asks

    @property
    def controls(self) -> list[Control]:
        """The inputs that are controls, in the order of the signature."""
        return [each.control for each in self.inputs if each.control is not None]

    def args(self, settings: Mapping[str, Any]) -> tuple[Any, ...]:
        """The arguments of `model` and `guide` where the controls stand so."""
        return tuple(each.at(settings) for each in self.inputs)

    def model(self, *values: Any) -> Any:
        """The model, conditioned, as a function of all inputs in their order."""
        seen = dict(zip(self._site_names, values, strict=False))
        args, kwargs = self._called(values)
        with counted():
            if not seen:
                return self._bare(*args, **kwargs)
            with condition(data=seen, strict=self._strict):
                return self._bare(*args, **kwargs)

    def handled(self, values: tuple[Any, ...]) -> tuple[Program, tuple[Any, ...], dict[str, Any]]:
        """The model with its handlers in sight, and the arguments that it is called with."""
        seen = dict(zip(self._site_names, values, strict=False))
        args, kwargs = self._called(values)
        return (condition(self._bare, data=seen) if seen else self._bare), args, kwargs

    def guide(self, *values: Any) -> Any:
        """The user's guide as a function of all inputs."""
        assert self.own_guide is not None
        args, kwargs = self._called(values)
        with counted():
            return self.own_guide(*args, **kwargs)

    def check_signatures(self, settings: Mapping[str, Any]) -> None:
        """One clear error where the guide does not take what the model takes.

        Raises:
            GuideError: it does not.
        """
        if self.own_guide is not None:
            args, kwargs = self._called(self.args(settings))
            check_signature(self.own_model, self.own_guide, args, dict(kwargs))

    # ---- how it comes about

    @property
    def _site_names(self) -> list[str]:
        return [each.name for each in self.inputs[: self.sites]]

    @property
    def _keywords(self) -> list[str]:
        return [p.name for p in self._parameters if p.kind is KINDS.KEYWORD_ONLY]

    def _called(self, values: tuple[Any, ...]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A row of inputs as the model is called with them."""
        own = values[self.sites :]
        names = [each.name for each in self.inputs[self.sites :]]
        keywords = dict(zip(names[self._positional :], own[self._positional :], strict=False))
        return own[: self._positional], keywords

    def _arguments(self, given: tuple[Any, ...], named: Mapping[str, Any]) -> Iterator[Input]:
        """An input for each parameter: given by place, by name, by annotation or by default."""
        left = list(given)
        for parameter in self._parameters:
            name = parameter.name
            default = parameter.default
            if parameter.kind is KINDS.VAR_POSITIONAL:
                yield from (as_input(f"{name}[{k}]", value) for k, value in enumerate(left))
                left = []
            elif left and parameter.kind is not KINDS.KEYWORD_ONLY:
                yield as_input(name, left.pop(0), default)
            elif name in named:
                yield as_input(name, named[name], default)
            else:
                found = annotated(name, parameter.annotation, default)
                if found is NOTHING:
                    raise ModelError(say("explore.missing", model=self.name, argument=repr(name)))
                yield as_input(name, found, default)
        if left:
            takes, got = len(self._parameters), str(len(given))
            raise ModelError(say("explore.too_many", model=self.name, takes=str(takes), given=got))

    def _check_sites(self, named: Mapping[str, Any]) -> None:
        """Every name that is no argument has to be a site of the model.

        Raises:
            ControlError: one is not.
        """
        start = {each.name: each.value for each in self.controls}
        with limited(), torch.random.fork_rng(devices=[]), torch.no_grad(), counted():
            args, kwargs = self._called(self.args(start))
            sites: Trace
            with trace() as sites:
                self._bare(*args, **kwargs)
        known = [site.name for site in sites.samples()]
        for name in named:
            if name not in known:
                names = [*_names(self._parameters), *known]
                parts = {"given": repr(name), "suggestion": suggestion(name, names)}
                said = say("explore.unknown", **parts, names=listed(names, say("list.and")))
                raise ControlError(said)


def name_of(program: Any) -> str:
    """What a program is called: its own name, or its class's."""
    return getattr(program, "__name__", type(program).__name__)


def _names(parameters: list[inspect.Parameter]) -> list[str]:
    return [p.name for p in parameters if p.kind is not KINDS.VAR_POSITIONAL]


def _parameters(model: Program) -> list[inspect.Parameter]:
    """The parameters of a model; those of `forward` where it is a network."""
    try:
        found = list(inspect.signature(model).parameters.values())
        loose = all(p.kind in (KINDS.VAR_POSITIONAL, KINDS.VAR_KEYWORD) for p in found)
        if found and loose and hasattr(model, "forward"):
            found = list(inspect.signature(model.forward).parameters.values())  # type: ignore[attr-defined]
    except (TypeError, ValueError):
        return [KINDS("args", KINDS.VAR_POSITIONAL)]
    return [parameter for parameter in found if parameter.kind is not KINDS.VAR_KEYWORD]


def _without_numbers(model: Program) -> tuple[Program, dict[str, Any], bool]:
    """A model without its conditions on single numbers, these numbers, and whether all must fit.

    What lies under an `uncondition` is not looked at: there the data counts for nothing.
    """
    if not isinstance(model, Handled) or isinstance(model.handler, uncondition):
        return model, {}, True
    inner, found, strict = _without_numbers(model.fn)
    handler = model.handler
    if not isinstance(handler, condition):
        return (model if not found else Handled(handler, inner)), found, strict
    single = {n: v for n, v in handler.data.items() if as_input(n, v).control is not None}
    left = {name: value for name, value in handler.data.items() if name not in single}
    if left:
        inner = condition(inner, data=left, strict=handler.strict)
    return inner, found | single, strict and handler.strict

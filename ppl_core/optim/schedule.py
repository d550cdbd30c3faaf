"""Torch's learning rate schedules, on top of any rule.

A schedule needs only an optimiser's settings to work on. It is given them on a stage of its own,
one for each parameter, and the rule reads the settings as the schedule has left them there.
"""

from collections.abc import Callable, Mapping
from copy import copy
from typing import Any

import torch
from torch import Tensor

from ..errors import ParamError
from . import rules
from .adapter import adapted
from .optimizer import Optimizer, Settings, State


class PyroLRScheduler(Optimizer):
    """An optimiser whose settings follow one of torch's schedules, one move per `step()`.

    Args:
        scheduler_constructor: class of `torch.optim.lr_scheduler`, or a function from an optimiser
            to a scheduler.
        optim_args: `"optimizer"` (a class of `torch.optim` or of this package, or an optimiser of
            this package), `"optim_args"` for it, and the schedule's own arguments.
        clip_args: as every optimiser's.

    Raises:
        ParamError: there is no optimiser, or torch refuses the schedule's arguments.

    >>> from ppl_core.optim import Adam, ExponentialLR
    >>> optim = ExponentialLR({"optimizer": Adam, "optim_args": {"lr": 0.1}, "gamma": 0.5})
    >>> optim.settings("a")["lr"]
    0.1
    >>> optim.step()
    >>> optim.settings("a")["lr"]
    0.05
    """

    def __init__(
        self,
        scheduler_constructor: Callable[..., Any],
        optim_args: Settings,
        clip_args: Settings | None = None,
    ):
        name = getattr(scheduler_constructor, "__name__", "PyroLRScheduler")
        if not isinstance(optim_args, Mapping) or "optimizer" not in optim_args:
            raise ParamError(
                f'{name}: give it an optimiser, such as {{"optimizer": Adam, "optim_args": '
                f'{{"lr": 0.01}}, ...}}, got {optim_args!r}'
            )
        own = {key: it for key, it in optim_args.items() if key not in ("optimizer", "optim_args")}
        self._constructor, self._arguments = scheduler_constructor, own
        self._stages: dict[str, tuple[_Stage, Any]] = {}
        self._inner = _optimizer(optim_args["optimizer"], optim_args.get("optim_args"), clip_args)
        self._inner.settings = self.settings
        super().__init__(optim_args, self._inner.clip_args)
        self.settings("")  # so that wrong arguments are known at once
        self._stages.clear()

    def _complete(self, given: Settings) -> dict[str, Any]:
        return dict(given)  # the stages hold the settings

    def settings(self, name: str) -> dict[str, Any]:
        """The settings for one parameter, as the schedule has them now."""
        return self._stage(name)[0].now

    def _stage(self, name: str) -> tuple["_Stage", Any]:
        if name not in self._stages:
            stage = _Stage(type(self._inner).settings(self._inner, name))
            try:
                schedule = self._constructor(stage, **self._arguments)
            except (TypeError, ValueError, KeyError) as error:
                raise ParamError(f"{type(self).__name__}: {error}") from None
            stage.read()
            self._stages[name] = stage, schedule
        return self._stages[name]

    def step(self, *args: Any, **kwargs: Any) -> None:
        """Move the schedule of every parameter that has been updated; arguments go to torch's."""
        for stage, schedule in self._stages.values():
            stage.step()
            schedule.step(*args, **kwargs)
            stage.read()

    def init(self, value: Tensor) -> State:
        """As the optimiser's."""
        return self._inner.init(value)

    def update(
        self,
        values: Mapping[str, Tensor],
        grads: Mapping[str, Tensor],
        states: Mapping[str, State],
    ) -> tuple[dict[str, Tensor], dict[str, State]]:
        """As the optimiser's, with the settings of now."""
        result = self._inner.update(values, grads, states)
        self.states = result[1]
        return result

    def get_state(self) -> dict[str, Any]:
        """What the newest update left, and where each schedule is."""
        return {
            name: {
                "state": state,
                "schedule": self._stage(name)[1].state_dict(),
                "settings": self._stage(name)[0].now,
            }
            for name, state in self.states.items()
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self.states = {name: part["state"] for name, part in state.items()}
        self._inner.set_state(self.states)
        for name, part in state.items():
            stage, schedule = self._stage(name)
            schedule.load_state_dict(part["schedule"])
            stage.param_groups[0].update(part["settings"])
            stage.read()

    def __getstate__(self) -> Any:
        return self._constructor, self.optim_args, self.clip_args, self.get_state()

    def __setstate__(self, state: Any) -> None:
        PyroLRScheduler.__init__(self, *state[:3])
        self.set_state(state[3])


class _Stage(torch.optim.Optimizer):
    """An optimiser to torch's schedules: one set of settings, and a step that does nothing.

    It is not made by torch's `__init__`, which needs seconds at its first use.
    """

    def __init__(self, settings: Mapping[str, Any]):
        self.defaults, self.state = dict(settings), {}  # pyright: ignore
        self.param_groups = [{"params": [], **settings}]
        self.read()

    def read(self) -> None:
        """Keep the settings as they stand now, apart from what the schedule keeps beside them."""
        self.now = {name: self.param_groups[0][name] for name in self.defaults}

    def step(self, closure: Any = None) -> None:  # pyright: ignore
        """Nothing moves; torch's schedules only ask that a step came before theirs."""


def _optimizer(given: Any, optim_args: Any, clip_args: Any) -> Optimizer:
    """An optimiser of this package, from whatever names one."""
    if isinstance(given, Optimizer):
        return copy(given)
    if isinstance(given, type) and issubclass(given, Optimizer):
        return given(optim_args, clip_args)
    if isinstance(given, type) and issubclass(given, torch.optim.Optimizer):
        kind = getattr(rules, given.__name__, None) or adapted(given)
        return kind(optim_args, clip_args)
    raise ParamError(f"optimizer: a class such as ppl_core.optim.Adam is needed, got {given!r}")


def scheduled(torch_class: Any) -> type[PyroLRScheduler]:
    """Torch's schedule class with Pyro's face."""
    name = torch_class.__name__

    def start(self: Any, optim_args: Settings, clip_args: Settings | None = None) -> None:
        PyroLRScheduler.__init__(self, torch_class, optim_args, clip_args)

    doc = f"An optimiser under `torch.optim.lr_scheduler.{name}`: see `PyroLRScheduler`."
    members = {"__init__": start, "__doc__": doc, "__module__": __package__}
    return type(name, (PyroLRScheduler,), members)

"""What a panel asks of a session and of its figures, whichever they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from ppl_widgets.scenarios import Control


class Topic(Protocol):
    """What a session is about."""

    @property
    def name(self) -> str:
        """Of its plots."""
        ...

    @property
    def title(self) -> str:
        """The heading."""
        ...

    @property
    def controls(self) -> tuple[Control, ...]:
        """What a reader may change, in the order of the screen."""
        ...


class Shown(Protocol):
    """A session, as `Session` and `Drawing` are: a panel without its face.

    Attributes:
        act: what a step does, "train" or "draw": the buttons' help says so.
    """

    act: str
    seed: int
    num_steps: int
    version: int
    stage_version: int
    error: str | None

    @property
    def scenario(self) -> Topic: ...
    @property
    def controls(self) -> Mapping[str, Any]: ...
    @property
    def status(self) -> str: ...
    @property
    def step(self) -> int: ...
    def due(self) -> float: ...
    def play(self) -> None: ...
    def pause(self) -> None: ...
    def set(self, name: str, value: Any) -> bool: ...
    def advance(self, budget_ms: float, num_steps: int | None = None) -> int: ...
    def run(self, num_steps: int) -> int: ...
    def settle(self, brief: bool = False) -> None: ...
    def reset(self, noise: Literal["same", "new"] = "same") -> None: ...
    def back(self, num_steps: int = 50) -> int: ...
    def status_line(self) -> str: ...
    def summary(self) -> str: ...
    def code(self) -> str: ...
    def copy_state(self) -> str: ...


S = TypeVar("S", contravariant=True)


class Figures(Protocol[S]):
    """The pictures of a session: `figures` is one such module, those in `views` are others."""

    @property
    def stage(self) -> Callable[[S], dict[str, dict[str, Any]]]:
        """What stands still, as plotly figures by name, the main one first."""
        ...

    @property
    def frame(self) -> Callable[[S], Mapping[str, tuple[Any, Any | Sequence[str]]]]:
        """What moves: the points of every live trace by its uid."""
        ...

    @property
    def texts(self) -> Callable[[S], dict[str, str]]:
        """What is written beside the pictures."""
        ...

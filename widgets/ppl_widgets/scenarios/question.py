"""A question that is answered by many draws: how they are made, and what they are laid over."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ppl_core.runs import Kernel

from .axis import Axis, Range
from .control import Control, spoken
from .scenario import Controls

Columns = Mapping[str, np.ndarray]
"""Name -> (draws,): a table with a row for each draw."""

NUM = "num"
"""The control that says how many draws a press of Play grants."""


def num_control(num: int) -> Control:
    """How many draws are made, in the drawer."""
    return spoken(NUM, num, 1, 10_000, 100, "int", drawer=True)


@dataclass(frozen=True)
class Question:
    """A program that is run again and again, its controls, and what its draws are compared with.

    Args:
        name: of its plots.
        panel: the class that shows it, for the line that rebuilds a panel.
        title: the heading.
        controls: what a reader may change, in the order of the screen; one of them is `NUM`.
        inputs: controls that the draws depend on; the others only change how they are looked at.
        staging: controls that change what stands still in the plots.
        start: draws that are there before anybody presses Play.
        kernel: controls -> the algorithm that draws.
        args: controls -> its arguments.
        read: (controls, the kernel's info) -> the rows of one step.
        axes: plot axis -> its range.
        reach: controls -> what each axis has to hold.
        tell: (controls, draws) -> draws and exact answer in a few short sentences.
        code: (controls, seed) -> the program behind the panel as a cell.
    """

    name: str
    panel: str
    title: str
    controls: tuple[Control, ...]
    inputs: tuple[str, ...]
    kernel: Callable[[Controls], Kernel]
    args: Callable[[Controls], tuple[Any, ...]]
    read: Callable[[Controls, Any], Columns]
    axes: Mapping[str, Axis]
    reach: Callable[[Controls], dict[str, Range]]
    tell: Callable[[Controls, Columns], str]
    code: Callable[[Controls, int], str]
    staging: tuple[str, ...] = ()
    start: int = 1000

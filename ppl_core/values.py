"""What a program may be given as a value, and whether it is checked.

Numbers, arrays and lists become tensors of torch's default dtype. Checks of arguments, values and
shapes are on by default in every thread; what repeats one step many times switches them off after
the first, which has proved what they ask.
"""

import threading
from collections.abc import Generator
from contextlib import contextmanager
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import Tensor


def as_value(value: Any) -> Tensor:
    """A number, array or list as a tensor; tensors pass. Real numbers get torch's default dtype.

    >>> as_value(9.5)
    tensor(9.5000)
    >>> as_value([1, 2])
    tensor([1, 2])
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, list | tuple) and any(isinstance(part, Tensor) for part in value):
        return torch.stack([as_value(part) for part in value])
    if isinstance(value, np.ndarray):
        value = np.array(value, order="C")  # a copy: later changes of the array do not reach us
    tensor = torch.as_tensor(value)
    return tensor.to(torch.get_default_dtype()) if tensor.is_floating_point() else tensor


def as_real(value: Any) -> Tensor:
    """As `as_value`, and whole numbers become real ones.

    >>> as_real(3)
    tensor(3.)
    """
    tensor = as_value(value)
    return tensor if tensor.is_floating_point() else tensor.to(torch.get_default_dtype())


_ORDINARY = (Tensor, float, int)


def welcome(argument: Any) -> Any:
    """A distribution's argument: arrays and lists of numbers become real tensors."""
    if isinstance(argument, _ORDINARY):
        return argument
    if isinstance(argument, (np.ndarray, np.generic)):
        return as_real(argument)
    if isinstance(argument, list) and argument:
        first = argument
        while isinstance(first, list) and first:
            first = first[0]
        return as_real(argument) if isinstance(first, Number | Tensor) else argument
    return argument


class _Checks(threading.local):
    on = True


_checks = _Checks()


def validation_enabled() -> bool:
    """Whether this thread checks arguments, values and shapes."""
    return _checks.on


def enable_validation(on: bool = True) -> None:
    """Switch the checks of this thread on or off."""
    _checks.on = on


@contextmanager
def validation(on: bool) -> Generator[None]:
    """Checks on or off inside the block."""
    before, _checks.on = _checks.on, on
    try:
        yield
    finally:
        _checks.on = before

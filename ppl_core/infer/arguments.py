"""Arguments of programs as inputs of recordings, so that others may take their place."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from ..compiled import Identity, NoIdentity
from ..effects import is_handled


def named(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments by the names that inputs of a recording have.

    >>> named((8.5,), {"width": 2})
    {'argument 0': 8.5, 'argument width': 2}
    """
    return {f"argument {key}": value for key, value in [*enumerate(args), *kwargs.items()]}


def as_tensors(given: Any) -> Any:
    """Arguments whose numbers are tensors, so that they may change without a new recording."""
    if isinstance(given, dict):
        return {key: _as_tensor(value) for key, value in given.items()}
    return tuple(map(_as_tensor, given))


def _as_tensor(value: Any) -> Any:
    return torch.tensor(value) if type(value) is float else value


def distinct(data: Mapping[str, Any]) -> dict[str, Tensor]:
    """The tensors among them, each in memory of its own."""
    seen: dict[int, str] = {}
    tensors = {name: it for name, it in data.items() if isinstance(it, Tensor)}
    for name, tensor in tensors.items():
        seen.setdefault(_memory(tensor), name)
    return {name: tensors[name] for name in seen.values()}


def places(data: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """How each tensor among them lies in its memory."""
    return [(name, *_place(it)) for name, it in data.items() if isinstance(it, Tensor)]


def _place(tensor: Tensor) -> tuple[Any, ...]:
    size = tensor.untyped_storage().nbytes()
    shape = tuple(tensor.shape), tensor.stride(), tensor.storage_offset()
    return *shape, size, tensor.dtype, tensor.requires_grad


def identity(things: Sequence[Any], inputs: Mapping[str, Tensor]) -> Identity | None:
    """What a recording depends on beside its inputs; None if that cannot be told.

    Args:
        things: programs, losses, arguments that are no inputs.
        inputs: tensors that may change from call to call; where a program refers to one of them by
            another way too, nothing can be told.
    """
    try:
        found = Identity(*things)
    except NoIdentity:
        return None
    own = {_memory(tensor) for tensor in inputs.values()}
    return None if is_handled() or own & {_memory(it) for it in found.tensors} else found


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata

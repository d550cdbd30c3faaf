"""Trees of tensors and plain values in one safetensors file. Unlike a pickle, it cannot run code.

A tree is made of dicts, lists, tuples, tensors, numbers, texts and None. Its tensors are the file's
tensors; its form is JSON in the file's header, so any safetensors reader shows what is inside.
"""

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from .errors import ParamError

FileName = str | os.PathLike[str]
_KEY = "ppl_core"
_PLAIN = (bool, int, float, str, type(None))


def save_tree(filename: FileName, tree: Any) -> None:
    """Write a tree to a file, in place of what was there.

    Raises:
        ParamError: something in the tree is neither a tensor nor plain; it says where.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Tensor] = {}
    form = _taken_apart(tree, (), tensors)
    save_file(tensors, filename, {_KEY: json.dumps(form)})


def load_tree(filename: FileName, map_location: Any = None) -> Any:
    """Read a tree that `save_tree` wrote.

    Args:
        filename: of the file.
        map_location: a device for all tensors; by default the one each was saved from.

    Raises:
        ParamError: the file is something else.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(filename, framework="pt") as file:
            form = json.loads((file.metadata() or {})[_KEY])
            return _put_together(form, file.get_tensor, map_location)
    except (SafetensorError, KeyError):
        raise ParamError(
            f"{os.fspath(filename)!r} is no file that save() of this package wrote. (Pyro's files "
            f"are pickles, which could run anything; read one with Pyro and save its values here.)"
        ) from None


def _taken_apart(tree: Any, path: tuple[Any, ...], tensors: dict[str, Tensor]) -> Any:
    """The tree as JSON can say it; its tensors go to `tensors`."""
    if isinstance(tree, _PLAIN):
        return tree
    if isinstance(tree, Tensor):
        key = "/".join(map(str, path)) or "value"
        while key in tensors:
            key += "'"
        tensors[key] = tree.detach().to("cpu", copy=True).contiguous()
        return ["tensor", key, str(tree.device)]
    if isinstance(tree, Mapping):
        return ["dict", [[k, _taken_apart(v, (*path, k), tensors)] for k, v in tree.items()]]
    if isinstance(tree, list | tuple):
        kind = "list" if isinstance(tree, list) else "tuple"
        return [kind, [_taken_apart(v, (*path, i), tensors) for i, v in enumerate(tree)]]
    where = ".".join(map(str, path))
    raise ParamError(f"cannot save {where}: {tree!r} is neither a tensor nor a plain value")


def _put_together(form: Any, tensor: Callable[[str], Tensor], map_location: Any) -> Any:
    if not isinstance(form, list):
        return form
    kind, parts = form[0], form[1]
    if kind == "tensor":
        device = torch.device(form[2] if map_location is None else map_location)
        return tensor(parts).to(device)
    if kind == "dict":
        return {key: _put_together(part, tensor, map_location) for key, part in parts}
    items = [_put_together(part, tensor, map_location) for part in parts]
    return items if kind == "list" else tuple(items)

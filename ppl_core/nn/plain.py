"""Plain torch modules: their parameters, registered as `param` statements."""

from typing import Any

from torch import Tensor, nn

from ..errors import ModelError, ParamError
from ..params import get_param_store
from ..primitives import param


def module(name: str, nn_module: nn.Module, update_module_params: bool = False) -> nn.Module:
    """Register the parameters of a torch module as `param` statements "name$$$path.of.parameter".

    Parameters that need no gradient stay out of it.

    Args:
        name: of the module, unique in the program.
        nn_module: the module; its tensors become the leaves that training moves.
        update_module_params: where the store already holds other values under these names (loaded
            from a file, say), take them over into the module.

    Returns:
        The module, or where a handler answers a parameter with another value (`lift`,
        `substitute`), a copy that computes with it.

    Raises:
        ModelError: nn_module is not a module, or the name has a "$$$".
        ParamError: the store holds other values, and update_module_params is off.
    """
    if not isinstance(nn_module, nn.Module):
        hint = f" Make one: {nn_module.__name__}(...)." if isinstance(nn_module, type) else ""
        raise ModelError(f"module {name!r}: a torch.nn.Module is needed, got {nn_module!r}.{hint}")
    if "$$$" in name:
        raise ModelError(f"module {name!r}: \"$$$\" parts the module's name from its parameters'")
    store, given = get_param_store(), {}
    for path, parameter in nn_module.named_parameters():
        if not parameter.requires_grad:
            continue
        full_name = f"{name}$$${path}"
        value = param(full_name, parameter)
        if value is parameter:
            continue
        if full_name not in store or value is not store.unconstrained(full_name):
            given[id(parameter)] = value
            continue
        if not update_module_params:
            raise ParamError(
                f"module {name!r}: the store holds another value of {full_name!r}, from a file or "
                f"from another module. Take it over with module({name!r}, ..., "
                f"update_module_params=True), or forget it with clear_param_store()."
            )
        check_shape(full_name, value, parameter)
        parameter.data = value.data
        store.adopt(full_name, parameter)
    return _filled(nn_module, given) if given else nn_module


def check_shape(full_name: str, known: Tensor, own: Tensor) -> None:
    """Raise unless the store's leaf and the module's own have one shape."""
    if known.shape != own.shape:
        raise ParamError(
            f"parameter {full_name!r}: its shape is {tuple(own.shape)} here, but "
            f"{tuple(known.shape)} in the store, from another module of this name. Give one of "
            f"them another name, or forget the old one with clear_param_store()."
        )


def _filled(plain: nn.Module, given: dict[int, Tensor]) -> nn.Module:
    """A copy of a module that computes with given tensors in place of some parameters."""
    twin: Any = object.__new__(type(plain))
    parts = vars(plain)
    vars(twin).update(
        parts,
        _parameters={key: given.get(id(it), it) for key, it in parts["_parameters"].items()},
        _modules={
            key: None if it is None else _filled(it, given) for key, it in parts["_modules"].items()
        },
    )
    if "_flat_weights" in parts:  # a recurrent network's list of all its weights
        vars(twin)["_flat_weights"] = [getattr(twin, key) for key in twin._flat_weights_names]
    return twin

"""PyroModule: a torch module whose attributes may be parameters and random variables by name."""

import copyreg
from collections.abc import Callable, Iterator
from functools import wraps
from operator import getitem
from typing import Any

from torch import Tensor, nn
from torch.nn import Parameter

from ..distributions import constraints, transform_to
from ..errors import ModelError
from ..params import ParamStore, get_param_store
from ..primitives import deterministic, param, sample
from .attributes import Context, PyroParam, PyroSample
from .plain import check_shape, module

_LEAF = "_unconstrained"  # where a PyroParam keeps its leaf: beside it, under this ending


class _Mixing(type):
    """Gives `PyroModule[nn.Linear]`: torch's class with `PyroModule` mixed in."""

    _made: dict[type, Any] = {}  # noqa: RUF012

    def __getitem__(cls, module_class: type) -> Any:
        if not isinstance(module_class, type) or not issubclass(module_class, nn.Module):
            raise TypeError(
                f"PyroModule[...] takes a class of torch.nn, as in PyroModule[nn.Linear](2, 1), "
                f"got {module_class!r}"
            )
        if issubclass(module_class, PyroModule):
            return module_class
        if module_class is nn.Module:
            return PyroModule
        if module_class not in _Mixing._made:
            bases = [PyroModule[b] for b in module_class.__bases__ if issubclass(b, nn.Module)]
            members: dict[str, Any] = {"_pyro_mixed": module_class, "__doc__": module_class.__doc__}
            if module_class is nn.RNNBase:
                members["_flat_weights"] = property(_flat_weights, lambda self, value: None)
            elif module_class in (nn.Sequential, nn.ModuleList):
                members.update(__iter__=_children, __getitem__=_child)
            name = "Pyro" + module_class.__name__
            _Mixing._made[module_class] = _Mixing(name, (module_class, *bases), members)
        return _Mixing._made[module_class]


def _class_in_pickle(cls: Any) -> Any:
    mixed = vars(cls).get("_pyro_mixed")
    return cls.__qualname__ if mixed is None else (getitem, (PyroModule, mixed))


copyreg.pickle(_Mixing, _class_in_pickle)  # pyright: ignore[reportArgumentType]


def _flat_weights(self: Any) -> list[Tensor]:
    return [getattr(self, name) for name in self._flat_weights_names]


def _children(self: Any) -> Iterator[nn.Module]:
    return (getattr(self, name) for name in self._modules)


def _child(self: Any, index: Any) -> nn.Module:
    names = list(self._modules)[index]
    if isinstance(names, str):
        return getattr(self, names)
    return type(self)._pyro_mixed().extend(getattr(self, name) for name in names)


class PyroModule(nn.Module, metaclass=_Mixing):
    """A torch module whose parameters are `param` and whose random attributes `sample` statements.

    Statements are made where an attribute is read inside a call of the module (or of a method under
    `pyro_method`), at most one draw per attribute and call, under the name of the attribute's path
    from the outermost module: "layer.weight". Outside a call, attributes are plain values.

    `PyroModule[nn.Linear]` is `nn.Linear` as a PyroModule; `to_pyro_module_` converts an instance.
    Plain modules inside are registered as by `module`. Where the store already holds a parameter of
    a name, the module takes it over: two modules of one name share their parameters.

    Args:
        name: put in front of all names; of the outermost module only.
    """

    def __init__(self, name: str = ""):
        vars(self).update(_pyro_state(name))
        super().__init__()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self._pyro_context:
            return super().__call__(*args, **kwargs)

    # ---- reading an attribute

    def __getattr__(self, name: str) -> Any:
        if name in vars(self).get("_pyro_params", ()):
            return self._pyro_param(name)
        if name in vars(self).get("_pyro_samples", ()):
            return self._pyro_sample(name, self._pyro_samples[name])
        value = super().__getattr__(name)
        context = vars(self).get("_pyro_context")
        if context is None or not context.calls.depth:
            return value
        if isinstance(value, Parameter):
            ours = name.removesuffix(_LEAF) in self._pyro_params
            return self._pyro_stated(name, name) if value.requires_grad and not ours else value
        if isinstance(value, nn.Module) and not isinstance(value, PyroModule):
            return module(self._pyro_full_name(name), value, update_module_params=True)
        return value

    def _pyro_full_name(self, name: str) -> str:
        return f"{self._pyro_name}.{name}" if self._pyro_name else name

    def _pyro_param(self, name: str) -> Tensor:
        constraint, event_dim = self._pyro_params[name]
        if self._pyro_context.calls.depth:
            return self._pyro_stated(name, name + _LEAF, constraint, event_dim)
        return transform_to(constraint)(self._parameters[name + _LEAF])

    def _pyro_stated(
        self, name: str, key: str, constraint: Any = constraints.real, event_dim: int | None = None
    ) -> Tensor:
        """A `param` statement, once module and store hold the same leaf."""
        store, full_name, own = get_param_store(), self._pyro_full_name(name), self._parameters[key]
        if full_name not in store:
            store.adopt(full_name, own, constraint)  # pyright: ignore[reportArgumentType]
        else:
            leaf = store.unconstrained(full_name)
            if leaf is not own:
                check_shape(full_name, leaf, own)  # pyright: ignore[reportArgumentType]
                if not isinstance(leaf, Parameter):
                    leaf = store.adopt(full_name, Parameter(leaf.detach()), constraint)
                self._parameters[key] = leaf  # pyright: ignore[reportArgumentType]
        return param(full_name, constraint=constraint, event_dim=event_dim)

    def _pyro_sample(self, name: str, prior: Any) -> Any:
        calls, full_name = self._pyro_context.calls, self._pyro_full_name(name)
        if calls.depth and full_name in calls.values:
            return calls.values[full_name]
        fn = prior if hasattr(prior, "sample") else prior(self)
        if not calls.depth:
            return fn.sample() if hasattr(fn, "sample") else fn
        value = sample(full_name, fn) if hasattr(fn, "sample") else deterministic(full_name, fn)
        calls.values[full_name] = value
        return value

    def named_pyro_params(
        self, prefix: str = "", recurse: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Paths and constrained values of all parameters."""
        for path, part in self.named_modules(prefix=prefix) if recurse else [(prefix, self)]:
            constrained = getattr(part, "_pyro_params", {})
            for key in part._parameters:
                name = key.removesuffix(_LEAF) if key.removesuffix(_LEAF) in constrained else key
                yield f"{path}.{name}" if path else name, getattr(part, name)

    # ---- giving it a value

    def __setattr__(self, name: str, value: Any) -> None:
        special = isinstance(value, PyroParam | PyroSample | Parameter | nn.Module)
        if special and "_pyro_params" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__}.{name}: call super().__init__() before you set attributes"
            )
        if isinstance(value, PyroParam):
            self._pyro_forget(name)
            leaf = _leaf_of(name, value.init_value, value.constraint)
            self._pyro_params[name] = value.constraint, value.event_dim
            super().__setattr__(name + _LEAF, leaf)
        elif isinstance(value, PyroSample):
            self._pyro_forget(name)
            self._pyro_samples[name] = value.prior
        elif name in vars(self).get("_pyro_params", ()) and not isinstance(value, Parameter):
            leaf = _leaf_of(name, value, self._pyro_params[name][0])
            getattr(self, name + _LEAF).data = leaf.data
        else:
            if special:
                self._pyro_forget(name)
            if isinstance(value, nn.Module):
                self._pyro_name_part(name, value)
            super().__setattr__(name, value)

    def add_module(self, name: str, module: nn.Module | None) -> None:
        """Torch's: a part under a name, as `setattr` does."""
        if module is not None:
            self._pyro_name_part(name, module)
        super().add_module(name, module)

    def _pyro_name_part(self, name: str, part: nn.Module) -> None:
        """Let a part know its path; it shares the calls of the whole."""
        if isinstance(part, PyroModule):
            full_name = self._pyro_full_name(name)
            vars(part).update(_pyro_name=full_name, _pyro_context=self._pyro_context)
            for key, child in part._modules.items():
                if child is not None:
                    part._pyro_name_part(key, child)
        elif any(isinstance(inner, PyroModule) for inner in part.modules()):
            plain = type(part).__name__
            raise ModelError(
                f"{type(self).__name__}.{name} is a plain {plain} with PyroModules inside, which "
                f"would not know their names. Make it a PyroModule[nn.{plain}], or convert the "
                f"whole with to_pyro_module_."
            )

    def __delattr__(self, name: str) -> None:
        if not self._pyro_forget(name):
            super().__delattr__(name)

    def _pyro_forget(self, name: str) -> bool:
        """Delete a parameter, random attribute or part, its parameters in the store as well."""
        if self._pyro_samples.pop(name, None) is not None:
            return True
        key = name + _LEAF if self._pyro_params.pop(name, None) is not None else name
        if key not in self._parameters and key not in self._modules:
            return False
        self._parameters.pop(key, None)
        self._modules.pop(key, None)
        if self._pyro_context.used:
            store, full_name = get_param_store(), self._pyro_full_name(name)
            for known in store:
                if known == full_name or known.startswith((full_name + ".", full_name + "$$$")):
                    del store[known]
        return True


def _leaf_of(name: str, value: Any, constraint: Any) -> Parameter:
    """The unconstrained leaf of a constrained value, checked as a `param` statement would."""
    store = ParamStore()
    store.setdefault(name, value, constraint)
    return Parameter(store.unconstrained(name).detach())


def _pyro_state(name: str = "") -> dict[str, Any]:
    """What a PyroModule has in addition to a torch module."""
    return {
        "_pyro_name": name,
        "_pyro_context": Context(),
        "_pyro_params": {},
        "_pyro_samples": {},
    }


PyroModuleList = PyroModule[nn.ModuleList]


def pyro_method(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method of a `PyroModule` make statements, as calling the module does."""

    @wraps(fn)
    def method(self: PyroModule, *args: Any, **kwargs: Any) -> Any:
        with self._pyro_context:
            return fn(self, *args, **kwargs)

    return method


def to_pyro_module_(m: nn.Module, recurse: bool = True) -> None:
    """Turn a torch module, and by default all its parts, into PyroModules in place.

    >>> net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    >>> to_pyro_module_(net)
    >>> isinstance(net[0], PyroModule[nn.Linear])
    True
    """
    if not isinstance(m, nn.Module):
        raise TypeError(f"to_pyro_module_: a torch.nn.Module is needed, got {m!r}")
    mixed: Any = m
    if not isinstance(m, PyroModule):
        mixed.__class__ = PyroModule[type(m)]
        vars(m).update(_pyro_state())
    for name, part in m._modules.items():
        if part is not None:
            if recurse:
                to_pyro_module_(part)
            mixed._pyro_name_part(name, part)


def clear(mod: PyroModule) -> None:
    """Delete all parameters and parts of a module, in the store as well."""
    for name in [*mod._pyro_params, *mod._parameters, *mod._modules]:
        if name in mod._pyro_params or name in mod._parameters or name in mod._modules:
            delattr(mod, name)

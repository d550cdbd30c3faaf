"""Whether a computed tensor is an affine function of a program's latent values.

The proof walks back through the operations that autograd has recorded, and accepts only those that
are affine. It cannot see what has no derivative: an `if` is found out by a batch of runs, and
`w * (w > 0)` by probes at many values. All must agree before anything is called closed form.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from ...distributions import Normal
from ...effects import Forward, Handler, Site
from ...handlers import Trace, is_latent, replay, trace
from ...plates import Subsample
from ...values import validation

# what autograd calls them, without "Backward0"
_LINEAR = (
    "AccumulateGrad Add Sub Rsub Neg Sum Mean View Reshape ReshapeAlias UnsafeView Expand Permute "
    "Transpose T Squeeze Unsqueeze Select Slice Index IndexSelect Gather Cat Stack Split "
    "SplitWithSizes Unbind Clone ToCopy Repeat Cumsum Tril Triu Diagonal Alias Flip Roll"
)
_PRODUCTS = ("Mul", "Mm", "Mv", "Dot", "Bmm")
_SUMS_OF_PRODUCTS = ("Addmm", "Addmv", "Addbmm", "Baddbmm")


def is_affine(output: Tensor) -> bool:
    """Whether every operation between the leaves and a tensor is affine in the leaves."""
    seen: set[Any] = set()
    waiting = [output.grad_fn] if output.grad_fn is not None else []
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        inputs = [parent for parent, _ in node.next_functions]
        name = re.sub(r"(Backward\d*|Functions)$", "", node.name().rsplit("::", 1)[-1])
        varying = [parent is not None for parent in inputs]
        if name == "Div":
            allowed = not any(varying[1:])
        elif name in _PRODUCTS:
            allowed = sum(varying) <= 1
        elif name in _SUMS_OF_PRODUCTS:
            allowed = sum(varying[1:]) <= 1
        else:
            allowed = name in _LINEAR.split()
        if not allowed:
            return False
        waiting += [parent for parent in inputs if parent is not None]
    return True


class _frozen(Handler):
    """Parameters as constants."""

    def handle(self, site: Site, forward: Forward) -> Site:
        site = forward(site)
        return site.replace(value=site.value.detach()) if site.kind == "param" else site


class Program:
    """A conditioned program, to be run at given values of its latent sites.

    Args:
        model, args, kwargs: the program.

    Attributes:
        first: the record of a first run.
        latent: the latent sites of a first run, by name, in order.
    """

    def __init__(self, model: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]):
        self.model, self.args, self.kwargs = model, args, kwargs
        with torch.no_grad(), trace() as sites:
            model(*args, **kwargs)
        self.first = sites
        self.latent = {site.name: site for site in sites.samples() if is_latent(site)}

    def at(self, values: Mapping[str, Tensor]) -> Trace:
        """The record of a run at these values, in the program's own precision; gradients flow."""
        values = {name: values[name].to(site.value.dtype) for name, site in self.latent.items()}
        with validation(False), trace() as sites, _frozen(), replay(trace=values):
            self.model(*self.args, **self.kwargs)
        return sites

    def draw(self) -> dict[str, Tensor]:
        """Values of the latent sites in a run, in double precision."""
        with torch.no_grad(), validation(False), trace() as sites:
            self.model(*self.args, **self.kwargs)
        return {name: _double(sites[name].value) for name in self.latent}

    def looks_at_values(self) -> bool:
        """Whether Python itself asks for a latent value (`if w > 0`, `float(w)`).

        What follows then is hidden from autograd. A batch of runs (vmap) cannot be asked so, and
        says so.
        """
        two = {name: torch.stack([value, value]) for name, value in self.draw().items()}

        def run(values: Mapping[str, Tensor]) -> Tensor:
            self.at(values)
            return torch.zeros(())

        try:
            with torch.no_grad():
                torch.func.vmap(run)(two)
        except RuntimeError as error:
            return "inplace" not in str(error)
        return False

    def rounded(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Values as the program can hold them, in double precision."""
        latent = self.latent.items()
        return {name: values[name].to(site.value.dtype).double() for name, site in latent}

    def log_joint(self, values: Mapping[str, Tensor]) -> tuple[float, float]:
        """Log joint in nats, and how far rounding may have moved it."""
        total = error = 0.0
        with torch.no_grad(), validation(False):
            for site in self.at(values).samples():
                log_prob = site.log_prob
                total += log_prob.double().sum().item()
                error += torch.finfo(log_prob.dtype).eps * _roughness(site, log_prob)
        return total, 16 * error + 1e-9


def scored(sites: Trace) -> list[Site]:
    """The sites that have a density: drawn or observed, but not computed."""
    return [
        site
        for site in sites.samples()
        if not isinstance(site.fn, Subsample) and not site.infer.get("_deterministic")
    ]


def bare(fn: Any) -> tuple[Any, bool | Tensor]:
    """The distribution under `to_event` and `mask`, and the mask, over its batch_shape."""
    mask: bool | Tensor = True
    while hasattr(fn, "base_dist") and type(fn).__name__ in ("Independent", "MaskedDistribution"):
        if type(fn).__name__ == "MaskedDistribution":
            mask = fn._mask & mask
        elif isinstance(mask, Tensor):
            mask = mask.reshape(mask.shape + (1,) * fn.reinterpreted_batch_ndims)
        fn = fn.base_dist
    return fn, mask


def weights(site: Site, shape: Any) -> Tensor:
    """How often each entry of a site counts: its scale where the masks are true, else 0."""
    base, mask = bare(site.fn)
    dims = len(base.batch_shape) - len(site.fn.batch_shape)
    outer: Any = torch.as_tensor(site.scale).double()
    if site.mask is not None:
        outer = outer * torch.as_tensor(site.mask)
    outer = outer.reshape(outer.shape + (1,) * dims) if outer.dim() else outer
    return (outer * torch.as_tensor(mask)).expand(shape)


def _roughness(site: Site, log_prob: Tensor) -> float:
    """How much a log probability may move, in units of its last digit."""
    rough = log_prob.abs().double().sum().item() + log_prob.numel()
    base, _ = bare(site.fn)
    if isinstance(base, Normal):  # value - mean loses digits
        pull = (site.value - base.loc).abs() / base.scale**2
        rough += (pull * (site.value.abs() + base.loc.abs())).double().sum().item()
    return rough


def is_constant(evidence: list[tuple[float, float]]) -> bool:
    """Whether numbers that are each known up to an error may all be the same."""
    lowest = min(value + error for value, error in evidence)
    highest = max(value - error for value, error in evidence)
    return highest <= lowest


def _double(value: Tensor) -> Tensor:
    return value.detach().double() if value.is_floating_point() else value

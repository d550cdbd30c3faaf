"""Record a step: run it once as it is, and note every torch operation on the way.

The step really runs, handlers, gradients and all; nothing is traced symbolically. Each operation
passes by here after autograd has turned it into plain ones, and is written down in normal form. A
tensor is known by the memory it lies in, so views, aliases and changes in place are followed.

What would freeze a value into the recording is caught and named: a decision on a tensor (`if x >
0`), `item()`, `tolist()`, `numpy()`, an operation without a compiled form.
"""

import sys
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributions
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from ..effects import Forward, Handler, Site
from ..plates import Subsample
from ..values import validation
from . import matrices, moving, pointwise, reductions  # noqa: F401  (they fill the table)
from .draws import drawn, draws
from .forms import KEEPS_NOTHING, normal_form
from .ops import DTYPES, NotCompiled, Program, Value, View, contiguous, place_of
from .tape import Draw

HERE = str(Path(__file__).parents[1])


def record(
    step: Callable[[], Sequence[Tensor]],
    state: Mapping[str, Tensor],
    data: Mapping[str, Tensor],
) -> Program:
    """The op list of a step.

    Args:
        step: runs one step on the tensors of `state` and `data` and returns new values of the
            state, in the same order, then the loss; validation is off meanwhile.
        state: what the step changes, by name.
        data: what may differ from call to call: arguments, rates, by name.

    Returns:
        A program; tensors that the step met elsewhere (closed-over data) are data too.

    Raises:
        NotCompiled: an operation has no compiled form, or a value escapes to Python.
    """
    recorder = _Recorder()
    for role, tensors in (("state", state), ("data", data)):
        for name, tensor in tensors.items():
            recorder.know(role, tensor, name)
    before = torch.get_rng_state()
    try:
        with ExitStack() as around:
            around.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")  # arguments are tensors here that were numbers
            around.enter_context(validation(False))
            around.enter_context(_no_torch_checks())
            around.enter_context(_Rows(recorder=recorder))
            around.enter_context(_Escapes(recorder))
            around.enter_context(recorder)
            results = step()
    finally:
        torch.set_rng_state(before)
    return recorder.program.finish([recorder.view(result) for result in results])


@contextmanager
def _no_torch_checks() -> Generator[None]:
    """Torch's own distributions do not ask for values either."""
    kept = distributions.Distribution._validate_args
    distributions.Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        distributions.Distribution.set_default_validate_args(kept)


class _Recorder(TorchDispatchMode):
    """Notes every operation below autograd."""

    def __init__(self) -> None:
        super().__init__()
        self.program = Program()
        self.memory: dict[int, int] = {}  # a storage -> the value it holds now
        self.kept: list[Any] = []  # so that no storage is used twice
        self.outside: set[int] = set()  # storages that were there before
        self.asleep = False

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else torch imports its whole compiler at the first operation

    # ---- tensors and values

    def know(self, role: str, tensor: Tensor, name: str = "", draw: Draw | None = None) -> Value:
        """Memory that the step reads."""
        size = tensor.numel() if role == "state" else _extent(tensor)
        held = tensor.detach()
        if role == "constant":
            held = held.as_strided((size,), (1,), 0).clone()
        value = self.program.add_value(
            role, size, tensor.dtype, name=name, tensor=None if role == "state" else held, draw=draw
        )
        if role == "state" and (not tensor.is_contiguous() or tensor.storage_offset()):
            raise NotCompiled(f"{name} does not lie in one piece")
        self._bind(tensor, value.id)
        if role in ("state", "data"):
            self.outside.add(_storage(tensor))
        return value

    def _bind(self, tensor: Tensor, value: int) -> None:
        self.memory[_storage(tensor)] = value
        self.kept.append(tensor)

    def view(self, tensor: Tensor) -> View:
        """How a tensor reads the value that lies in its memory."""
        if tensor.device.type != "cpu" or tensor.layout != torch.strided:
            raise NotCompiled(f"a tensor on {tensor.device} or sparse has no compiled form")
        if _storage(tensor) not in self.memory:
            self.know("data", tensor, "closed over")
        value = self.memory[_storage(tensor)]
        dtype = DTYPES.get(tensor.dtype, str(tensor.dtype))
        if dtype != self.program.values[value].dtype:
            raise NotCompiled(f"the bytes of a tensor are read as {dtype}")
        return place_of(tensor, value, dtype)

    def is_constant(self, tensor: Tensor) -> bool:
        """Whether a tensor is the same in every step."""
        value = self.memory.get(_storage(tensor))
        return value is not None and self.program.values[value].role == "constant"

    # ---- operations

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        if self.asleep:
            return result
        name = func.overloadpacket.__name__
        try:
            self._note(func, name, args, kwargs, result)
        except NotCompiled as error:
            raise NotCompiled(f"{error} ({_where()})") from None
        return result

    def _note(
        self, func: Any, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any
    ) -> None:
        tensors = [a for a in _flat((args, kwargs)) if isinstance(a, Tensor)]
        results = [r for r in _flat(result) if isinstance(r, Tensor)]
        if name == "_linalg_check_errors":
            return  # a factor that fails is nan, which stops the run
        if name == "lift_fresh":  # a tensor made of Python numbers
            self.know("constant", args[0])
        elif not results and not func._schema.is_mutable:
            if not all(map(self.is_constant, tensors)):
                raise NotCompiled(
                    f"the program asks for the value of a tensor ({_ASKS.get(name, name)})"
                )
        elif draws(func):
            drawn(self, name, args, kwargs, results)
        elif func._schema.is_mutable:
            self._in_place(name, args, kwargs)
        elif results and tensors and _storage(results[0]) in set(map(_storage, tensors)):
            self.view(tensors[0])  # a view: no operation
            self.kept += results
        elif name in KEEPS_NOTHING or all(map(self.is_constant, tensors)):
            for tensor in results:
                self.know("constant", tensor)
        else:
            self._compute(name, args, kwargs, results)

    def _compute(
        self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], results: list[Tensor]
    ) -> None:
        forms = normal_form(self.program, name, results[0], *self.seen((args, kwargs)))
        for tensor, form in zip(results, forms, strict=False):
            if form is not None:
                self.hold(tensor, form)

    def hold(self, tensor: Tensor, form: View) -> None:
        """Let the memory of a tensor hold what a form computes."""
        size = self.program.values[form.value].size
        same = form.stride == contiguous(form.shape) and form.offset == 0 and form.numel == size
        if same and tensor.is_contiguous() and tensor.numel() == size == _extent(tensor):
            self._bind(tensor, form.value)
            return
        place = place_of(tensor, -1, form.dtype)
        whole = self.program.emit(
            "assemble",
            (0, form.to(tensor.shape, contiguous(tensor.shape)) if same else form),
            (_extent(tensor),),
            form.dtype,
            (place,),
        )
        self._bind(tensor, whole.value)

    def _in_place(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Write to part of a tensor's memory, or all of it: that is a new value."""
        target = args[0]
        if _storage(target) in self.outside or _storage(target) not in self.memory:
            raise NotCompiled(f"the program changes a tensor of its surroundings in place ({name})")
        base = name.rstrip("_")
        [form, *_] = normal_form(self.program, base, target, *self.seen((args, kwargs)))
        if form is None:
            raise NotCompiled(f"{name} has no compiled form")
        old = self.program.values[self.memory[_storage(target)]]
        place = place_of(target, -1, old.dtype)
        piece = form.broadcast(target.shape)
        whole = self.program.emit(
            "assemble", (self.program.whole(old), piece), (old.size,), old.dtype, (place,)
        )
        self._bind(target, whole.value)

    def seen(self, arg: Any) -> Any:
        """Arguments with their tensors as views."""
        if isinstance(arg, Tensor):
            return self.view(arg)
        if isinstance(arg, (list, tuple)):
            return type(arg)(self.seen(part) for part in arg)
        if isinstance(arg, dict):
            return {key: self.seen(part) for key, part in arg.items()}
        return arg


class _Rows(Handler):
    """The rows that a plate chooses come from the tape."""

    def __init__(self, recorder: _Recorder):
        self.recorder = recorder

    def handle(self, site: Site, forward: Forward) -> Site:
        """Draw the rows of a plate unseen by the recorder."""
        fn = site.fn
        if not isinstance(fn, Subsample) or site.value is not None:
            return forward(site)
        if fn.subsample_size == fn.size:
            return forward(site)
        self.recorder.asleep = True
        rows = fn.sample().clone()
        self.recorder.asleep = False
        count = len(rows)
        self.recorder.know("noise", rows, site.name, Draw("rows", (count,), "int64", fn.size))
        return forward(site.replace(value=rows))


class _Escapes(TorchFunctionMode):
    """Catches the ways out of torch that leave no operation behind."""

    def __init__(self, recorder: _Recorder):
        super().__init__()
        self.recorder = recorder

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        name = getattr(func, "__name__", "")
        if (
            name in _WAYS_OUT
            and not self.recorder.asleep
            and not self.recorder.is_constant(args[0])
        ):
            raise NotCompiled(f"the program takes a tensor to Python ({name}) ({_where()})")
        if name == "one_hot":  # torch's own asks whether every index is in range
            return _one_hot(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _one_hot(index: Tensor, num_classes: int = -1) -> Tensor:
    if num_classes < 0:
        raise NotCompiled("one_hot asks for the largest index; give it num_classes")
    return (index.unsqueeze(-1) == torch.arange(num_classes)).long()


_WAYS_OUT = {"tolist", "numpy", "__array__", "__dlpack__"}
_ASKS = {"_local_scalar_dense": "item, float, if", "equal": "torch.equal"}


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage()._cdata


def _extent(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes() // tensor.element_size()


def _flat(tree: Any) -> list[Any]:
    if isinstance(tree, (list, tuple)):
        return [leaf for part in tree for leaf in _flat(part)]
    if isinstance(tree, dict):
        return [leaf for part in tree.values() for leaf in _flat(part)]
    return [tree]


def _where() -> str:
    """The site that is being drawn or scored, and the line of the program."""
    frame, site, line = sys._getframe(2), "", ""
    while frame is not None and not (site and line):
        found = frame.f_locals.get("site")
        if not site and isinstance(found, Site):
            site = f"site {found.name!r}, "
        file = frame.f_code.co_filename
        if not line and not file.startswith(HERE) and "/torch/" not in file:
            line = f"{Path(file).name}:{frame.f_lineno}"
        frame = frame.f_back
    return site + line

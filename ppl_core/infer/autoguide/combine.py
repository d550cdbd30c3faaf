"""AutoGuideList: several guides, each for a part of the model; AutoCallable: one of your own."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any, Self

from torch import Tensor

from ...errors import GuideError
from ...handlers import Trace
from .guide import AutoGuide, Model, Plates


class AutoCallable(AutoGuide):
    """A guide of your own as a part of an AutoGuideList.

    Args:
        model: the conditioned program.
        guide: a program with the model's arguments; what it returns, a dict or None, is handed on.
        median: a function of the model's arguments that returns site name -> median.
    """

    def __init__(
        self,
        model: Model,
        guide: Callable[..., Any],
        median: Callable[..., Mapping[str, Tensor]] = lambda *args, **kwargs: {},
    ):
        super().__init__(model)
        self._guide, self._median = guide, median

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is to be learned from the model."""
        self.prototype_trace = Trace()

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        result = self._guide(*args, **kwargs)
        return {} if result is None else result

    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """What the given function says."""
        return dict(self._median(*args, **kwargs))


class AutoGuideList(AutoGuide):
    """Guides that share the latent sites of a model among them; no site may have two.

        guide = AutoGuideList(model)
        guide.append(AutoDiagonalNormal(handlers.block(model, hide=["assignment"])))
        guide.append(AutoDiscreteParallel(handlers.block(model, expose=["assignment"])))

    Parameters of the parts are named by their turn, "AutoGuideList.0.loc". Plates are made once for
    all parts, so that they see the same rows of a subsample.

    Args:
        model: the conditioned program, whole.
        create_plates: as in AutoGuide; the parts have none of their own.
    """

    def __init__(self, model: Model, *, create_plates: Callable[..., Any] | None = None):
        self._parts: list[AutoGuide] = []
        super().__init__(model, create_plates=create_plates)

    @property
    def prefix(self) -> str:
        """Of the parameters' names; each part adds its turn."""
        return self._prefix

    @prefix.setter
    def prefix(self, prefix: str) -> None:
        self._prefix = prefix
        for turn, part in enumerate(self._parts):
            part.prefix = f"{prefix}.{turn}"

    def append(self, part: Callable[..., Any]) -> None:
        """Add a guide for a part of the model; a plain function becomes an AutoCallable.

        Raises:
            GuideError: the part is here already, or has plates of its own.
        """
        if not isinstance(part, AutoGuide):
            part = AutoCallable(self.model, part)
        if any(part is other for other in self._parts):
            raise GuideError(f"{part.prefix} is a part of this AutoGuideList already")
        if part.create_plates is not None:
            raise GuideError(
                "the parts of an AutoGuideList share its plates: give create_plates to the list, "
                f"not to its part {part.prefix}"
            )
        self._parts.append(part)
        self.prefix = self._prefix

    def __len__(self) -> int:
        return len(self._parts)

    def __iter__(self) -> Iterator[AutoGuide]:
        return iter(self._parts)

    def __getitem__(self, turn: int) -> AutoGuide:
        return self._parts[turn]

    def _setup_prototype(self, *args: Any, **kwargs: Any) -> None:
        super()._setup_prototype(*args, **kwargs)
        drawn: dict[str, AutoGuide] = {}
        for part in self._parts:
            part._look_at_model(args, kwargs)
            for name in part.prototype_trace or ():
                if name in drawn:
                    raise GuideError(
                        f"site {name!r} is drawn by {drawn[name].prefix} and by {part.prefix}. "
                        f"Hide it from one of them: handlers.block(model, hide=[{name!r}])"
                    )
                drawn[name] = part

    def _learn(self, sites: Trace) -> None:
        """The parts learn for themselves."""

    def _draw(self, plates: Plates, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        values: dict[str, Tensor] = {}
        for part in self._parts:
            values.update(part._draw(plates, *args, **kwargs))
        return values

    def _check_store(self) -> None:
        for part in self._parts:
            part._check_store()

    def median(self, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        """What the parts say."""
        self._look_at_model(args, kwargs)
        return {k: v for part in self._parts for k, v in part.median(*args, **kwargs).items()}

    def _quantiles(self, levels: Tensor, *args: Any, **kwargs: Any) -> dict[str, Tensor]:
        parts = [part.quantiles(levels, *args, **kwargs) for part in self._parts]
        return {name: value for values in parts for name, value in values.items()}

    def _as_drawn(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for part in self._parts for k, v in part._as_drawn(values).items()}

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        twin = super().__deepcopy__(memo)
        twin._parts = [deepcopy(part, memo) for part in self._parts]
        return twin

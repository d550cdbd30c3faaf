"""The words in which C and JavaScript differ, and the formulas in which they do not."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

RANK = ["bool", "int32", "int64", "float32", "float64"]

POINT = {
    "add": "({} + {})",
    "sub": "({} - {})",
    "mul": "({} * {})",
    "div": "({} / {})",
    "neg": "(-{})",
    "eq": "({} == {})",
    "ne": "({} != {})",
    "lt": "({} < {})",
    "le": "({} <= {})",
    "gt": "({} > {})",
    "ge": "({} >= {})",
    "and": "({} && {})",
    "or": "({} || {})",
    "not": "(!{})",
    "where": "({} ? {} : {})",
    "isnan": "({0} != {0})",
    "cast": "{}",
    "sign": "(({0} > 0) - ({0} < 0))",
}
TRUTH = frozenset(["eq", "ne", "lt", "le", "gt", "ge", "and", "or", "not", "isnan", "isinf"])
JOIN = {"sum": "+", "dot": "+", "prod": "*"}
RUNNING = {"cumsum": ("+", "0"), "cumprod": ("*", "1")}
START = {"sum": 0, "dot": 0, "prod": 1, "max": -math.inf, "min": math.inf}
LARGE = 8192
"""Products from which a matrix product is worth a call to a library."""
PIECE = 1024
"""Rows whose sum is kept in single precision."""


@dataclass(frozen=True)
class Dialect:
    """The words in which C and JavaScript differ."""

    name: str

    @property
    def is_c(self) -> bool:
        """Whether numbers have types."""
        return self.name == "c"

    def fixed(self, dtype: str) -> str:
        """Opens the declaration of a name that keeps its value."""
        return f"const {TYPES[dtype]}" if self.is_c else "const"

    def moving(self, dtype: str) -> str:
        """Opens the declaration of a name that does not."""
        return TYPES[dtype] if self.is_c else "let"

    @property
    def index(self) -> str:
        """Opens the declaration of an index."""
        return "i64" if self.is_c else "let"

    def number(self, x: float | int | bool, dtype: str) -> str:
        """A literal."""
        if dtype.startswith("float"):
            x = float(x)
            if math.isnan(x):
                return "NAN" if self.is_c else "NaN"
            if math.isinf(x):
                word = "INFINITY" if self.is_c else "Infinity"
                return word if x > 0 else f"(-{word})"
            text = repr(x) + ("f" if self.is_c and dtype == "float32" else "")
        elif isinstance(x, float) and math.isinf(x):
            text = str(2**62) if x > 0 else str(-(2**62))
        else:
            text = str(int(x))
        return f"({text})" if text.startswith("-") else text

    def joined(self, name: str, dtype: str, first: str, second: str) -> str:
        """Two parts of a reduction, put together."""
        if name in JOIN:
            return f"{first} {JOIN[name]} {second}"
        return self.call(f"{name}imum", dtype, [first, second])

    def call(self, name: str, dtype: str, args: Sequence[str]) -> str:
        """An elementary function."""
        if not self.is_c and name in ("maximum", "minimum"):
            return f"Math.{name[:3]}({', '.join(args)})"
        if not self.is_c:
            return f"m.{name}({', '.join(args)})"
        whole = "i" if name in ("maximum", "minimum") else ""
        suffix = {"float32": "f", "float64": ""}.get(dtype, whole)
        own = "m_" if name in OWN else ""
        name = {"abs": "fabs", "round": "nearbyint"}.get(name, name)
        if name == "isinf":  # which says -1 of minus infinity
            return f"(isinf({args[0]}) != 0)"
        return f"{own}{name}{suffix}({', '.join(args)})"

    def cast(self, text: str, dtype: str) -> str:
        """A conversion."""
        if self.is_c:
            return f"({TYPES[dtype]}){text}"
        return f"Math.trunc({text})" if dtype.startswith("int") else f"+{text}"


TYPES = {"float32": "float", "float64": "double", "int64": "i64", "int32": "int32_t", "bool": "int"}
OWN = frozenset(
    "exp log log1p expm1 tanh digamma trigamma maximum minimum".split()  # noqa: SIM905
)
CALLS = OWN | frozenset(
    [
        "sqrt",
        "abs",
        "sin",
        "cos",
        "tan",
        "atan",
        "asin",
        "acos",
        "sinh",
        "cosh",
        "erf",
        "erfc",
        "lgamma",
        "floor",
        "ceil",
        "round",
        "trunc",
        "pow",
        "atan2",
        "fmod",
        "isinf",
        "log2",
        "log10",
        "exp2",
    ]
)

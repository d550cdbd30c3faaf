"""Which exercises were tried, and which hints fired: kept in memory, never sent anywhere."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from ..text import count, say


@dataclass
class Record:
    """One exercise so far.

    Attributes:
        tries: answers that were checked; empty cells are not counted.
        passed: whether one of them was right.
        failures: in a row, since the last right one.
        hints: name of a hint -> how often it fired.
    """

    tries: int = 0
    passed: bool = False
    failures: int = 0
    hints: Counter[str] = field(default_factory=Counter[str])


class Results(dict[str, Record]):
    """Exercise -> what became of it so far; a table where it is shown."""

    def note(self, exercise: str, passed: bool, hint: str) -> Record:
        """Count one try."""
        record = self.setdefault(exercise, Record())
        record.tries += 1
        record.passed = record.passed or passed
        record.failures = 0 if passed else record.failures + 1
        if hint:
            record.hints[hint] += 1
        return record

    def as_data(self) -> dict[str, object]:
        """For a file: numbers and the names of hints, nothing else."""
        return {
            "format": 1,
            "exercises": {
                name: {
                    "tries": record.tries,
                    "passed": record.passed,
                    "hints": dict(sorted(record.hints.items())),
                }
                for name, record in sorted(self.items())
            },
        }

    def save(self, path: str | Path) -> Path:
        """Write them to a small JSON file, which holds no name, time or answer."""
        path = Path(path)
        text = json.dumps(self.as_data(), indent=1) + "\n"
        path.write_text(text, encoding="utf-8", newline="\n")
        return path

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Exercise, tries, whether passed, hints: as a reader sees them."""
        return [
            (
                name,
                count(record.tries),
                say("results.yes" if record.passed else "results.no"),
                ", ".join(f"{hint} {times}" for hint, times in record.hints.most_common()),
            )
            for name, record in sorted(self.items())
        ]

    def __str__(self) -> str:
        if not self:
            return say("results.empty")
        table = [_HEAD, *self.rows()]
        widths = [max(len(row[column]) for row in table) for column in range(4)]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)) for r in table]
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        if not self:
            return escape(str(self))
        head = "".join(f'<th scope="col" style="text-align:left">{h}</th>' for h in _HEAD)
        body = "".join(
            "<tr>" + "".join(f'<td style="text-align:left">{escape(c)}</td>' for c in row) + "</tr>"
            for row in self.rows()
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


_HEAD = tuple(say(f"results.{column}") for column in ("exercise", "tries", "passed", "hints"))


def class_tally(paths: list[str | Path]) -> Mapping[str, Counter[str]]:
    """Exercise -> hint -> in how many of the saved files it fired; "passed" counts along.

    Raises:
        ValueError: a file was not written by `results().save`.
    """
    tally: dict[str, Counter[str]] = {}
    for path in paths:
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))["exercises"]
            for name, record in data.items():
                seen = tally.setdefault(name, Counter())
                seen.update(dict.fromkeys(record["hints"], 1))
                seen["passed"] += bool(record["passed"])
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(say("results.foreign", path=str(path))) from error
    return tally

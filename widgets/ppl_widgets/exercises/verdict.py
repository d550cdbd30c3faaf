"""What `check` returns: true or false, a score, and a few words, in a notebook or a terminal."""

import re
from dataclasses import dataclass, field
from html import escape
from itertools import groupby


@dataclass(frozen=True)
class Verdict:
    """Whether an answer is right, and what to think about next.

    Attributes:
        exercise: "04.weigh".
        passed: whether it is right.
        hint: the slip or the general hint that was recognised; "" if it passed.
        lines: what to read, a sentence or two each; code of a worked sibling keeps its lines.
        score: share of the parts that are right at every setting, for partial credit.

    >>> verdict = Verdict("04.weigh", True, "", ("Right.",), 1.0)
    >>> bool(verdict), verdict
    (True, Right.)
    """

    exercise: str
    passed: bool
    hint: str
    lines: tuple[str, ...]
    score: float = field(default=0.0)

    def __bool__(self) -> bool:
        return self.passed

    def __str__(self) -> str:
        return "\n".join(self.lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """Read out politely by a screen reader; the mark is not the only sign."""
        mark, border = ("✓", "solid") if self.passed else ("→", "dashed")
        body = "".join(
            f'<div style="white-space:pre-wrap;margin:2px 0">{as_html(line)}</div>'
            for line in self.lines
        )
        return (
            f'<div role="status" style="border-left:3px {border} currentColor;padding:4px 12px;'
            f'max-width:44em"><span aria-hidden="true" style="float:left;margin-right:8px">{mark}'
            f'</span><div style="overflow:hidden">{body}</div></div>'
        )


def as_html(text: str) -> str:
    """Escaped; what is indented and what stands in backticks as code, what is in asterisks leaning.

    >>> as_html("Drag *noise sd*. Is `a < b`?")
    'Drag <em>noise sd</em>. Is <code>a &lt; b</code>?'
    """
    parts: list[str] = []
    for is_code, lines in groupby(text.split("\n"), lambda line: line.startswith("    ")):
        if is_code:
            code = escape("\n".join(line[4:] for line in lines))
            parts.append(f'<pre style="margin:2px 0 2px 1.5em">{code}</pre>')
        else:
            parts.append("\n".join(map(_inline, lines)))
    return "".join(parts)


def _inline(line: str) -> str:
    quoted = re.split(r"`([^`]+)`", line)  # every second one stood in backticks
    return "".join(
        f"<code>{escape(part)}</code>"
        if number % 2
        else re.sub(r"(?<![\w*])\*(\w[^*]*)\*(?![\w*])", r"<em>\1</em>", escape(part))
        for number, part in enumerate(quoted)
    )

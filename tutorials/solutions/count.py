"""How often each solution passes its exercise: `python tutorials/solutions/count.py --times 1000`.

Every try has a seed of its own. `--only 01` or `--only 04.weigh` counts these alone.
"""

import argparse
import importlib.util
from pathlib import Path
from typing import Any

from ppl_widgets.exercises import names
from ppl_widgets.exercises.judging import judge
from ppl_widgets.exercises.lessons import exercise

HERE = Path(__file__).parent


def solutions() -> dict[str, Any]:
    """Exercise -> answer, from every file of this folder."""
    found: dict[str, Any] = {}
    for path in sorted(HERE.glob("*.py")):
        if path == Path(__file__):
            continue
        spec = importlib.util.spec_from_file_location(f"solutions_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        found |= module.ANSWERS
    return found


def passes(name: str, answer: Any, times: int, first: int = 0) -> int:
    """In how many of so many seeded tries the answer passes."""
    seeds = range(first, first + times)
    return sum(judge(exercise(name), answer, seed).passed for seed in seeds)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    answers = solutions()
    for name in names():
        if name.startswith(options.only):
            count = passes(name, answers[name], options.times)
            print(f"{name:14} {count:,} of {options.times:,}", flush=True)

"""The processor that machine code is made for: this one, or a level that many machines share.

Code for this very processor is the fastest, and of no use on another one. Where an image is built
on one machine and run on others, `PPL_CPU` names a level instead (x86-64 psABI, section 3.1.1):

    PPL_CPU=x86-64-v3 python binder/warm.py
"""

import contextlib
import os
import platform
from functools import cache
from pathlib import Path

from .ops import NotCompiled

VARIABLE = "PPL_CPU"
LEVELS = {
    "x86-64-v2": {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"},
    "x86-64-v3": {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "abm", "movbe", "xsave"},
    "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"},
}
"""What each level adds to the one before it, as Linux names it."""


def processor() -> str:
    """What the compiler is to build for: a level, or "native".

    Raises:
        NotCompiled: `PPL_CPU` names no level, or one that this processor does not reach.
    """
    asked = os.environ.get(VARIABLE, "native")
    if asked == "native":
        return asked
    if asked not in LEVELS:
        raise NotCompiled(f"{VARIABLE} is {asked!r}; choose native or {', '.join(LEVELS)}")
    present = set(features().split())
    for level, needed in LEVELS.items():
        if not needed <= present:
            raise NotCompiled(f"{VARIABLE} asks for {asked}, but this processor is below {level}")
        if level == asked:
            break
    return asked


@cache
def features() -> str:
    """What this processor can do, as Linux tells it; its kind where nobody tells."""
    said = f"{platform.machine()} {platform.system()}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith(("flags", "Features", "model name")):
                said += f" {line}"
            if not line:
                break
    return said

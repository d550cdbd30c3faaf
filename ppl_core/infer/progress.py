"""How far a run is: tqdm's bar, or a silent count where nobody asked for one."""

from typing import Any, Self


class Silent:
    """What a run tells of itself, without a bar: no import, no thread, no output."""

    disable = True

    def __init__(self) -> None:
        self.n = 0

    def update(self, steps: int = 1) -> None:
        """So many more."""
        self.n += steps

    def set_postfix_str(self, words: str, refresh: bool = True) -> None:
        """Unsaid."""

    def set_description(self, words: str, refresh: bool = True) -> None:
        """Unsaid."""

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def progress(total: int, show: bool, what: str, **options: Any) -> Any:
    """A bar for so many steps, as tqdm draws it, or a silent one.

    >>> with progress(10, False, "SVI") as bar:
    ...     bar.update(3)
    >>> bar.n
    3
    """
    if not show:
        return Silent()
    from tqdm.auto import tqdm  # 50 ms and a thread that only a bar needs

    return tqdm(total=total, desc=what, **options)

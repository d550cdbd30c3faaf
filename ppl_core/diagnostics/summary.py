"""A table of what draws say about each site, and whether they can be trusted."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from torch import Tensor

from ..values import as_real
from .chains import ess_bulk, ess_tail, r_hat
from .intervals import hpdi

Columns = dict[str, Tensor]


class Summary(dict[str, Columns]):
    """Columns by site: `table["weight"]["mean"]`; printed, one line a number.

    The columns are mean, std, median, the two ends of the narrowest interval that holds `prob` of
    the draws (named by their percentages in a symmetric distribution, as in Pyro), n_eff (bulk),
    n_eff_tail and r_hat; each has the shape of the site.
    """

    def rows(self) -> Iterator[tuple[str, list[float]]]:
        """Name and columns of each number, such as `theta[3]`."""
        for name, columns in self.items():
            shape = columns["mean"].shape
            for index in product(*map(range, shape)):
                label = f"{name}[{','.join(map(str, index))}]" if index else name
                yield label, [column[index].item() for column in columns.values()]

    def __repr__(self) -> str:
        if not self:
            return "Summary of no site"
        head = list(next(iter(self.values())))
        rows = list(self.rows())
        wide = max(10, *(len(name) for name, _ in rows)) if rows else 10
        lines = [" " * wide + "".join(f"{column:>11}" for column in head)]
        for name, numbers in rows:
            cells = (_cell(column, number) for column, number in zip(head, numbers, strict=True))
            lines.append(f"{name:>{wide}}" + "".join(f"{cell:>11}" for cell in cells))
        return "\n".join(lines)


def _cell(column: str, number: float) -> str:
    if column.startswith("n_eff"):
        return f"{number:.0f}"
    return f"{number:.3f}" if column == "r_hat" else f"{number:.4g}"


def summary(samples: Mapping[str, Any], prob: float = 0.9, group_by_chain: bool = True) -> Summary:
    """What draws say about each site.

    Args:
        samples: site name -> draws, (chains, draws, ...), as `get_samples(group_by_chain=True)`
            gives them.
        prob: mass of the interval.
        group_by_chain: False where the draws have no dimension of chains, (draws, ...).

    >>> import torch
    >>> _ = torch.manual_seed(0)
    >>> table = summary({"kg": 9.14 + 0.6 * torch.randn(4, 500)})
    >>> print(f"{table['kg']['mean']:.1f} {table['kg']['r_hat']:.2f}")
    9.1 1.00
    """
    ends = f"{50 * (1 - prob):.1f}%", f"{50 * (1 + prob):.1f}%"
    table = Summary()
    for name, given in samples.items():
        draws = as_real(given).detach()
        draws = draws if group_by_chain else draws.unsqueeze(0)
        flat = draws.flatten(0, 1)
        low, high = hpdi(flat, prob)
        table[name] = {
            "mean": flat.mean(0),
            "std": flat.std(0),
            "median": flat.sort(0).values[(len(flat) - 1) // 2],
            ends[0]: low,
            ends[1]: high,
            "n_eff": ess_bulk(draws),
            "n_eff_tail": ess_tail(draws),
            "r_hat": r_hat(draws),
        }
    return table


def print_summary(
    samples: Mapping[str, Any], prob: float = 0.9, group_by_chain: bool = True
) -> None:
    """Print the `summary` of draws."""
    print(summary(samples, prob, group_by_chain))  # noqa: T201

"""Markov chains, run to the end: warm-up, several chains, and what is to be known of the draws."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor

from .. import diagnostics
from ..errors import InferenceError
from ..runs import InferenceRun, Kernel, Snapshot
from ..values import as_real
from .chain import Chain
from .processes import in_processes
from .progress import progress
from .space import Values

Hook = Callable[[Any, Values, str, int], Any]


@runtime_checkable
class Strider(Protocol):
    """A kernel that may take many steps in one call."""

    def strides(self, state: Any) -> bool:
        """Whether it does from this state."""
        ...

    def span(self, state: Any, steps: int, stream: Tensor, **about: Any) -> Any:
        """The new state, and the span of steps that led there."""
        ...


class MCMC:
    """Draw from a posterior with a kernel, such as `NUTS(model)`.

    Draws are kept whatever happens: after an interrupt or an error, `get_samples` gives those that
    were reached, and `resume` goes on. They are the latent continuous sites; `Predictive` computes
    deterministic ones from them, and `infer_discrete` draws those that were summed out.

    Args:
        kernel: HMC, NUTS, or another one whose info has the `values` of each step.
        num_samples: draws to keep, a chain.
        warmup_steps: steps before them, from which the kernel learns; num_samples if not given.
        initial_params: unconstrained starting values by site; with several chains, their first
            dimension is the chain.
        num_chains: chains, in turn in this process unless mp_context is given. Their seeds come
            from torch's generator, so that `set_rng_seed` repeats them all.
        hook_fn: called after each step with (kernel, values, "warmup" or "sample", its number).
        mp_context: "fork" or "spawn", to run each chain in a process of its own. The draws are the
            same. "spawn" needs a model that can be pickled.
        disable_progbar: no progress bar.
        save_params: sites to keep, all if not given.

    >>> import ppl_core as ppl
    >>> from ppl_core.distributions import Normal
    >>> from ppl_core.infer import NUTS
    >>> def scale(guess):
    ...     weight = ppl.sample("weight", Normal(guess, 1.0))
    ...     ppl.sample("measurement", Normal(weight, 0.75), obs=9.5)
    >>> ppl.set_rng_seed(101)
    >>> mcmc = MCMC(NUTS(scale), num_samples=300, warmup_steps=100, disable_progbar=True)
    >>> mcmc.run(8.5)
    >>> mcmc.get_samples()["weight"].shape
    torch.Size([300])
    """

    def __init__(
        self,
        kernel: Kernel,
        num_samples: int,
        warmup_steps: int | None = None,
        initial_params: Mapping[str, Any] | None = None,
        num_chains: int = 1,
        hook_fn: Hook | None = None,
        mp_context: str | None = None,
        disable_progbar: bool = False,
        save_params: list[str] | None = None,
    ):
        self.kernel = kernel
        self.num_samples = _whole("num_samples", num_samples, 0)
        warmup_steps = num_samples if warmup_steps is None else warmup_steps
        self.warmup_steps = _whole("warmup_steps", warmup_steps, 0)
        self.num_chains = _whole("num_chains", num_chains, 1)
        if not hasattr(kernel, "update"):
            raise TypeError(f"MCMC: a kernel is needed, such as NUTS(model), got {kernel!r}")
        if mp_context not in (None, "fork", "spawn", "forkserver"):
            raise ValueError(f"MCMC: mp_context is 'fork' or 'spawn', got {mp_context!r}")
        if mp_context is not None and hook_fn is not None:
            raise ValueError("MCMC: a hook_fn is called in this process; leave mp_context out")
        self.initial_params = self._per_chain(initial_params)
        self.hook_fn, self.mp_context = hook_fn, mp_context
        self.disable_progbar, self.save_params = disable_progbar, save_params
        self.chains: list[Chain] = []

    def _per_chain(self, given: Mapping[str, Any] | None) -> list[Values] | None:
        if given is None:
            return None
        values = {name: as_real(value) for name, value in given.items()}
        if self.num_chains == 1:
            return [values]
        for name, value in values.items():
            if value.dim() == 0 or len(value) != self.num_chains:
                raise ValueError(
                    f"MCMC: initial_params[{name!r}] has shape {tuple(value.shape)}; its first "
                    f"dimension must be the {self.num_chains} chains"
                )
        return [{n: v[chain] for n, v in values.items()} for chain in range(self.num_chains)]

    # ---- running

    def run(self, *args: Any, **kwargs: Any) -> None:
        """Begin afresh, warm up and draw.

        Raises:
            InferenceError: a chain cannot begin or go on; the draws so far are kept.
            KeyboardInterrupt: an interrupt; the draws so far are kept.
        """
        self.chains = []
        for chain in range(self.num_chains):
            seed = int(torch.randint(2**31, ()))
            _tell(self.kernel, self.warmup_steps, self.initial_params, chain)
            self.chains.append(Chain(InferenceRun(self.kernel, *args, seed=seed, **kwargs)))
        self._go_on(self.num_samples)

    def resume(self, num_samples: int | None = None) -> None:
        """Go on from where the chains are.

        Args:
            num_samples: further draws a chain; if not given, as many as are missing to the number
                that the first run was to draw.
        """
        if not self.chains:
            raise InferenceError("MCMC: nothing to resume; call run(...) first")
        self._go_on(
            self.num_samples
            if num_samples is None
            else max(chain.count for chain in self.chains) + num_samples
        )

    def _go_on(self, draws: int) -> None:
        total = self.warmup_steps + draws
        missing = sum(max(0, total - chain.run.step) for chain in self.chains)
        with _Bar(missing, self.disable_progbar) as bar:
            if self._in_machine_code():
                self._in_spans(total, bar)
                return
            steps = self._in_turn(total) if self.mp_context is None else self._apart(total)
            for chain, snapshot in steps:
                stage, number = "sample", snapshot.step - self.warmup_steps - 1
                if number < 0:
                    stage, number = "warmup", snapshot.step - 1
                else:
                    chain.keep(snapshot.info, self.save_params)
                if self.hook_fn is not None:
                    self.hook_fn(self.kernel, snapshot.info.values, stage, number)
                bar.show(1, stage, snapshot.info, self.chains)

    def _in_machine_code(self) -> bool:
        """Whether the kernel takes many steps at once, and nobody wants to see each of them."""
        watched = self.hook_fn is not None or self.mp_context is not None
        if watched or not isinstance(self.kernel, Strider):
            return False
        return all(self.kernel.strides(chain.run.snapshot.state) for chain in self.chains)

    def _in_spans(self, total: int, bar: "_Bar") -> None:
        """Chains side by side in threads, many steps in one call."""
        from .threads import in_threads  # with what is compiled only

        kernel: Any = self.kernel
        for number, span in in_threads([chain.run for chain in self.chains], total):
            chain = self.chains[number]
            drawn = chain.run.step - self.warmup_steps
            if drawn > 0:
                kept = span.since(max(0, len(span) - drawn))
                chain.keep_span(kept, kernel.numbers(kept), self.save_params)
            stage = "sample" if drawn > 0 else "warmup"
            bar.show(len(span), stage, chain.run.snapshot.info, self.chains)

    def _in_turn(self, total: int) -> Iterator[tuple[Chain, Snapshot]]:
        """One step of each chain after another, so that an interrupt finds them equally long."""
        waiting = self.chains
        while waiting := [chain for chain in waiting if chain.run.step < total]:
            for chain in waiting:
                chain.run.advance(1)
                yield chain, chain.run.snapshot

    def _apart(self, total: int) -> Iterator[tuple[Chain, Snapshot]]:
        """Each chain in a process of its own."""
        assert self.mp_context is not None
        runs = [chain.run for chain in self.chains]
        for number, snapshot in in_processes(runs, total, self.mp_context):
            yield self.chains[number], snapshot

    # ---- what was drawn

    def get_samples(
        self, num_samples: int | None = None, group_by_chain: bool = False
    ) -> dict[str, Tensor]:
        """Draws by site, on their supports.

        Args:
            num_samples: draw so many of them with replacement (of each chain, if grouped).
            group_by_chain: (chains, draws, ...) rather than (chains * draws, ...). After an
                interrupt, as many draws of each chain as the shortest has.
        """
        self._check_drawn()
        return self._arranged([chain.values for chain in self.chains], num_samples, group_by_chain)

    def get_extra_fields(self, group_by_chain: bool = False) -> dict[str, Tensor]:
        """Numbers about each draw: energy, accept_prob, diverging, num_steps, tree_depth, ..."""
        self._check_drawn()
        facts = [
            {name: torch.cat(parts) for name, parts in chain.facts.items()} for chain in self.chains
        ]
        return self._arranged(facts, None, group_by_chain)

    def _arranged(
        self, chains: Sequence[Values], num_samples: int | None, group_by_chain: bool
    ) -> dict[str, Tensor]:
        names = next((values for values in chains if values), {})
        if group_by_chain:
            shortest = min(chain.count for chain in self.chains)
            whole = [values for values in chains if shortest and values]
            found = {name: torch.stack([it[name][:shortest] for it in whole]) for name in names}
        else:
            found = {name: torch.cat([it[name] for it in chains if it]) for name in names}
        if num_samples is None or not found:
            return found
        dim = int(group_by_chain)
        count = next(iter(found.values())).shape[dim]
        chosen = torch.randint(count, (num_samples,))
        return {name: value.index_select(dim, chosen) for name, value in found.items()}

    def _check_drawn(self) -> None:
        if not self.chains:
            raise InferenceError("MCMC: there are no draws yet; call run(...) first")

    @property
    def divergences(self) -> list[list[tuple[int, Values]]]:
        """For each chain, (number of the draw, site name -> value where its ride diverged)."""
        return [chain.divergences for chain in self.chains]

    def diagnostics(self) -> dict[str, Any]:
        """For each site n_eff (bulk) and r_hat; divergences and acceptance rate of each chain."""
        found: dict[str, Any] = {
            name: {"n_eff": diagnostics.ess_bulk(draws), "r_hat": diagnostics.r_hat(draws)}
            for name, draws in self.get_samples(group_by_chain=True).items()
        }
        found["divergences"] = {
            f"chain {number}": [draw for draw, _ in chain.divergences]
            for number, chain in enumerate(self.chains)
        }
        found["acceptance rate"] = {
            f"chain {number}": _average(chain.facts.get("accept_prob", []))
            for number, chain in enumerate(self.chains)
        }
        return found

    def summary(self, prob: float = 0.9) -> None:
        """Print a table of all sites, and the number of divergences.

        `ppl_core.diagnostics.summary(mcmc.get_samples(group_by_chain=True))` gives it as numbers.

        Args:
            prob: mass of the interval.
        """
        table = diagnostics.summary(self.get_samples(group_by_chain=True), prob)
        count = sum(len(chain.divergences) for chain in self.chains)
        print(f"{table}\nNumber of divergences: {count}")  # noqa: T201


def _whole(name: str, number: Any, least: int) -> int:
    if int(number) != number or number < least:
        raise ValueError(f"MCMC: {name} is a whole number >= {least}, got {number!r}")
    return int(number)


def _tell(kernel: Any, warmup_steps: int, initial: list[Values] | None, chain: int) -> None:
    """Let a kernel know how long it may learn, and where this chain begins."""
    if hasattr(kernel, "warmup_steps"):
        kernel.warmup_steps = warmup_steps
    if initial is not None:
        if not hasattr(kernel, "initial_params"):
            raise TypeError(f"MCMC: {type(kernel).__name__} takes no initial_params")
        kernel.initial_params = initial[chain]


def _average(parts: list[Tensor]) -> float:
    return torch.cat(parts).mean().item() if parts else float("nan")


class _Bar:
    """Progress: the stage, step size and acceptance of the newest step, divergences so far."""

    def __init__(self, total: int, disable: bool):
        self.bar = progress(total, not disable, "MCMC")

    def show(self, steps: int, stage: str, info: Any, chains: list[Chain]) -> None:
        """So many more steps."""
        if not self.bar.disable and (steps > 1 or self.bar.n % 10 == 9):
            parts = [
                f"{word} {getattr(info, name):.3g}"
                for word, name in (("step size", "step_size"), ("acc. prob", "accept_prob"))
                if hasattr(info, name)
            ]
            count = sum(len(chain.divergences) for chain in chains)
            self.bar.set_description(stage, refresh=False)
            self.bar.set_postfix_str(", ".join([*parts, f"divergences {count}"]), refresh=False)
        self.bar.update(steps)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *error: Any) -> None:
        self.bar.close()

"""What takes the steps: a guide in training, or a sampler, made for a program and its settings."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ppl_core.params import ParamStore

from ..scenarios import optimiser
from .beside import Target
from .face import SVI
from .guides import Pair, pair
from .learning import Learning
from .sampling import Cloud, Sampling
from .sites import Sites, whole_rows
from .subject import Subject

Work = Learning | Sampling | Cloud
PROPOSE = ("importance", "rejection", "independent MH")
"""Methods that draw proposals from the prior or from a guide."""


@dataclass
class Trained:
    """A guide, and how far it has been trained."""

    name: str
    pair: Pair
    store: ParamStore
    steps: int = 0


class Workshop:
    """Makes what takes the steps.

    Args:
        subject: the program.

    Attributes:
        trained: the guide that was made last.
    """

    def __init__(self, subject: Subject):
        self.subject = subject
        self.trained: Trained | None = None

    @property
    def store(self) -> ParamStore:
        """The parameters of the guide that was made last."""
        return ParamStore() if self.trained is None else self.trained.store

    def work(
        self, sites: Sites, target: Target, setting: Callable[[str], Any], args: tuple[Any, ...]
    ) -> Work:
        """What takes the steps under these settings.

        Args:
            sites: of the model.
            target: what samplers draw from.
            setting: name of a control of the panel's own -> where it stands.
            args: of model and guide.

        Raises:
            Exception: whatever the programs raise on their first run.
        """
        method = setting("inference")
        if method == SVI:
            trained = self._make(sites, setting, args)
            rule = optimiser(rates(setting))
            return Learning(trained.pair, args, rule, trained.store, target.seed, sites.subsampled)
        if method == "SMC":
            return Cloud(target.model, args, sites, target.store, target.seed)
        guide = None
        if method in PROPOSE and setting("proposal") == "guide":
            known = self.trained
            if known is None or known.name != setting("guide"):
                known = self._make(sites, setting, args)
            guide = whole_rows(known.pair.guide) if sites.subsampled else known.pair.guide
        return Sampling(method, target.model, guide, args, sites, self.store, target.seed)

    def _make(self, sites: Sites, setting: Callable[[str], Any], args: tuple[Any, ...]) -> Trained:
        store, name = ParamStore(), setting("guide")
        made = pair(name, self.subject, sites, args, store, setting("particles"))
        self.trained = Trained(name, made, store)
        return self.trained


def rates(setting: Callable[[str], Any]) -> Mapping[str, Any]:
    """What an optimiser is made of."""
    return {name: setting(name) for name in ("lr", "optimiser")}

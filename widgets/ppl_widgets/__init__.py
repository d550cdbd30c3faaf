"""Panels to learn with: put one as the last line of a cell.

    from ppl_widgets import ScalePanel
    ScalePanel()

Names are looked up when they are first used: importing the package loads neither torch nor widgets.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ppl_widgets.panels.amortizing import EncoderPanel
    from ppl_widgets.panels.balancing import ElboPanel
    from ppl_widgets.panels.base import LivePanel
    from ppl_widgets.panels.bending import NoFormulaPanel
    from ppl_widgets.panels.breaking import ContractPanel
    from ppl_widgets.panels.conditioning import ConditionPanel
    from ppl_widgets.panels.decoding import VAEPanel
    from ppl_widgets.panels.exploring import ExplorePanel, explore
    from ppl_widgets.panels.forward import ForwardPanel
    from ppl_widgets.panels.gallery import Gallery
    from ppl_widgets.panels.looking import LookPanel
    from ppl_widgets.panels.many import ManyPanel
    from ppl_widgets.panels.proposing import ProposalPanel
    from ppl_widgets.panels.racing import RacePanel
    from ppl_widgets.panels.sampling import SamplerPanel
    from ppl_widgets.panels.scale import ScalePanel
    from ppl_widgets.panels.storing import StorePanel
    from ppl_widgets.panels.using import UsePanel

__all__ = [
    "ConditionPanel",
    "ContractPanel",
    "ElboPanel",
    "EncoderPanel",
    "ExplorePanel",
    "ForwardPanel",
    "Gallery",
    "LivePanel",
    "LookPanel",
    "ManyPanel",
    "NoFormulaPanel",
    "ProposalPanel",
    "RacePanel",
    "SamplerPanel",
    "ScalePanel",
    "StorePanel",
    "UsePanel",
    "VAEPanel",
    "explore",
]

_HOMES = {
    "ManyPanel": "panels.many",
    "UsePanel": "panels.using",
    "NoFormulaPanel": "panels.bending",
    "ConditionPanel": "panels.conditioning",
    "ContractPanel": "panels.breaking",
    "ElboPanel": "panels.balancing",
    "EncoderPanel": "panels.amortizing",
    "ExplorePanel": "panels.exploring",
    "ForwardPanel": "panels.forward",
    "Gallery": "panels.gallery",
    "LivePanel": "panels.base",
    "LookPanel": "panels.looking",
    "ProposalPanel": "panels.proposing",
    "RacePanel": "panels.racing",
    "SamplerPanel": "panels.sampling",
    "ScalePanel": "panels.scale",
    "StorePanel": "panels.storing",
    "VAEPanel": "panels.decoding",
    "explore": "panels.exploring",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

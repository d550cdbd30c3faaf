"""Live panels: the only files that know sessions, plots, controls and the clock at once."""

from ppl_widgets.panels.balancing import ElboPanel
from ppl_widgets.panels.base import LivePanel
from ppl_widgets.panels.bending import NoFormulaPanel
from ppl_widgets.panels.breaking import ContractPanel
from ppl_widgets.panels.conditioning import ConditionPanel
from ppl_widgets.panels.exploring import ExplorePanel, explore
from ppl_widgets.panels.forward import ForwardPanel
from ppl_widgets.panels.looking import LookPanel
from ppl_widgets.panels.many import ManyPanel
from ppl_widgets.panels.proposing import ProposalPanel
from ppl_widgets.panels.scale import ScalePanel
from ppl_widgets.panels.using import UsePanel

__all__ = [
    "ConditionPanel",
    "ContractPanel",
    "ElboPanel",
    "ExplorePanel",
    "ForwardPanel",
    "LivePanel",
    "LookPanel",
    "ManyPanel",
    "NoFormulaPanel",
    "ProposalPanel",
    "ScalePanel",
    "UsePanel",
    "explore",
]

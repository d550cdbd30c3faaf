"""Optimisers with Pyro's face: `Adam({"lr": 0.01})`, or `Adam(lambda name: {...})` by parameter.

Inside, an update is a pure function of (values, gradients, states) with no object to keep in step:
it can be replayed, rewound, run for a whole ensemble at once, and recorded. `SGD`, `Adam`, `AdamW`
and `ClippedAdam` are written out; torch's other optimisers are used as they are, through one
adapter, and torch's schedules change the rate of any of them.
"""

from torch import optim as torch_optim
from torch.optim import lr_scheduler as schedules

from .adapter import LBFGS, PyroOptim, TorchOptimizer, adapted
from .optimizer import Optimizer
from .rules import SGD, Adam, AdamW, ClippedAdam
from .schedule import PyroLRScheduler, scheduled

Adadelta = adapted(torch_optim.Adadelta)
Adafactor = adapted(torch_optim.Adafactor)
Adagrad = adapted(torch_optim.Adagrad)
Adamax = adapted(torch_optim.Adamax)
ASGD = adapted(torch_optim.ASGD)
Muon = adapted(torch_optim.Muon)
NAdam = adapted(torch_optim.NAdam)
RAdam = adapted(torch_optim.RAdam)
RMSprop = adapted(torch_optim.RMSprop)
Rprop = adapted(torch_optim.Rprop)
SparseAdam = adapted(torch_optim.SparseAdam)

ConstantLR = scheduled(schedules.ConstantLR)
CosineAnnealingLR = scheduled(schedules.CosineAnnealingLR)
CosineAnnealingWarmRestarts = scheduled(schedules.CosineAnnealingWarmRestarts)
CyclicLR = scheduled(schedules.CyclicLR)
ExponentialLR = scheduled(schedules.ExponentialLR)
LambdaLR = scheduled(schedules.LambdaLR)
LinearLR = scheduled(schedules.LinearLR)
MultiplicativeLR = scheduled(schedules.MultiplicativeLR)
MultiStepLR = scheduled(schedules.MultiStepLR)
OneCycleLR = scheduled(schedules.OneCycleLR)
PolynomialLR = scheduled(schedules.PolynomialLR)
ReduceLROnPlateau = scheduled(schedules.ReduceLROnPlateau)
StepLR = scheduled(schedules.StepLR)

__all__ = [
    "ASGD",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "ClippedAdam",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CyclicLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "Muon",
    "NAdam",
    "OneCycleLR",
    "Optimizer",
    "PolynomialLR",
    "PyroLRScheduler",
    "PyroOptim",
    "RAdam",
    "RMSprop",
    "ReduceLROnPlateau",
    "Rprop",
    "SparseAdam",
    "StepLR",
    "TorchOptimizer",
]

"""Draws of a loss and of its gradient, held against an exact loss and its derivative."""

import torch

import ppl_core as ppl
from chance import assert_average
from ppl_core.infer import Trace_ELBO
from ppl_core.values import validation


def draws(model, guide, *args, number=800, elbo=None):
    """Loss draws and, by name, gradient draws in the unconstrained parameters."""
    elbo = elbo or Trace_ELBO()
    elbo.differentiable_loss(model, guide, *args)
    names, leaves = zip(*ppl.get_param_store().named_parameters(), strict=True)
    losses, grads = [], []
    with validation(False):
        for _ in range(number):
            loss = elbo.differentiable_loss(model, guide, *args)
            losses.append(loss.item())
            grads.append(torch.autograd.grad(loss, leaves))
    by_name = {name: [grad[i] for grad in grads] for i, name in enumerate(names)}
    return losses, by_name


def assert_unbiased(exact, model, guide, *args, number=800, elbo=None):
    """Average loss and gradient are those of `exact(constrained parameters by name)`."""
    losses, grads = draws(model, guide, *args, number=number, elbo=elbo)
    store = ppl.get_param_store()
    value = exact(**dict(store.items()))
    leaves = [store.unconstrained(name) for name in grads]
    assert_average(losses, value)
    for name, grad in zip(grads, torch.autograd.grad(value, leaves), strict=True):
        assert_average(grads[name], grad)


def enumerated(log_q, log_p):
    """The exact loss over listed outcomes: sum of q (log q - log p)."""
    return (log_q.exp() * (log_q - log_p)).sum()

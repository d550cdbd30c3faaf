# %% [markdown]
# # One guide, many uses
#
# You will use one guide for importance sampling, rejection sampling and Metropolis-Hastings, see
# what makes a guide good for each, and meet a gauge that lies.
#
# A guide proposes weights. It need not be right: each use has its own way of correcting it.
#
# - **Importance sampling** keeps every proposal, and gives it the weight p / q.
# - **Rejection sampling** keeps a proposal with a probability proportional to p / q.
# - **Independent Metropolis-Hastings** walks: it moves to a proposal, or stays where it is.
#
# The panel starts with the prior N(8.5, 1) as its guide. Before you press *Play*: of 1,000 such
# draws, how many equally good ones are they worth?

# %%
from ppl_widgets import ProposalPanel

ProposalPanel()

# %% [markdown]
# ## What to try
#
# 1. *importance*: the prior is worth 60 % of its draws. Set a to 9.14 and b to 0.6, the posterior
#    itself: every weight is 0.2318, and that is the evidence, the probability of the reading.
# 2. *rejection*, with the prior: 43.6 % are kept. With b = 0.5 there is no envelope: in the tails
#    the posterior is above every multiple of the guide, and the panel says so.
# 3. *chain*, with the prior: 53 % of the moves are accepted.
# 4. *importance* with a = 9.14 and b = 0.4. The gauge *ESS* looks healthy. But the weights have
#    infinite variance, because the guide's tails are too thin: the exact ESS is 0, and Pareto k,
#    which looks at the tail of the weights, comes near 0.5. **A gauge computed from the draws
#    cannot see what the draws have missed.**
# 5. *particles*: here the weight drifts between five readings, and 50 particles follow it. Those
#    that fit a reading badly die out, drawn grey. Log evidence and the belief at the end,
#    N(9.45, 0.44), come out right; but follow the blue lines back: how many beginnings are left?
#
# ## The same in code

# %%
import math

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Importance, IndependentMH, Rejection


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def guide(guess):
    return ppl.sample("weight", dist.Normal(9.0, 0.8))


model = ppl.condition(scale, data={"measurement": 9.5})
ppl.set_rng_seed(101)
weighed = Importance(model, guide, num_samples=10_000).run(8.5)
print(f"importance: mean {weighed.mean('weight'):.3f}, ESS {weighed.get_ESS() / 10_000:.0%}")
print(f"evidence {weighed.get_log_normalizer().exp():.4f}, Pareto k {weighed.get_pareto_k():.2f}")

# %%
ppl.set_rng_seed(101)
kept = Rejection(model, guide, num_samples=5_000, batch_size=1_000).run(8.5)
print(f"rejection: mean {kept.get_samples()['weight'].mean():.3f}, kept {kept.acceptance_rate:.0%}")

# %% [markdown]
# Every algorithm here is a *kernel*: a state, and an update that makes the next one. A run steps
# it, with a random stream of its own, so it can be paused, rewound, and watched.

# %%
chain = ppl.InferenceRun(IndependentMH(model, guide), 8.5, seed=101)
steps = []
chain.advance(4_000, watch=lambda at: steps.append(at.info))
weights = [info.values["weight"].item() for info in steps]
moved = sum(info.accepted for info in steps) / len(steps)
print(f"chain: mean {sum(weights) / len(weights):.3f}, accepted {moved:.0%}")

# %% [markdown]
# And two that need no guide. NUTS rolls through the posterior along its gradient; `reference` knows
# the answer, because this model has one in closed form.

# %%
from ppl_core.infer import MCMC, NUTS

ppl.set_rng_seed(101)
mcmc = MCMC(NUTS(model), num_samples=500, warmup_steps=200, disable_progbar=True)
mcmc.run(8.5)
truth = ppl.infer.reference(model, 8.5)
print(f"NUTS: mean {mcmc.get_samples()['weight'].mean():.2f}")
print(f"{truth.kind}: mean {truth['weight'].mean:.2f}, evidence {math.exp(truth.log_evidence):.4f}")

# %% [markdown]
# ## A chain that rolls
#
# How does NUTS move? The next panel follows a chain step by step. Two objects lie on one scale: the
# sum of their weights is known well, the weights themselves are not, and the posterior is a narrow
# valley. HMC gives the chain a random push and lets it roll in *leapfrog steps*; the end of the
# ride is accepted if the steps have nearly kept the energy. Choose *slow* and press *Play*.
#
# Before you do: with steps of 0.3, what share of the rides is accepted?

# %%
from ppl_widgets import SamplerPanel

SamplerPanel(predict=True)

# %% [markdown]
# 1. *HMC*: 77 % are accepted, and about every second draw is as good as an independent one. Make
#    the step 0.5: nearly all rides run away. The limit is twice the sd of the valley's narrow
#    direction, 0.41.
# 2. *random walk*, steps of 0.3: 58 % are accepted, and yet 1,000 draws are worth less than 30.
#    **Much accepted is not much learned.**
# 3. *NUTS* rolls to both sides in time, and stops when it begins to turn back.
# 4. *target*, two peaks, with NUTS: 98 % accepted, no ride runs away, and one peak was never seen.
#    The table under *code* reports an R-hat of 1.00.
# 5. *target*, funnel, with NUTS: crosses mark where rides ran away, in the narrow neck, where no
#    draw has come. *explore* marks them in the same way, for any program of yours.
#
# ## Where people slip
#
# - *Mean 9.28, evidence 0.387*, from a guide that is the posterior: you weighted by the likelihood
#   alone, though you drew from q. Where is p / q?
# - *Evidence 0.0001*: normalise the weights after you have averaged them.
# - *Acceptance 0.232*: that is the evidence. Divide by the peak of the likelihood, 0.532.
#
# ## Exercises
#
# All in logs, as the algorithms do it: products of densities would soon be too small for a float.
#
# **05.weights.** For draws of a guide you are given three tensors of log densities: of the prior,
# of the reading given the weight, and of the guide. Return the log weights.


# %%
from ppl_widgets.exercises import check


def log_weights(log_prior, log_likelihood, log_guide):
    return ...


check("05.weights", log_weights)

# %% [markdown]
# **05.evidence.** From log weights: estimate the evidence.


# %%
def evidence(log_weights):
    return ...


check("05.evidence", evidence)

# %% [markdown]
# **05.ess.** From log weights: as a share of the draws, how many equal weights are worth as much?
# $(\sum w)^2 / \sum w^2$, divided by the number of draws.


# %%
def ess(log_weights):
    return ...


check("05.ess", ess)

# %% [markdown]
# **05.accepted.** The prior proposes, and a draw is kept with its likelihood over the largest
# likelihood there is. Which share of the draws is kept?


# %%
def accepted(guess, measurement, prior_sd, noise_sd):
    return ...


check("05.accepted", accepted)

# %% [markdown]
# ## What you can now say
#
# A guide is a proposal. It is good where it reaches wherever the posterior does, and no gauge made
# of its own draws can prove that. Too wide costs draws; too narrow costs the truth. Next:
# [the contract](06_contract.ipynb) between a guide and its model.

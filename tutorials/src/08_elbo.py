# %% [markdown]
# # The ELBO
#
# You will tell loss, ELBO, evidence and KL apart, and say what the noise of an estimate means.
#
# Inference needs one number that says how good a guide is. The natural one is the distance from the
# posterior, KL(guide, posterior), in nats. But the posterior is what you do not know. The way out:
#
# $$\log p(\text{reading}) = \underbrace{\mathbb{E}_q[\log p(w, \text{reading}) - \log q(w)]
# }_{\text{ELBO}} + \text{KL}(q, \text{posterior})$$
#
# The left side does not depend on the guide. So whoever raises the ELBO lowers the KL by as much,
# and the ELBO needs only densities that are written down: the model's and the guide's own. The loss
# is minus the ELBO.
#
# Before you run the cell: the guide is N(9, 0.8). Its loss jumps from draw to draw. For which guide
# does it stop jumping?

# %%
from ppl_widgets import ElboPanel

ElboPanel(a=9.0, b=0.8)

# %% [markdown]
# ## What you see
#
# One bar, cut in two ways: the loss is the floor plus the KL, and it is misfit plus complexity. The
# histogram holds single estimates, one draw each.
#
# 1. Drag *a* and *b*: the floor stays where it is, and the KL alone grows or shrinks.
# 2. No *average* goes below the floor, 1.462. Single draws may.
# 3. Set a to 9.14 and b to 0.6. The histogram becomes a spike: the noise of the loss is a symptom
#    of a guide that is not the posterior. From 2.18 at the prior its sd falls to 0.
#
# ## The same in code
#
# The loss of one guide, estimated five times, from a single draw each:

# %%
import math

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.infer import Trace_ELBO


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)


def guide_at(a, b):
    def guide(guess):
        return ppl.sample("weight", dist.Normal(a, b))

    return guide


ppl.set_rng_seed(101)
elbo = Trace_ELBO()
few = [elbo.loss(scale, guide_at(9.0, 0.8), 8.5) for _ in range(5)]
print("five single losses:", *(f"{loss:.2f}" for loss in few))

# %% [markdown]
# One estimate says little. Draw many weights at once, and average:


# %%
def losses(a, b, num=100_000):
    q = dist.Normal(a, b)
    weight = q.sample((num,))
    log_prior = dist.Normal(8.5, 1.0).log_prob(weight)
    log_fit = dist.Normal(9.5, 0.75).log_prob(weight)  # symmetric: weight and reading may swap
    return q.log_prob(weight) - log_prior - log_fit


log_evidence = float(ppl.infer.reference(scale, 8.5).log_evidence)
print(f"log evidence {log_evidence:.3f}, floor of the loss {-log_evidence:.3f}")
print("   a     b   loss    gap     sd")
for a, b in ((8.5, 1.0), (9.0, 0.8), (9.14, 0.6)):
    drawn = losses(a, b)
    loss = drawn.mean().item()
    print(f"{a:5.2f} {b:4.1f} {loss:6.3f} {abs(loss + log_evidence):6.3f} {drawn.std():6.2f}")

# %% [markdown]
# For normal distributions both parts of the bar have formulas: the **fit**, how well the draws
# explain the reading (the panel's misfit, with the other sign), and the **cost** of having moved
# from the prior (the panel's complexity).

# %%
a, b = 9.0, 0.8
fit = -0.5 * (math.log(2 * math.pi * 0.75**2) + ((a - 9.5) ** 2 + b**2) / 0.75**2)
cost = 0.5 * ((a - 8.5) ** 2 + b**2 - 1) - math.log(b)
print(f"fit {fit:.3f}, cost {cost:.3f}, ELBO {fit - cost:.3f}, gap {log_evidence - fit + cost:.3f}")

# %% [markdown]
# ## Where people slip
#
# - *+1.591*: that is the loss. The ELBO has the other sign.
# - *−1.422*: the fit only. What does moving away from the prior cost?
# - *−2.786*: the joint alone, with no −log q.
# - *0.084 for the gap*: that is KL(posterior, guide). SVI uses the other direction.
# - *Another number each time*: one draw. Average 100,000.
#
# ## Exercises
#
# Guess 8.5, reading 9.5, sds 1 and 0.75. By formula, or by the average of 100,000 draws or more.
#
# **08.elbo.** The ELBO of the guide N(a, b), in nats.


# %%
from ppl_widgets.exercises import check


def my_elbo(a, b):
    return ...


check("08.elbo", my_elbo)

# %% [markdown]
# **08.gap.** How far the ELBO stays below the log evidence.


# %%
def my_gap(a, b):
    return ...


check("08.gap", my_gap)

# %% [markdown]
# ## What you can now say
#
# Log evidence = ELBO + KL, and only the ELBO can be computed. Raising it is approaching the
# posterior. Noise in its estimates tells of a guide that is not there yet. Next:
# [SVI](09_svi.ipynb), which raises it by following its gradient.

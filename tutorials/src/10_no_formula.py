# %% [markdown]
# # No formula
#
# You will see what a guide hides that is too simple for its posterior, and measure it.
#
# The scale is folded: it does not show the weight, but how far the weight is from 8.5, squared. It
# reads $8.5 + (w - 8.5)^2$, give or take 0.25. It says 9.5. So the weight is about one kilogram off
# 8.5. Above or below? The scale cannot tell: the posterior has two hills.
#
# Your guide is one bell curve. Before you run the cell: where will it settle? On one hill, on the
# other, or in between with a width that covers both?

# %%
from ppl_widgets import NoFormulaPanel

NoFormulaPanel()

# %% [markdown]
# ## What you see
#
# The guide climbs one hill and leaves the other alone. It is sure of itself, 0.13 wide, where the
# posterior's sd is 0.965; and a gap remains between ELBO and log evidence, about log 2: the price
# of half the truth.
#
# 1. Set *guide starts at* to 8: it takes the other hill, with the same loss. It has not seen the
#    first one.
# 2. Open the drawer and take ten times as many *steps*. The gap stays. It is no fault of the
#    optimiser.
# 3. Choose *bent* as the response. It has one hill, not quite normal, and hardly a gap.
#
# ## The same in code
#
# There is no formula for this posterior, but a weight is one number, so a fine grid will do.

# %%
import math

import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import Adam


def folded_scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    shown = 8.5 + (weight - 8.5) ** 2
    return ppl.sample("measurement", dist.Normal(shown, 0.25), obs=9.5)


grid = torch.linspace(4.0, 13.0, 20_001, dtype=torch.float64)
log_joint = dist.Normal(8.5, 1.0).log_prob(grid) + dist.Normal(9.5, 0.25).log_prob(
    8.5 + (grid - 8.5) ** 2
)
evidence = torch.trapezoid(log_joint.exp(), grid)
density = log_joint.exp() / evidence
mean = torch.trapezoid(grid * density, grid)
sd = torch.trapezoid((grid - mean) ** 2 * density, grid).sqrt()
peak = grid[density.argmax()]
print(f"log evidence {evidence.log():.3f}, mean {mean:.2f}, sd {sd:.3f}")
print(f"peaks at {8.5 - abs(peak - 8.5):.2f} and {8.5 + abs(peak - 8.5):.2f}")

# %% [markdown]
# Now SVI, from both sides. The start decides.


# %%
def guide_from(start):
    def guide(guess):
        a = ppl.param("a", start)
        b = ppl.param("b", 0.3, constraint=constraints.positive)
        return ppl.sample("weight", dist.Normal(a, b))

    return guide


def average_loss(a, b, num=200_000):
    q = dist.Normal(a, b)
    w = q.sample((num,))
    log_p = dist.Normal(8.5, 1.0).log_prob(w) + dist.Normal(9.5, 0.25).log_prob(
        8.5 + (w - 8.5) ** 2
    )
    return (q.log_prob(w) - log_p).mean().item()


for start in (9.0, 8.0):
    ppl.set_rng_seed(101)
    with ppl.ParamStore():
        svi = SVI(folded_scale, guide_from(start), Adam({"lr": 0.005}))
        params = svi.run(3000, 8.5, progress_bar=False).params
        a, b = params["a"].item(), params["b"].item()
        gap = average_loss(a, b) + evidence.log().item()
        print(f"from {start}: a {a:.2f}, b {b:.2f}, gap {gap:.2f} (log 2 is {math.log(2):.2f})")

# %% [markdown]
# ## Where people slip
#
# - *Gap 0*: one bump cannot be two hills.
# - *sd 0.965*: that is the posterior's. The guide's is the width of one hill.
# - *a = 8.5*: the valley between the hills has almost no mass.
# - *More steps*: run ten times as many, and the gap stays.
#
# ## Exercises
#
# **10.centre.** Where does the guide's centre settle? Either hill will do, to two decimals.

# %%
from ppl_widgets.exercises import check

check("10.centre", ...)

# %% [markdown]
# **10.gap.** Which gap remains, in nats, and how wide is the guide?

# %%
check("10.gap", ..., ...)

# %% [markdown]
# ## What you can now say
#
# SVI finds the best guide of a family, seen from where it starts. What the family cannot say stays
# in the gap, and a guide with a gap may be sure and half right. Next: [many](11_many.ipynb) weights
# and many readings.

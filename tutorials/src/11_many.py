# %% [markdown]
# # Many
#
# You will weigh one object many times, look at a few readings at each step, and weigh two objects
# at once; and know what each of these costs.
#
# Ten thousand readings of one parcel leave hardly a doubt: precisions add, so the sd is
# $1 / \sqrt{1 + 10000 / 0.75^2} = 0.0075$. But to look at all of them at each step is a waste. Look
# at 100, and let each stand for 100 others. Before you run the cell: what happens if you forget the
# second half of that sentence?

# %%
from ppl_widgets import ManyPanel

ManyPanel()

# %% [markdown]
# ## What you see
#
# A guide that has forgotten the factor N/B believes that it saw the batch and nothing else: with
# 100 of 10,000 its sd is 0.0748, ten times too wide. Choose another *case*: with the factor the
# width is right, at the price of noise in the gradient. The cases with many weights put several
# objects on one scale: then a guide that draws them apart is too sure.
#
# ## The same in code
#
# A plate says how many rows there are. With `subsample_size` it shows some of them, and counts each
# for N/B.

# %%
import torch

import ppl_core as ppl
import ppl_core.distributions as dist


def model(readings):
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
    with ppl.plate("readings", len(readings), subsample_size=100) as rows:
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=readings[rows])


ppl.set_rng_seed(101)
readings = dist.Normal(9.0, 0.75).sample((10_000,))
sites = ppl.handlers.trace(model).get_trace(readings)
seen = sites["measurement"]
print(f"rows seen {seen.value.numel()}, each counted {seen.scale:.0f} times")

for name, count in (("seen", 100), ("owned", 10_000)):
    print(f"sd from the readings {name}: {(1 + count / 0.75**2) ** -0.5:.4f}")

# %% [markdown]
# ## Two objects on one scale
#
# The scale shows the sum of two weights. If one is heavier, the other is lighter: the posterior
# leans, with a correlation of −0.64. Its precision matrix has the priors on the diagonal, and the
# reading's precision everywhere.

# %%
precision = torch.eye(2, dtype=torch.float64) + torch.ones(2, 2, dtype=torch.float64) / 0.75**2
covariance = torch.linalg.inv(precision)
sd = covariance[0, 0].sqrt()
correlation = covariance[0, 1] / covariance[0, 0]
print(f"exact: sd {sd:.3f}, correlation {correlation:.2f}")
narrow = precision[0, 0] ** -0.5
gap = -0.5 * torch.log(1 - correlation**2)
print(f"mean field: sd {narrow:.3f}, gap {gap:.3f} nats")

# %% [markdown]
# A guide that draws both weights independently, *mean field*, cannot lean. SVI then makes it as
# narrow as the leaning ridge is across: 0.6 instead of 0.781.
#
# A last trap with many rows: a column meets a row, and broadcasting makes a square of them, N²
# terms instead of N. Here that is an error.


# %%
def squared(readings):
    weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
    with ppl.plate("readings", len(readings)):
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=readings[:, None])


def guide(readings):
    ppl.sample("weight", dist.Normal(ppl.param("a", 8.5), 0.6))


try:
    ppl.infer.Trace_ELBO().loss(squared, guide, readings[:5])
except ppl.ShapeError as error:
    print("N² loss:", error)

# %% [markdown]
# ## Where people slip
#
# - *0.0748*: 100 readings seen, 10,000 owned.
# - *0.6 for two objects*: mean field. What do the two weights share?
# - *0.75/√N*: the prior is missing, and it matters at N = 1.
# - *A loss N times too large*: (N,) met (N, 1) at `measurement`.
#
# ## Exercises
#
# **11.width.** The posterior's sd after `num` readings of one weight, prior sd 1.


# %%
from ppl_widgets.exercises import check


def width(num, noise_sd):
    return ...


check("11.width", width)

# %% [markdown]
# **11.subsample.** A model as above, written by yourself: `weight` from N(8.5, 1), readings with
# noise 0.75 as `measurement`, 100 of them at each step.


# %%
def subsampled(readings):
    return ...


check("11.subsample", subsampled)

# %% [markdown]
# **11.two.** Two objects on one scale: sd of each, and their correlation.


# %%
def two(prior_sd, noise_sd):
    return ..., ...


check("11.two", two)

# %% [markdown]
# ## What you can now say
#
# Rows that are independent stand in a plate; a plate that shows some of them counts each for
# several. A mean-field guide is too sure of what leans. Next: [networks](12_networks.ipynb), where
# one guide serves all readings.

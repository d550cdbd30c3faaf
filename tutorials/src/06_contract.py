# %% [markdown]
# # The contract
#
# You will state what a guide owes its model, break it in every way, and repair five guides.
#
# A model and a guide meet by name only. Inference draws from the guide, then replays the model with
# these draws. So a guide has to keep a contract:
#
# 1. it draws **each latent site** of the model, by the same name, and nothing else;
# 2. it takes **the same arguments**;
# 3. its draws stay where the model's can be: **the same support**, and the same shape.
#
# What if it does not? A library may keep silent, and train on to a wrong answer. Before you run the
# cell: a guide misspells `weight` as `wieght`. Which of its two knobs will go astray, and how far?

# %%
from ppl_widgets import ContractPanel

ContractPanel()

# %% [markdown]
# ## What you see
#
# The records of model and guide, side by side. What has no partner is marked, and the loss is shown
# with and without checks. Choose under *broken* what does not fit, and turn the *checks* off:
#
# - *misspelt*: the mean `a` never moves, since no site listens to it. The width `b` grows and
#   grows, because a wide guide looks as if it had much entropy, and the loss falls below its floor.
# - *data drawn twice*: the posterior is right, and the loss is 0.331 instead of 1.462. It lacks
#   1.131, which is the entropy of the scale's noise.
# - *not conditioned*: the prior comes back, with a loss of 1.131, pure noise of the scale.
#
# With checks on, each of these is one error on the first step.
#
# ## The same in code
#
# `check_guide` examines a guide beside its model. It says everything that it finds, and how to mend
# it; a healthy guide gives an empty list.

# %%
import math

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.inspect import check_guide
from ppl_core.optim import Adam


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)


def healthy(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def misspelt(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("wieght", dist.Normal(a, b))


for guide in (healthy, misspelt):
    print(guide.__name__, "->", check_guide(scale, guide, 8.5))

# %% [markdown]
# Inference does not train on a broken pair:

# %%
try:
    SVI(scale, misspelt, Adam({"lr": 0.01})).step(8.5)
except ppl.GuideError as error:
    print(error)

# %% [markdown]
# The two numbers from above have names. The entropy of the scale's noise is what a reading of a
# *known* weight still costs on average, and the floor is minus the log evidence:

# %%
entropy = 0.5 * math.log(2 * math.pi * math.e * 0.75**2)
floor = -ppl.infer.reference(scale, 8.5).log_evidence
print(f"entropy of the noise {entropy:.3f}, floor {floor:.3f}, difference {floor - entropy:.3f}")

# %% [markdown]
# ## Where people slip
#
# - *A site is missing*: the model draws `weight`, the guide does not.
# - *A site is misspelt*: did you mean `weight`?
# - *Data is drawn*: `measurement` is observed, and a guide draws latent sites only.
# - *Another signature*: both are called with the same arguments, used or not.
# - *Another support*: a normal guide can propose −2 where the model allows only weights above 0.
#
# ## Exercises
#
# Five guides, each with one thing to repair. Run a cell as it is and read what it says; then mend
# the guide and run it again. A repaired guide has to learn, too.
#
# **06.empty.**


# %%
from ppl_widgets.exercises import check


def empty_guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    dist.Normal(a, b)


check("06.empty", empty_guide)

# %% [markdown]
# **06.name.**


# %%
def misnamed_guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("wieght", dist.Normal(a, b))


check("06.name", misnamed_guide)

# %% [markdown]
# **06.data.**


# %%
def eager_guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    weight = ppl.sample("weight", dist.Normal(a, b))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


check("06.data", eager_guide)

# %% [markdown]
# **06.arguments.**


# %%
def lonely_guide():
    a = ppl.param("a", 8.5)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


check("06.arguments", lonely_guide)

# %% [markdown]
# **06.support.** Here the model is another one. It draws the weight from a log-normal distribution,
# which is above 0, and its scale errs by a share of the weight.


# %%
def sprawling_guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


check("06.support", sprawling_guide)

# %% [markdown]
# ## What you can now say
#
# A guide draws every latent site and nothing else, takes what the model takes, and stays in its
# support. Silence costs more than an error. Next:
# [parameters and state](07_parameters_and_state.ipynb), or where `a` and `b` live.

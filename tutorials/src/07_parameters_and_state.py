# %% [markdown]
# # Parameters and state
#
# You will know where `a` and `b` live, why a second start changes nothing, and how a width is kept
# above 0.
#
# `param("a", 8.5)` means: there is a knob called `a`; if nobody has made it yet, it starts at 8.5.
# Its value lives in the **parameter store**, outside the guide, so that it is still there when the
# guide runs again. It works like a dictionary's `setdefault`: the first call wins.
#
# The guide says `param("a", guess)`. In a moment you will train it with *Play*, and drag *guess* to
# 6 while it learns. Before you do: will `a` jump to 6?

# %%
from ppl_widgets import ScalePanel

ScalePanel()

# %% [markdown]
# ## What you see
#
# `a` does not jump. Its first value was stored, and from then on only learning moves it: it walks
# to the new posterior, step by step. *Same noise* empties the store and starts again; then the
# guess counts.
#
# ## The same in code

# %%
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import Adam

ppl.clear_param_store()
first = ppl.param("a", 8.5).item()
second = ppl.param("a", 7.0).item()
print(f"first call {first}, second call {second}")

# %% [markdown]
# ## Widths are positive
#
# Learning adds small steps to a number, and a step may lead anywhere. A width must stay above 0.
# The original tutorial takes `abs(b)`: then −0.6 is as good as 0.6, and a run may end at either.
# A **constraint** is better. The store keeps a number that may be anything, and maps it into the
# range: here by the exponential.

# %%
b = ppl.param("b", 0.6, constraint=constraints.positive)
store = ppl.get_param_store()
print(f"stored {store.unconstrained('b').item():.4f}, seen {b.item():.4f}")
store.unconstrained("b").data -= 5.0
print(f"after a giant step down: {ppl.param('b').item():.4f}")

# %% [markdown]
# Next, `b` alone is learned, in four ways, while `a` stands at its best. In the panel, the upper
# line of numbers holds what the store keeps, *u*, and the lower one the width that it is mapped to;
# the dotted outline shows where 200 other seeds end.
#
# With `abs` about 40 % of them end at the mirror optimum. Before you choose `exp`: where will they
# go? Then move *init*, and read the table.

# %%
from ppl_widgets import StorePanel

StorePanel()

# %% [markdown]
# A moved *init* is ignored: `b` was born in run 1, and stays until *Same noise* clears the store.

# %% [markdown]
# ## Two runs, and what lies between
#
# The store remembers. Train twice, and the second run begins where the first one ended: its first
# losses are already at the floor.


# %%
def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=9.5)


def guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


def run():
    """Where the run begins, as a and b."""
    svi = SVI(scale, guide, Adam({"lr": 0.01}))
    svi.step(8.5)
    begin = ppl.param("a").item(), ppl.param("b").item()
    svi.run(1500, 8.5, progress_bar=False)
    return begin


ppl.set_rng_seed(101)
ppl.clear_param_store()
for name in ("first", "second"):
    a, b = run()
    print(f"{name} run: after one step a {a:.1f}, b {b:.1f}")

# %% [markdown]
# Empty the store in between, or give each run a store of its own, which is gone when the block
# ends:

# %%
for name in ("third", "fourth"):
    with ppl.ParamStore():
        a, b = run()
    print(f"{name} run: after one step a {a:.1f}, b {b:.1f}")

# %% [markdown]
# What is *not* in the store is not learned. A plain tensor in a guide is a constant:


# %%
def half_a_guide(guess):
    a = torch.tensor(guess)  # no param
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


with ppl.ParamStore() as own:
    SVI(scale, half_a_guide, Adam({"lr": 0.01})).run(1500, 8.5, progress_bar=False)
    print("learned:", list(own.keys()))

# %% [markdown]
# ## Where people slip
#
# - *100 for the second call*: the first call wins.
# - *b = −0.6*: the mirror optimum of `abs`. A constraint removes it.
# - *a stays at 8.5*: a plain tensor never enters the store.
# - *The first loss is 1.5 already*: the second run began where the first one ended.
#
# ## Exercises
#
# **07.second.** The store is empty. A program says `param("a", 8.5)`, and later
# `param("a", 100.0)`. What does the second call return?

# %%
from ppl_widgets.exercises import check

check("07.second", ...)

# %% [markdown]
# **07.positive.** Repair this guide, so that its width cannot leave its range.


# %%
def mirrored_guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0)
    return ppl.sample("weight", dist.Normal(a, b.abs()))


check("07.positive", mirrored_guide)

# %% [markdown]
# **07.twice.** You are given a function `train()` that trains and returns its first loss. Call it
# twice, so that both runs start afresh, and return both losses.


# %%
def twice(train):
    return ..., ...


check("07.twice", twice)

# %% [markdown]
# ## What you can now say
#
# A parameter is made once and lives in a store. A constraint maps any number into the range where
# the parameter makes sense. Two runs share a store, unless you part them. Next:
# [the ELBO](08_elbo.ipynb), or what the loss is made of.

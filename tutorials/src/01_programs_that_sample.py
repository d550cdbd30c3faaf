# %% [markdown]
# # Programs that sample
#
# You will write a program with chance in it, run it many times, and read off what it believes.
# Afterwards you can say what a *joint* distribution is, and why readings of unknown parcels
# spread more than readings of one parcel.
#
# Somebody hands you a parcel. You guess 8.5 kilograms, give or take 1, and put it on a scale that
# errs by 0.75 or so. The program below tells that story once per run: first it makes up a parcel,
# then it weighs it. Each line of the picture is one run: from the guess, to a weight, to a reading.
#
# Before you run the cell: how far do the readings spread? By 0.75, by 1, by 1.75, or by something
# else?

# %%
from ppl_widgets import ForwardPanel

ForwardPanel()

# %% [markdown]
# ## What you see
#
# The blue line is the newest run. Press *Step* a few times and follow it down: the weight falls
# somewhere near the guess, and the measurement falls somewhere near *that weight*, not near the
# guess. The two histograms on the right collect all runs so far. The black curves are exact.
#
# The readings spread by 1.25: more than the scale errs, less than the sum of both. Variances
# add, standard deviations do not: $\sqrt{1^2 + 0.75^2} = 1.25$.
#
# 1. Drag *noise sd* to its lowest value. Which histogram changes, and what becomes of the lower
#    half of the lines?
# 2. Drag *guess*. Everything moves along, and nothing changes its width. Why?
#
# ## The same in code
#
# `sample` gives a quantity a name and says where it comes from. That is all there is to a model.

# %%
import torch

import ppl_core as ppl
import ppl_core.distributions as dist


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


ppl.set_rng_seed(101)
readings = torch.stack([scale(8.5) for _ in range(2000)])
print(f"2,000 readings: mean {readings.mean():.2f}, sd {readings.std():.2f}")

# %% [markdown]
# A hundred thousand runs are slow in a loop. A plate says that rows do not depend on each other, so
# all of them can be drawn at once. The program inside stays as it is.

# %%
ppl.set_rng_seed(101)
with ppl.plate("parcels", 100_000):
    readings = scale(8.5)
print(f"100,000 readings: mean {readings.mean():.3f}, sd {readings.std():.3f}")

# %% [markdown]
# A run leaves a record. Every row is a *site*: a name, a distribution, the value that was drawn,
# and the log of how likely that value was. Both logs added up, as above the table, are the log of
# the **joint** density: how likely this parcel *and* this reading are, together. Where the value
# comes from is said last: who set it, and in which cell and line.

# %%
ppl.set_rng_seed(101)
ppl.inspect.ledger(scale, 8.5)

# %% [markdown]
# The arrows of the program, found by running it:

# %%
ppl.inspect.graph(scale, 8.5)

# %% [markdown]
# ## Where people slip
#
# - *"The readings spread by 0.75."* That is how far readings of **one** parcel spread. Here every
#   run has a parcel of its own.
# - *"By 1.75."* Standard deviations do not add. Their squares do.
# - *"2,000 times the same number."* Then the program ran once, and its one draw was repeated. Call
#   it inside the loop.
#
# ## Try it
#
# Below, the same parcel is weighed twice, and each reading has a name of its own. What is the sd of
# their difference? Work it out first. Does it depend on what the parcel weighs?

# %%
ppl.set_rng_seed(101)


def weigh_twice(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    first = ppl.sample("first", dist.Normal(weight, 0.75))
    second = ppl.sample("second", dist.Normal(weight, 0.75))
    return first - second


with ppl.plate("parcels", 100_000):
    difference = weigh_twice(8.5)
print(f"sd of the difference {difference.std():.3f}")

# %% [markdown]
# ## Exercises
#
# Replace the dots, then run the cell. `check` tries your answer at settings that you do not see. If
# it is not right, it tells you what your number *is*, and asks you a question.
#
# **01.readings.** Weigh 2,000 parcels or more and return the readings, for any guess and any noise.


# %%
from ppl_widgets.exercises import check


def readings(guess, noise_sd):
    return ...


check("01.readings", readings)

# %% [markdown]
# **01.twice.** One parcel is weighed twice. Return the sd of the difference of both readings, as a
# formula.


# %%
def apart(noise_sd):
    return ...


check("01.twice", apart)

# %% [markdown]
# ## What you can now say
#
# A model is a program that samples. One run is one possible world; the joint density says how
# likely that world is. What a quantity does over all runs is its marginal distribution.
#
# Next: [conditioning](02_conditioning.ipynb), or what happens once the scale has spoken.

# %% [markdown]
# # Conditioning
#
# You will condition a program on what you have seen, in three spellings that mean the same, and
# see why it means *keep the runs that agree*.
#
# The scale says 9.5. How heavy is the parcel now? Here is a way that needs no mathematics: let the
# program make up many parcels and readings, and keep those whose reading is near 9.5. The weights
# of the kept ones are your new belief.
#
# Before you run the cell: the window takes readings between 9 and 10. Will the kept weights average
# 9.5, or less, or more?

# %%
from ppl_widgets import ConditionPanel

ConditionPanel()

# %% [markdown]
# ## What you see
#
# Each dot is a run: a weight and its reading. The band is the window around 9.5; blue dots are
# inside. On the right, the weights of the blue dots, beside the exact curve for *this* window
# (black) and for a window that shrinks to nothing (dash-dotted): N(9.14, 0.60).
#
# 1. Make the window 2. The kept weights move towards the guess: exactly, to 8.77. You have let in
#    runs that do not agree.
# 2. Make it 0.1. The exact mean is 9.14 now, and only 4.6 % of the runs are kept. This is the
#    price of keeping runs: the nearer to the truth, the fewer are left.
# 3. Drag *measurement*. The band moves, and the kept weights follow it, 0.64 kilograms for each
#    kilogram of the reading.
#
# ## The same in code
#
# The program, and what `condition` makes of it. A conditioned program does not draw the
# measurement: it is 9.5, and the ledger says who said so.

# %%
import torch

import ppl_core as ppl
import ppl_core.distributions as dist


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


conditioned = ppl.condition(scale, data={"measurement": 9.5})
ppl.set_rng_seed(101)
ppl.inspect.ledger(conditioned, 8.5)

# %% [markdown]
# The same, deferred until the reading is known, and written into the program itself:


# %%
def deferred(measurement, guess):
    return ppl.condition(scale, data={"measurement": measurement})(guess)


def with_obs(measurement, guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75), obs=measurement)


for program, args in ((conditioned, (8.5,)), (deferred, (9.5, 8.5)), (with_obs, (9.5, 8.5))):
    print(f"{ppl.log_density(program, {'weight': 9.0}, *args):.4f}")

# %% [markdown]
# Three spellings, one log joint. Running a conditioned program does **not** draw from the
# posterior: it still draws the weight from the prior, and only scores the reading. What it is good
# for is inference. `reference` finds the best truth there is for a model, and says how it knows:

# %%
truth = ppl.infer.reference(conditioned, 8.5)
print(truth.kind, f"mean {truth['weight'].mean:.2f}, sd {truth['weight'].sd:.2f}")

# %% [markdown]
# And the panel by hand: run, keep, average.

# %%
ppl.set_rng_seed(101)
with ppl.plate("runs", 400_000), ppl.handlers.trace() as sites:
    scale(8.5)
weight, reading = sites["weight"].value, sites["measurement"].value
for window in (2.0, 1.0, 0.5, 0.1):
    kept = weight[(reading - 9.5).abs() < window]
    share = len(kept) / len(weight)
    print(f"window {window:3}: kept {share:5.1%}, mean {kept.mean():.2f}, sd {kept.std():.2f}")

# %% [markdown]
# ## Where people slip
#
# A misspelt site is the costliest mistake there is: the program would return the prior, and you
# would believe it. Here it is an error, which names what you may have meant.

# %%
try:
    ppl.condition(scale, data={"measurment": 9.5})(8.5)
except ppl.ModelError as error:
    print(error)

# %% [markdown]
# - *8.5, give or take 1*: nothing was observed; that is the prior.
# - *9.0, give or take 0.71*: the noise was 1.0 somewhere. Compare the ledgers.
# - *9.5, give or take 0*: you fixed the weight, not the reading.
#
# ## Try it
#
# Weigh the parcel twice, 9.5 and 9.1. Which mean and sd do you expect? Precisions add:
# $1 + 2/0.75^2 = 4.556$, so the sd is $1/\sqrt{4.556} = 0.469$.


# %%
def weigh_twice(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    with ppl.plate("readings", 2):
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=torch.tensor([9.5, 9.1]))


truth = ppl.infer.reference(weigh_twice, 8.5)
print(f"mean {truth['weight'].mean:.3f}, sd {truth['weight'].sd:.3f}")

# %% [markdown]
# ## Exercises
#
# **02.posterior.** Keep runs that agree: return the kept weights, 20,000 of them or more, for any
# reading and any guess. Make the window narrow enough that halving it moves nothing.


# %%
from ppl_widgets.exercises import check


def posterior(measurement, guess):
    return ...


check("02.posterior", posterior)

# %% [markdown]
# **02.deferred.** Without a window: a program that takes the reading first and the guess second,
# and runs `scale` with that reading observed. Write it without looking up.


# %%
def deferred_scale(measurement, guess):
    return ...


check("02.deferred", deferred_scale)

# %% [markdown]
# ## What you can now say
#
# Conditioning keeps the runs that agree with what was seen. `condition`, a deferred `condition` and
# `obs=` say the same. Next: [look or touch](03_look_or_touch.ipynb), where setting a value is not
# the same as seeing it.

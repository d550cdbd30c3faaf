# %% [markdown]
# # The unreliable scale
#
# You hold a parcel. It feels like 8.5 kilograms, give or take one. You put it on a scale, and
# the scale says 9.5. But you know this scale: weigh the same parcel twice and it gives two
# answers, each off by 0.75 or so.
#
# How heavy is the parcel? Hardly 8.5, now that you have seen a reading. Hardly 9.5, on this
# scale. Somewhere between; and you would like to know where, and how sure you may be.
#
# **A model** is your story of how a reading comes about, written as a program with chance in it:
#
# ```python
# def scale(guess):
#     weight = sample("weight", Normal(guess, 1.0))
#     return sample("measurement", Normal(weight, 0.75))
# ```
#
# Read it aloud: the weight is near your guess, give or take 1; the measurement is near the
# weight, give or take 0.75. Run it, and it makes up a parcel and weighs it.
#
# You want to go the other way: from the reading 9.5 back to the weight. The answer is not one
# number but a curve over all weights, high where the weight is believable. It is called the
# **posterior**.
#
# **A guide** is a second program, which proposes such a curve. Yours proposes a bell curve, and
# has two knobs: its centre `a` (the mean) and its width `b` (the standard deviation, or sd).
# Learning turns the knobs, a little at a time, until the guide is as close to the posterior as
# it can be. How far off it is, you read from the **loss**.
#
# For a model this small the exact posterior is known, so you can watch how learning does. Run
# the next cell. Before you press *Play*: where will the learned curve end, nearer to 8.5 or
# nearer to 9.5?

# %%
from ppl_widgets import ScalePanel

ScalePanel()

# %% [markdown]
# ## What the curves say
#
# Four curves over the weight:
#
# - **prior**, dashed grey: what you believed before the scale spoke. Centre 8.5, sd 1.
# - **likelihood**, dotted green: how well each weight explains the reading. Centre 9.5, sd 0.75.
# - **exact**, solid black (white on a dark page): the posterior. Centre 9.14, sd 0.6. It is
#   narrower than the other two: a guess and a reading together tell more than either alone.
# - **learned**, blue with dots: the guide as it is now. It starts out as the prior.
#
# Three traces over the steps of learning:
#
# - **loss** jumps about, because each step estimates it from a single random draw. Its average
#   equals 1.462 plus the distance between the learned curve and the exact one (the *KL*, counted
#   in *nats*). At the start that is 1.462 + 0.947 = 2.409; at the end 1.462 is left: the floor.
#   No average can go below it, into the hatched zone, though a single draw may.
# - **a** climbs from 8.5 to 9.14, and **b** comes down from 1 to 0.6. Then both keep trembling:
#   every step follows a noisy hint, so none of them is the last word.
#
# The dash-dotted line in each trace is what to expect on average. At each step, 95 of 100 runs
# are inside the pale band around it: wandering there means nothing.
#
# ## What to try first
#
# 1. Press *Play*. Did the curve end where you said?
# 2. Press *Play* again, and drag *measurement* to 10.5 while it learns. The exact curve moves
#    with your hand, the learned one sets out after it, and every trace marks the change. The
#    reading went up by 1. By how much did the exact centre?
# 3. Drag *guess* up by 1 as well: the ring on top of the prior is a handle, too. Now the centre
#    moves by 0.36 only, where the reading made it move by 0.64. Which of your two sources is the
#    sharper one?
# 4. Watch the width of the exact curve while you drag. It stays at 0.6. What would change it?
#    Open *noise · prior · optimiser* below the buttons and find out.
# 5. Press *Same noise*, then *Play*: the same path, step for step. Press *New noise*: another
#    path, to the same place.

# %% [markdown]
# ## The same in code
#
# The panel runs an ordinary program. Here it is, in your hands. First the model, and five
# parcels that it makes up and weighs. The readings spread by 1.25 around the guess, since the
# parcels differ *and* the scale errs: $\sqrt{1^2 + 0.75^2} = 1.25$.

# %%
import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI, Trace_ELBO
from ppl_core.optim import Adam


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


ppl.set_rng_seed(32)
[round(scale(8.5).item(), 2) for _ in range(5)]

# %% [markdown]
# Now say what you saw. `condition` makes a new program of the old one, in which the measurement
# is no longer drawn: it is 9.5.

# %%
conditioned_scale = ppl.condition(scale, data={"measurement": 9.5})

# %% [markdown]
# The guide must draw everything that the model leaves open, which is `weight`, and take the same
# argument. `param` makes a knob: a name, where it starts, and where it may go. A width is
# positive.


# %%
def guide(guess):
    a = ppl.param("a", guess)
    b = ppl.param("b", 1.0, constraint=constraints.positive)
    return ppl.sample("weight", dist.Normal(a, b))


# %% [markdown]
# Stochastic variational inference (SVI) turns the knobs. Each step draws a weight from the
# guide, asks model and guide how probable it is, and moves `a` and `b` a little in the direction
# that lowers the loss.

# %%
ppl.clear_param_store()  # a second run of this cell starts afresh too
svi = SVI(conditioned_scale, guide, Adam({"lr": 0.01}), loss=Trace_ELBO())

losses, a, b = [], [], []
for _ in range(1000):
    losses.append(svi.step(8.5))
    a.append(ppl.param("a").item())
    b.append(ppl.param("b").item())

# %% [markdown]
# Compare. The exact posterior weighs guess and reading by their precisions, one over the
# variance: $1/1^2$ and $1/0.75^2$. That is the 0.36 and the 0.64 from above.

# %%
exact_a = 0.36 * 8.5 + 0.64 * 9.5
exact_b = (1 / 1.0**2 + 1 / 0.75**2) ** -0.5


def mean(values):
    return sum(values) / len(values)


print("                        a      b    loss")
print(f"start               {8.5:5.2f}  {1.0:5.2f}  {2.409:6.3f}")
print(f"last step           {a[-1]:5.2f}  {b[-1]:5.2f}  {losses[-1]:6.3f}")
print(
    f"mean of last 500    {mean(a[-500:]):5.2f}  {mean(b[-500:]):5.2f}  {mean(losses[-500:]):6.3f}"
)
print(f"exact               {exact_a:5.2f}  {exact_b:5.2f}  {1.462:6.3f}")

# %% [markdown]
# A single step is off by its noise; the mean of the last 500 is nearly exact. Now change
# something and predict what happens before you run it: a reading of 7, a scale with noise 3, a
# guide that starts at 20. Misspell `"weight"` in the guide, and see what you are told.
#
# Next: [programs that sample](01_programs_that_sample.ipynb), where this model is run forwards.

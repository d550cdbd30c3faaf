# %% [markdown]
# # Look or touch
#
# You will tell *seeing* a value from *setting* it, and know when the difference matters.
#
# Two people come to the scale. The first one reads it: 9.5. The second one glues the needle to
# 9.5. Both now know that the needle stands at 9.5. What does each of them know about the parcel?

# %%
from ppl_widgets import LookPanel

LookPanel()

# %% [markdown]
# ## What you see
#
# The dashed curve is the belief before, the black one after. The dotted curve is what the *other*
# way would have led to. Below on the right stand the arrows of the program: who listens to whom.
#
# 1. Choose *site* measurement and *look*: the weight becomes N(9.14, 0.60). Choose *touch*: it
#    stays N(8.5, 1), and the arrow into the measurement is gone. A glued needle tells nothing.
# 2. Now *site* weight, value 10. Look or touch: the measurement becomes N(10, 0.75) either way.
#    Nothing else feeds the weight, so it does not matter how you came to know it.
# 3. Open the drawer and turn the *draught* on. A draught pushes down on the parcel and on the scale
#    as well. **See** a weight of 10 and expect a reading of 10.75, because a heavy reading of the
#    weight speaks for a draught. **Set** it to 10 and expect 10.
#
# ## The same in code
#
# `condition` looks, `do` touches. The rest of the program is the same.

# %%
import ppl_core as ppl
import ppl_core.distributions as dist


def draughty(guess):
    draught = ppl.sample("draught", dist.Normal(0.0, 1.0))
    weight = ppl.sample("weight", dist.Normal(guess + draught, 1.0))
    return ppl.sample("measurement", dist.Normal(weight + draught, 0.75))


look = ppl.condition(draughty, data={"weight": 10.0})
touch = ppl.do(draughty, data={"weight": 10.0})
for name, program in (("look", look), ("touch", touch)):
    next_reading = ppl.infer.reference(program, 8.5)["measurement"]
    print(f"{name:5}: next reading {next_reading.mean:.2f}, give or take {next_reading.sd:.2f}")

# %% [markdown]
# Looking also makes you surer of the draught, so the spread shrinks: 1.03 instead of 1.25. In the
# graph of the touched program, the dashed arrow is cut: whatever the weight would have been, the
# measurement is told 10.

# %%
ppl.inspect.graph(touch, 8.5)

# %% [markdown]
# ## Where people slip
#
# - *9.14 for the glued needle*: gluing the needle tells nothing about the parcel.
# - *10 for seeing*: what does a heavy weight say about the draught?
# - *11.5 for seeing*: the draught explains only half of the 1.5 by which the weight is up.
#
# ## Try it
#
# With the draught, what does looking at a *measurement* of 9.5 say about the weight, and what does
# touching it say? Predict both, then run the cell.

# %%
for name, way in (("look", ppl.condition), ("touch", ppl.do)):
    weight = ppl.infer.reference(way(draughty, data={"measurement": 9.5}), 8.5)["weight"]
    print(f"{name:5}: weight {weight.mean:.2f}, give or take {weight.sd:.2f}")

# %% [markdown]
# ## Exercises
#
# Return a mean and an sd, by formula or with `reference` as above.
#
# **03.glued.** No draught: somebody glues the needle of `scale` to `reading`. What do you believe
# about the weight?


# %%
from ppl_widgets.exercises import check


def glued(guess, reading):
    return ..., ...


check("03.glued", glued)

# %% [markdown]
# **03.seen.** With the draught: you *see* the weight. What will the scale read?


# %%
def seen(guess, weight):
    return ..., ...


check("03.seen", seen)

# %% [markdown]
# **03.set.** With the draught: you *set* the weight. What will the scale read?


# %%
def put(guess, weight):
    return ..., ...


check("03.set", put)

# %% [markdown]
# ## What you can now say
#
# Seeing follows the arrows both ways; setting cuts those that lead in. The two differ as soon as
# something else feeds what you look at. Next: [the perfect guide](04_perfect_guide.ipynb), or what
# exactly to believe once the scale has spoken.

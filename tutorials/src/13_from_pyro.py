# %% [markdown]
# # For those who know Pyro
#
# You will run a Pyro tutorial here, see what is the same and what is kinder, and find the slips in
# the original, one by one.
#
# `sample`, `param`, `plate`, `condition`, `do`, `SVI`, `Trace_ELBO`, `NUTS`, `Predictive`,
# `poutine`: the words are Pyro's, and so are their arguments. Most programs run with their import
# lines changed. Before you run the cells: the original introduction to inference holds at least
# five slips. How many do you remember?
#
# ## The same: the tutorial's program, as printed
#
# Note the float 9.5 in `condition` and in `obs=`: in the original this raises an error, for a value
# has to be a tensor there. Here a number is a number.

# %%
import ppl_core as pyro
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI, Trace_ELBO, reference
from ppl_core.optim import SGD


def scale(guess):
    weight = pyro.sample("weight", dist.Normal(guess, 1.0))
    return pyro.sample("measurement", dist.Normal(weight, 0.75))


conditioned_scale = pyro.condition(scale, data={"measurement": 9.5})


def scale_parametrized_guide(guess):
    a = pyro.param("a", guess)
    b = pyro.param("b", 1.0, constraint=constraints.positive)
    return pyro.sample("weight", dist.Normal(a, b))


# %% [markdown]
# ## The slips, one by one
#
# **One.** "Equivalent to `conditioned_scale`", says the original of `scale_obs`. It is not: its
# noise is 1.0.


# %%
def scale_obs(guess):
    weight = pyro.sample("weight", dist.Normal(guess, 1.0))
    return pyro.sample("measurement", dist.Normal(weight, 1.0), obs=9.5)


for name, model in (("conditioned_scale", conditioned_scale), ("scale_obs", scale_obs)):
    weight = reference(model, 8.5)["weight"]
    print(f"{name}: N({weight.mean:.2f}, {weight.sd:.3f})")

# %% [markdown]
# **Two.** No store is cleared, so a second run of the cell goes on from the first one.
#
# **Three.** The labels are swapped: it prints `'a = '` before the value of b, and `'b = '` before
# the value of a.
#
# **Four.** `b` goes through `abs`, which has a mirror optimum at −0.6. A constraint has none.
#
# **Five.** 2,500 steps of SGD end "very close": at 9.107 and 0.629. That is the noise ball of the
# learning rate, and more steps would not come nearer. The average of the last T steps is off by
# $0.6 / \sqrt{T}$ at most: 1,000 are a little better than one, 10,000 much better.

# %%
pyro.set_rng_seed(101)
pyro.clear_param_store()
svi = SVI(
    model=conditioned_scale,
    guide=scale_parametrized_guide,
    optim=SGD({"lr": 0.001, "momentum": 0.1}),
    loss=Trace_ELBO(),
)
a, b = [], []
for _ in range(3500):
    svi.step(8.5)
    a.append(pyro.param("a").item())
    b.append(pyro.param("b").item())
print(f"a = {a[2499]:.3f}, b = {b[2499]:.3f} at step 2,500")
print(f"a = {sum(a[-1000:]) / 1000:.2f}, b = {sum(b[-1000:]) / 1000:.2f}, mean of the last 1,000")

# %% [markdown]
# ## What is kinder
#
# - A site that does not exist is an error, in `condition`, `do` and in a guide, and the nearest
#   name stands in it. Elsewhere the prior comes back in silence.
# - A guide that misses a site, adds one, draws data or has another support is one error, on the
#   first step.
# - `with ParamStore():` gives a run a store of its own.
# - `SVI.run(n)` compiles the steps where it can; the steps are those of `step`, with the same
#   noise.
# - Every run can be stepped, paused and rewound, and owns its random stream.

# %%
try:
    pyro.condition(scale, data={"measurment": 9.5})(8.5)
except pyro.ModelError as error:
    print(error)

# %% [markdown]
# ## What you can now say
#
# What you know of Pyro holds here. What Pyro passes over in silence is said. The introduction's
# answer was noise around the truth, and now you know how much. Back to the
# [start](00_start_here.ipynb), or on to what happens [inside](14_inside.ipynb).

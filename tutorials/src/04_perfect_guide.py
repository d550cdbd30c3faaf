# %% [markdown]
# # The perfect guide
#
# You will write down the posterior of the scale by hand, for any guess, any reading and any two
# spreads, and recognise a perfect guide when you meet one.
#
# You have two sources: your guess, 8.5 give or take 1, and the scale, 9.5 give or take 0.75. You
# would not average them plainly, since the scale is the sharper one. How much more should it count?
#
# Before you run the cell: imagine a worse scale, off by 2 instead of 0.75. Where does the exact
# curve go, towards 8.5 or towards 9.5? And does it become wider than the prior?

# %%
from ppl_widgets import ScalePanel

ScalePanel()

# %% [markdown]
# ## What you see
#
# The black curve lies between the dashed prior and the dotted likelihood, nearer to the sharper
# one, and it is narrower than either.
#
# 1. Drag *measurement* up by 1: the exact centre follows by 0.64. Drag *guess* up by 1: it follows
#    by 0.36. The two shares add up to 1.
# 2. Open *noise · prior · optimiser* and set the noise to 2. Now the reading counts for 0.2 only,
#    and the exact curve hugs the prior.
# 3. Set the noise to 1, as large as the prior sd. Both sources count for one half.
# 4. Look for settings at which the exact curve is wider than the prior. You will not find any: on
#    this model a reading never makes you less sure.
#
# ## The rule
#
# The **precision** of a source is one over its variance: $1/1^2 = 1$ for the guess, $1/0.75^2 =
# 1.78$ for the scale. Precisions add, and means are averaged by precision:
#
# $$\text{mean} = \frac{1 \cdot 8.5 + 1.78 \cdot 9.5}{1 + 1.78} = 9.14 \qquad
# \text{sd} = \frac{1}{\sqrt{1 + 1.78}} = 0.6$$
#
# Multiplied through by both variances it looks like this, and each source is now weighed by the
# variance of the *other* one:


# %%
import ppl_core as ppl
import ppl_core.distributions as dist


def scale(guess):
    weight = ppl.sample("weight", dist.Normal(guess, 1.0))
    return ppl.sample("measurement", dist.Normal(weight, 0.75))


def perfect_guide(guess):
    mean = (0.75**2 * guess + 1.0**2 * 9.5) / (1.0**2 + 0.75**2)
    sd = (1.0**2 * 0.75**2 / (1.0**2 + 0.75**2)) ** 0.5
    return ppl.sample("weight", dist.Normal(mean, sd))


model = ppl.condition(scale, data={"measurement": 9.5})
drawn = ppl.handlers.trace(perfect_guide).get_trace(8.5)["weight"].fn
print(f"the guide: mean {drawn.mean:.2f}, sd {drawn.stddev:.2f}")
truth = ppl.infer.reference(model, 8.5)["weight"]
print(f"the reference: mean {truth.mean:.2f}, sd {truth.sd:.2f}")

# %% [markdown]
# ## How you recognise a perfect guide
#
# By definition the posterior is the joint density divided by the evidence, $p(w \mid 9.5) =
# p(w, 9.5) / p(9.5)$. So if the guide *is* the posterior, the log joint minus the log guide is the
# same number at every weight: the log evidence. Any other guide gives a number that moves.


# %%
def other_guide(guess):
    return ppl.sample("weight", dist.Normal(9.0, 0.8))


print("weight   perfect    other")
for weight in (8.0, 9.0, 10.0):
    log_joint = ppl.log_density(model, {"weight": weight}, 8.5)
    gaps = [
        (log_joint - ppl.log_density(guide, {"weight": weight}, 8.5)).item()
        for guide in (perfect_guide, other_guide)
    ]
    print(f"{weight:6.1f}  {gaps[0]:8.4f} {gaps[1]:8.4f}")

# %% [markdown]
# A perfect guide has no noise in it, then: a single draw tells the evidence exactly, and every
# draw is worth as much as any other.

# %%
from ppl_core.infer import Importance

for name, guide in (("perfect", perfect_guide), ("other", other_guide)):
    ppl.set_rng_seed(101)
    weighed = Importance(model, guide, num_samples=1_000).run(8.5)
    evidence = weighed.get_log_normalizer().exp()
    print(f"{name:8}: evidence {evidence:.4f}, ESS {weighed.get_ESS() / 1000:.1%}")

# %% [markdown]
# ## Where people slip
#
# - *8.86*: the two shares are swapped. The sharper source gets the larger one.
# - *9.071, give or take 0.655*: sds where variances belong.
# - *9.0, give or take 0.707*: equal trust, as if the scale's noise were 1.
# - *0.36 for the sd*: that is the variance. `Normal` takes the sd.
# - *Right here only*: constants are baked in. Try a guess of 7.
#
# ## Exercises
#
# **04.trust.** Which share of the mean comes from the reading, 0.64 on this scale? For any two
# sds.


# %%
from ppl_widgets.exercises import check


def trust(prior_sd, noise_sd):
    return ...


check("04.trust", trust)

# %% [markdown]
# **04.weigh.** The whole rule: mean and sd of the weight, for any guess, reading and sds.


# %%
def weigh(guess, measurement, prior_sd, noise_sd):
    return ..., ...


check("04.weigh", weigh)

# %% [markdown]
# ## What you can now say
#
# Sources count by precision, precisions add, and a reading makes you surer. A guide is perfect when
# log joint minus log guide does not depend on the draw; the constant is the log evidence. Few
# models grant you a formula like this. Next: [one guide, many uses](05_one_guide.ipynb), where a
# guide need not be right to be useful.

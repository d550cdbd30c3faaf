# %% [markdown]
# # Networks
#
# You will train one guide for all readings at once, see where it can be trusted, and know what a
# variational autoencoder is.
#
# So far each reading had its own training. But the exact answer is the same rule each time:
# mean = 3.06 + 0.64 · reading, sd 0.6. A guide that *reads* its input can learn the rule. Such a
# guide is called an **encoder**, or an inference network; the training is done once, and each new
# reading costs one call. Before you run the cell: a line and a small network both learn from
# readings around 8.5. Which one would you ask about a reading of 14?

# %%
from ppl_widgets import EncoderPanel

EncoderPanel()

# %% [markdown]
# ## What you see
#
# The guide's mean and sd against the reading, beside the exact line, and the gap at each reading.
# A constant guide, which does not read, loses 0.889 nats on average. A line finds the exact rule
# and keeps it everywhere. A network is right where it has been, and drifts outside.
#
# ## The same in code
#
# Many parcels, each weighed once, in a plate. The guide is a line: a slope, an offset and one
# width.

# %%
import math

import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.distributions import constraints
from ppl_core.infer import SVI
from ppl_core.optim import Adam


def parcels(readings):
    with ppl.plate("parcels", len(readings)):
        weight = ppl.sample("weight", dist.Normal(8.5, 1.0))
        ppl.sample("measurement", dist.Normal(weight, 0.75), obs=readings)


def encoder(readings):
    slope = ppl.param("slope", 0.0)
    offset = ppl.param("offset", 0.0)
    sd = ppl.param("sd", 1.0, constraint=constraints.positive)
    with ppl.plate("parcels", len(readings)):
        mean = 8.5 + offset + slope * (readings - 8.5)  # centred: both knobs learn alike fast
        ppl.sample("weight", dist.Normal(mean, sd))


ppl.set_rng_seed(101)
ppl.clear_param_store()
readings = dist.Normal(8.5, 1.25).sample((256,))
svi = SVI(parcels, encoder, Adam({"lr": 0.01}))
learned = svi.run(1500, readings, progress_bar=False).params
slope = learned["slope"].item()
offset = 8.5 + learned["offset"].item() - slope * 8.5
print(f"slope {slope:.2f}, offset {offset:.2f}, sd {learned['sd'].item():.2f}")
print(f"a new reading of 10.2: mean {offset + slope * 10.2:.2f}")

# %% [markdown]
# What does a guide cost that does not fit each reading? The KL at a reading, averaged over the
# readings that come:


# %%
def average_kl(slope, offset, sd):
    m = torch.linspace(8.5 - 10, 8.5 + 10, 20_001, dtype=torch.float64)
    chance = dist.Normal(8.5, 1.25).log_prob(m).exp()
    d = (slope * m + offset - (3.06 + 0.64 * m)) / 0.6
    kl = 0.5 * (d**2 + (sd / 0.6) ** 2 - 1) - math.log(sd / 0.6)
    return torch.trapezoid(kl * chance, m).item()


print(f"constant guide: {average_kl(0.0, 8.5, 0.6):.3f} nats")
print(f"trusting the scale: {average_kl(1.0, 0.0, 0.75):.3f} nats")
print(f"the exact line: {average_kl(0.64, 3.06, 0.6):.3f} nats")

# %% [markdown]
# ## From here to the variational autoencoder
#
# Two more steps. Make the *model* learn as well: a **decoder** that turns a hidden vector into an
# image, with parameters of its own. Make the guide an **encoder** that turns the image into a
# belief about that vector. Train both by one ELBO. If the decoder is linear, the exact posterior
# is normal with a mean linear in the image, so that a linear encoder can be perfect: the gap
# closes. If the decoder bends, a gap opens, as for the folded scale.
#
# ## Where people slip
#
# - *Slope 1*: the encoder trusts the scale entirely.
# - *Slope 0*: it ignores its input. Was it passed the guess?
# - *Slope 0.36*: that is the weight of the guess.
# - *Good inside, wild outside*: it has never seen 14.
# - *An ELBO above the evidence*: impossible. Check the prior term.
#
# ## Exercises
#
# **12.line.** Slope and offset of the exact encoder, for any guess and sds.


# %%
from ppl_widgets.exercises import check


def line(guess, prior_sd, noise_sd):
    return ..., ...


check("12.line", line)

# %% [markdown]
# **12.cost.** The average KL of an encoder N(slope · m + offset, sd), over readings m from
# N(8.5, 1.25). By formula: the average of a square is the squared mean plus the variance.


# %%
def cost(slope, offset, sd):
    return ...


check("12.cost", cost)

# %% [markdown]
# **12.guide.** Write an encoder for `parcels`. It is trained on readings between 6.5 and 10.5, and
# asked about others, one of them far outside.


# %%
def my_encoder(readings): ...


check("12.guide", my_encoder)

# %% [markdown]
# **12.linear.** Decoder and encoder are linear, and trained to the end. Which gap remains?

# %%
check("12.linear", ...)

# %% [markdown]
# ## What you can now say
#
# A guide that reads its input serves all readings, where it has learned. With a model that learns
# too, it is a variational autoencoder. Take a model of your own, and explore it with
# `from ppl_widgets import explore`. Next: [for those who know Pyro](13_from_pyro.ipynb).

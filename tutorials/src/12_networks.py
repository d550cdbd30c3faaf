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
# Two more steps. Make the *model* learn as well: a **decoder** turns a few hidden numbers into a
# curve or an image, with parameters of its own. Make the guide an **encoder**: it turns the image
# into a belief about those numbers. Train both by one ELBO. That is a **variational autoencoder**,
# VAE for short.
#
# The bench has 256 swings of a needle, each read twelve times, and two hidden numbers for each. Its
# decoder is linear. Before you run the cell: both have learned. How large is the gap between ELBO
# and evidence? And how large once the decoder is a network?

# %%
from ppl_widgets import VAEPanel

VAEPanel()

# %% [markdown]
# ## What the bench shows
#
# On the map each swing is a dot, where the encoder puts it. For one of them you see the encoder's
# belief over the exact posterior: two ellipses, one shape. Drag the ring: the dash-dotted curve is
# what its place decodes to.
#
# With a linear decoder, the exact posterior is normal, its mean linear in the readings, its width
# the same for all. So a linear encoder can be perfect, and the gap closes. Such a model is an old
# acquaintance, *probabilistic principal components*, and the best evidence that any linear decoder
# reaches has a closed form (Tipping and Bishop, 1999).
#
# Now choose *network*. The evidence rises above what any linear decoder reaches; it has no formula,
# so importance sampling estimates it. The exact posterior, now a cloud of draws, need not be an
# ellipse. The encoder's still is. A gap opens, as for the folded scale.
#
# ## Real digits
#
# 1,797 handwritten digits of 8 by 8 pixels come with this package: the test set of Alpaydin and
# Kaynak, *Optical Recognition of Handwritten Digits*, UCI Machine Learning Repository, 1998,
# CC BY 4.0. Nothing is downloaded. `ppl.module` makes every weight of a torch module a `param`:

# %%
from torch import nn

from ppl_core.handlers import replay, trace
from ppl_core.optim import ClippedAdam
from ppl_widgets.datasets import digits

torch.set_num_threads(1)  # networks so small gain nothing from a second thread
pixels, labels = digits()
images = torch.tensor(pixels[:512]).float()
images -= images.mean(0)


def autoencoder(decoder, encoder):
    def model(images):
        ppl.module("decoder", decoder)
        sd = ppl.param("sd", 0.3, constraint=constraints.positive)
        with ppl.plate("images", len(images)):
            z = ppl.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            ppl.sample("pixels", dist.Normal(decoder(z), sd).to_event(1), obs=images)

    def guide(images):
        ppl.module("encoder", encoder)
        mean, log_sd = encoder(images).chunk(2, -1)
        with ppl.plate("images", len(images)):
            ppl.sample("z", dist.Normal(mean, log_sd.exp()).to_event(1))

    return model, guide


def train(model, guide):
    ppl.clear_param_store()
    falling = ClippedAdam({"lr": 0.05, "lrd": 0.985})  # each step a little smaller than the last
    SVI(model, guide, falling).run(300, images, progress_bar=False)


# %% [markdown]
# How good is a pair? A hundred draws from the encoder for each image, each with its weight
# p(z, pixels) / q(z). The mean of the log weights is the ELBO; the log of their mean estimates the
# evidence, rather too low than too high.


# %%
def elbo_and_evidence(model, guide, draws=100):
    def often(program):
        def drawn(images):
            with ppl.plate("draws", draws, dim=-2):
                program(images)

        return drawn

    with torch.no_grad():
        q = trace(often(guide)).get_trace(images)
        p = trace(replay(often(model), trace=q)).get_trace(images)
        log_weight = p["z"].log_prob + p["pixels"].log_prob - q["z"].log_prob
    evidence = log_weight.logsumexp(0) - math.log(draws)
    return log_weight.mean().item(), evidence.mean().item()


ppl.set_rng_seed(101)
decoder = nn.Linear(2, 64, bias=False)
linear = autoencoder(decoder, nn.Linear(64, 4))
train(*linear)
elbo, evidence = elbo_and_evidence(*linear)
print(f"linear : ELBO {elbo:.3f}, evidence {evidence:.3f}, gap {evidence - elbo:.3f} nats an image")

w, sd = decoder.weight.detach().double(), ppl.param("sd").item()
exact = dist.MultivariateNormal(torch.zeros(64).double(), w @ w.T + sd**2 * torch.eye(64))
spread = torch.linalg.eigvalsh(images.double().T @ images.double() / len(images))
levels = torch.cat([spread[:-2].mean().expand(62), spread[-2:]])
best = -0.5 * (64 * math.log(2 * math.pi) + 64 + levels.log().sum().item())
print(f"closed form: evidence {exact.log_prob(images.double()).mean():.3f}, at best {best:.3f}")

# %% [markdown]
# The gap is closed, and the evidence is next to the best there is for two hidden numbers and a
# linear decoder. A network of 16 units, trained for as many steps, takes seconds. Before you run
# the cell: does its ELBO pass the *evidence* of the linear one? And is its gap larger or smaller?

# %%
network = autoencoder(
    nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 64)),
    nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 4)),
)
train(*network)
elbo, evidence = elbo_and_evidence(*network)
print(f"network: ELBO {elbo:.2f}, evidence {evidence:.2f}, gap {evidence - elbo:.2f} nats an image")

# %% [markdown]
# A better model, a worse fit of its posterior, and all in all a better bound: that is the trade.
#
# The same on the bench. Each label stands at the mean place of its digit, which no label helped to
# find. Drag the ring from one to the next.

# %%
VAEPanel(data="digits", decoder="network", lr=0.05)

# %% [markdown]
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
# too, it is a variational autoencoder: exact if all is linear, and a bound if not. Take a model of
# your own, and explore it with `from ppl_widgets import explore`. Next:
# [for those who know Pyro](13_from_pyro.ipynb).

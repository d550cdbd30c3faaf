"""A variational autoencoder, 64-128-8-128-64, on 128 binary images (Kingma & Welling 2014)."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, linear

from .benchmark import Benchmark, Leaves, Program

IMAGES, PIXELS, HIDDEN, CODE = 128, 64, 128, 8
LAYERS = {
    "hidden": (PIXELS, HIDDEN),
    "loc": (HIDDEN, CODE),
    "log_scale": (HIDDEN, CODE),
    "back": (CODE, HIDDEN),
    "pixels": (HIDDEN, PIXELS),
}


def data() -> tuple[Tensor]:
    """Images of black and white noise, (128, 64)."""
    generator = torch.Generator().manual_seed(0)
    return ((torch.rand(IMAGES, PIXELS, generator=generator) < 0.5).float(),)


def start() -> dict[str, Tensor]:
    """First weights and biases of every layer, always the same."""
    generator = torch.Generator().manual_seed(1)
    values = {}
    for name, (inputs, outputs) in LAYERS.items():
        weight = torch.randn(outputs, inputs, generator=generator) / math.sqrt(inputs)
        values |= {f"{name}.weight": weight, f"{name}.bias": torch.zeros(outputs)}
    return values


def by_hand(images: Tensor) -> tuple[Leaves, Callable[[], Tensor]]:
    """Five `nn.Linear`; the code's standard normal prior."""
    net = nn.ModuleDict({name: nn.Linear(*sizes) for name, sizes in LAYERS.items()})
    net.load_state_dict(start())

    def loss() -> Tensor:
        hidden = torch.relu(net["hidden"](images))
        loc, log_scale = net["loc"](hidden), net["log_scale"](hidden)
        noise = torch.randn(loc.shape)
        code = loc + log_scale.exp() * noise
        pixels = net["pixels"](torch.relu(net["back"](code)))
        misfit = binary_cross_entropy_with_logits(pixels, images, reduction="sum")
        return 0.5 * (code * code - noise * noise).sum() - log_scale.sum() + misfit

    return dict(net.named_parameters()), loss


def program(ppl: Any, dist: Any) -> tuple[Program, Program]:
    """The layers' weights are `param` statements."""
    first = start()

    def layer(name: str, inputs: Tensor) -> Tensor:
        weight = ppl.param(f"{name}.weight", first[f"{name}.weight"])
        return linear(inputs, weight, ppl.param(f"{name}.bias", first[f"{name}.bias"]))

    def model(images: Tensor) -> None:
        with ppl.plate("images", IMAGES):
            code = ppl.sample("code", dist.Normal(0.0, 1.0).expand([CODE]).to_event(1))
            pixels = layer("pixels", torch.relu(layer("back", code)))
            ppl.sample("image", dist.Bernoulli(logits=pixels).to_event(1), obs=images)

    def guide(images: Tensor) -> None:
        hidden = torch.relu(layer("hidden", images))
        code = dist.Normal(layer("loc", hidden), layer("log_scale", hidden).exp())
        with ppl.plate("images", IMAGES):
            ppl.sample("code", code.to_event(1))

    return model, guide


VAE = Benchmark("vae", data, by_hand, program, "Adam", {"lr": 0.001})

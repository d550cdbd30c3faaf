"""The tape draws ahead what single steps would draw, and leaves the generator where they would."""

import pytest
import torch

from ppl_core.compiled.tape import Draw, draw

FEW = [
    Draw("normal", (), "float32"),
    Draw("normal", (3,), "float32"),
    Draw("normal", (5,), "float64"),
]
MIXED = [
    Draw("normal", (2,), "float32"),
    Draw("normal", (20,), "float32"),
    Draw("uniform", (3,), "float64"),
]


@pytest.mark.parametrize("draws", [FEW, MIXED, []], ids=["few", "mixed", "none"])
@pytest.mark.parametrize("odd", [False, True])
def test_many_steps_are_as_many_single_ones(draws, odd):
    ours, theirs = (torch.Generator().manual_seed(7) for _ in range(2))
    for generator in (ours, theirs):
        if odd:  # leaves one normal number waiting in the generator
            torch.randn((), generator=generator)
    ahead = draw(draws, 6, ours)
    single = [[d.once(theirs) for d in draws] for _ in range(6)]
    for i, part in enumerate(ahead):
        single_i = torch.stack([row[i] for row in single])
        # torch's cosine of one number and of many differ in the last place of a double
        torch.testing.assert_close(part, single_i, rtol=2e-7, atol=1e-15)
    assert torch.equal(torch.randn(3, generator=ours), torch.randn(3, generator=theirs))

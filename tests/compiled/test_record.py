"""A recording says what a step does, and names what it cannot follow."""

import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.compiled import NotCompiled, record
from ppl_core.compiled.floats import Floats


def recorded(function, *tensors):
    """A function of tensors as a program without state; the tensors are data."""
    data = {f"x{i}": tensor for i, tensor in enumerate(tensors)}
    return record(lambda: [function(*data.values())], {}, data)


def value_of(program):
    data = [v.tensor.as_strided((v.size,), (1,), 0) for v in program.inputs("data")]
    [loss] = Floats(program).run(1, [], data, [], 1e9)
    return loss


def test_a_program_reads_like_what_it_computes():
    program = recorded(lambda x: (2.0 * x).exp().sum(), torch.ones(3))
    assert str(program).splitlines() == [
        "d0 = data x0 : float32[3]",
        "v1 = mul(d0, 2.0) : float32[3]",
        "v2 = exp(v1) : float32[3]",
        "v3 = sum(v2) : float32[]  (0)",
        "return v3",
    ]


def test_what_is_computed_twice_is_computed_once_and_what_is_not_needed_is_gone():
    def twice(x):
        x.sin()
        return x.exp() * x.exp()

    assert [op.name for op in recorded(twice, torch.tensor(1.0)).ops] == ["exp", "mul"]


def test_constants_are_folded():
    def folded(x):
        return x * (torch.ones(()) + torch.full((), 2.0)).exp() + torch.zeros(())

    assert [op.name for op in recorded(folded, torch.tensor(1.0)).ops] == ["mul"]


def test_gradients_are_recorded_as_the_operations_they_are():
    x = torch.tensor(0.7, requires_grad=True)
    program = record(lambda: [torch.autograd.grad((x * x).exp(), x)[0]], {}, {"x": x})
    assert value_of(program) == pytest.approx(2 * 0.7 * 2.718281828 ** (0.7**2), rel=1e-6)


def test_views_and_changes_in_place_are_followed():
    def step(x):
        y = x.clone()
        y.t()[0].mul_(10.0)  # the first column
        y[1] += 1.0
        return (y.flatten() * torch.arange(6.0)).sum()

    x = torch.arange(6.0).reshape(3, 2)
    assert value_of(recorded(step, x)) == step(x).item()


def test_data_is_read_at_each_call():
    offset = torch.tensor(1.0)
    program = recorded(lambda x: x + offset, torch.tensor(2.0))
    offset.fill_(5.0)
    assert value_of(program) == 7.0


def test_recording_leaves_the_random_stream_where_it_was():
    before = torch.get_rng_state()
    program = recorded(lambda x: x * torch.randn(3).sum(), torch.tensor(1.0))
    assert torch.equal(before, torch.get_rng_state())
    assert [v.draw.shape for v in program.inputs("noise")] == [(3,)]


def test_rows_of_a_plate_are_noise():
    def step(x):
        with ppl.plate("rows", 10, subsample_size=4) as rows:
            return x[rows].sum()

    [rows] = recorded(step, torch.arange(10.0)).inputs("noise")
    assert (rows.draw.kind, rows.draw.shape, rows.draw.size) == ("rows", (4,), 10)


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        (lambda x: x.item(), "item"),
        (lambda x: float(x) + x, "item"),
        (lambda x: x if x > 0 else -x, "item"),
        (lambda x: torch.tensor(x.tolist()), "tolist"),
        (lambda x: torch.as_tensor(x.numpy()), "numpy"),
        (lambda x: x.reshape(1)[x.reshape(1) > 0].sum(), "truth values"),
        (lambda x: torch.linalg.eigvalsh(x.reshape(1, 1)), "_linalg_eigh has no compiled form"),
        (lambda x: x.add_(1.0), "in place"),
        (
            lambda x: torch.distributions.Gamma(x, x, validate_args=False).sample(),
            "_standard_gamma",
        ),
    ],
)
def test_what_cannot_be_followed_is_named_with_its_line(leak, named):
    with pytest.raises(NotCompiled, match=named) as caught:
        recorded(leak, torch.tensor(1.0))
    assert "test_record.py:" in str(caught.value)


class Odd(dist.Normal):
    def log_prob(self, value):
        return torch.special.i0(value)


def test_the_site_is_named():
    def score(x):
        with ppl.handlers.trace() as sites:
            ppl.sample("weight", Odd(x, 1.0), obs=x)
        return sites.log_prob_sum()

    with pytest.raises(NotCompiled, match=r"i0 has no.*site 'weight', test_record.py:"):
        recorded(score, torch.tensor(1.0))


def test_a_python_loop_over_a_plate_is_unrolled():
    def step(x):
        return sum((x * i for i in ppl.plate("rows", 3)), torch.zeros(()))

    assert value_of(recorded(step, torch.tensor(2.0))) == 6.0

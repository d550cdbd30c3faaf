"""What a program may be given as a value, and whether it is checked."""

import threading

import numpy as np
import pytest
import torch

import ppl_core as ppl
import ppl_core.distributions as dist
from ppl_core.values import as_real, as_value, validation


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (9.5, torch.float32),
        (np.float64(9.5), torch.float32),
        (np.array(9.5), torch.float32),
        ([9.5, 1.0], torch.float32),
        (np.array([9.5], dtype=np.float32), torch.float32),
        (3, torch.int64),
        ([1, 2], torch.int64),
        (True, torch.bool),
        (np.array([1, 2]), torch.int64),
    ],
)
def test_numbers_arrays_and_lists_become_tensors(given, dtype):
    value = as_value(given)
    assert value.dtype is dtype
    assert value.tolist() == np.asarray(given).tolist()


def test_numbers_take_the_default_dtype_and_tensors_keep_their_own():
    assert as_value(torch.zeros(2, dtype=torch.float64)).dtype is torch.float64
    torch.set_default_dtype(torch.float64)
    try:
        assert as_value(9.5).dtype is torch.float64
        assert as_value(np.float32(9.5)).dtype is torch.float64
        assert as_real(3).dtype is torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_tensors_pass_as_they_are():
    tensor = torch.tensor(1.0, requires_grad=True)
    assert as_value(tensor) is tensor
    assert as_real(tensor) is tensor


def test_lists_of_tensors_are_stacked_with_their_gradients():
    a = torch.tensor(1.0, requires_grad=True)
    value = as_value([a, 2.0])
    assert value.tolist() == [1.0, 2.0]
    assert value.requires_grad


def test_reversed_and_read_only_arrays_are_copied_without_a_word():
    assert as_value(np.arange(3.0)[::-1]).tolist() == [2.0, 1.0, 0.0]
    assert as_value(np.broadcast_to(np.float32(2.0), (3,))).tolist() == [2.0] * 3


def test_data_do_not_change_when_their_array_does():
    data = np.zeros(2, dtype=np.float32)
    model = ppl.condition(lambda: ppl.sample("x", dist.Normal(0.0, 1.0).expand([2])), {"x": data})
    first = model().clone()
    value = as_value(data)
    data[:] = 7.0
    assert torch.equal(first, torch.zeros(2))
    assert torch.equal(value, torch.zeros(2))


def test_validation_is_on_by_default_in_every_thread_and_switched_in_one():
    seen = []
    with validation(False):
        assert not ppl.validation_enabled()
        thread = threading.Thread(target=lambda: seen.append(ppl.validation_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]
    assert ppl.validation_enabled()


def test_validation_comes_back_after_an_error():
    def fails():
        with validation(False):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        fails()
    assert ppl.validation_enabled()


def test_enable_validation_decides_whether_distributions_check():
    with pytest.raises(ValueError, match="scale"):
        dist.Normal(0.0, -1.0)
    ppl.enable_validation(False)
    try:
        assert dist.Normal(0.0, -1.0).scale == -1.0
        assert dist.Gamma(-1.0, 1.0).concentration == -1.0
    finally:
        ppl.enable_validation(True)

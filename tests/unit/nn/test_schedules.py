"""Schedules equal PyTorch's where it has the same, and warm up."""

import numpy as np
import pytest

from mlp.nn import SCHEDULES, build_schedule


def torch_scheduler(schedulers, name, optimizer):
    return {
        "constant": lambda: schedulers.ConstantLR(optimizer, factor=1.0),
        "step": lambda: schedulers.StepLR(optimizer, step_size=30, gamma=0.3),
        "exponential": lambda: schedulers.ExponentialLR(optimizer, gamma=0.3 ** (1 / 30)),
        "cosine": lambda: schedulers.CosineAnnealingLR(optimizer, T_max=100),
    }[name]()


@pytest.mark.parametrize("warmup", [0, 20])
@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_pytorchs_after_the_warm_up(name, warmup):
    torch = pytest.importorskip("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = torch_scheduler(torch.optim.lr_scheduler, name, optimizer)
    schedule = build_schedule(name, total_steps=100 + warmup, warmup_steps=warmup, decay_every=30, decay_factor=0.3)
    assert [schedule(step) for step in range(warmup)] == [(step + 1) / warmup for step in range(warmup)]
    for step in range(warmup, 100 + warmup):
        assert schedule(step) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-9, abs=1e-12)
        optimizer.step()
        scheduler.step()


def test_cosine_falls_to_zero_and_stays():
    schedule = build_schedule("cosine", total_steps=50, warmup_steps=10)
    values = [schedule(step) for step in range(60)]
    assert max(values) == values[10] == 1
    assert (np.diff(values[10:51]) < 0).all()
    assert values[50:] == [0] * 10


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"name": "linear"}, "schedule must be one of constant, step, exponential, cosine, got 'linear'"),
        ({"total_steps": 0}, "total_steps must be at least 1, got 0"),
        ({"warmup_steps": -1}, "warmup_steps must be at least 0, got -1"),
        ({"decay_every": 0}, "decay_every must be at least 1, got 0"),
        ({"decay_factor": 1.5}, r"decay_factor must be in \(0, 1\], got 1.5"),
    ],
)
def test_bad_settings_are_named(settings, sentence):
    settings = {"name": "step", "total_steps": 10, **settings}
    with pytest.raises(ValueError, match=sentence):
        build_schedule(**settings)

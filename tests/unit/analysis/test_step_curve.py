"""The loss along a step: the walk's own at the chosen rate, and overshooting where it ends higher than it began."""

import numpy as np
import pytest

from mlp.analysis.step_curve import StepCurve, step_curve
from mlp.analysis.walk import StepSettings, coming_batch, dropout_masks, settings_of, walk_step
from mlp.nn import cross_entropy
from mlp.training import RunConfig, Trainer


@pytest.fixture(scope="module")
def trainer(digits):
    trainer = Trainer(RunConfig(train_size=500, validation_size=200, hidden_layers=(16,), optimizer="adam"), digits)
    trainer.advance(steps=5)
    return trainer


def walk_of(trainer, **settings):
    chosen = StepSettings(**{"loss": "cross_entropy", "optimizer": "sgd", "learning_rate": 0.1, **settings})
    return walk_step(trainer.network, coming_batch(trainer, 5), chosen)


def test_at_the_chosen_rate_it_is_the_walk(trainer):
    walk = walk_of(trainer)
    curve = step_curve(walk)
    middle = len(curve.losses) // 2
    assert curve.learning_rates[middle] == pytest.approx(0.1)
    assert curve.losses[middle] == walk.loss_after
    assert curve.start == walk.loss
    assert curve.chosen == 0.1
    assert len(curve.losses) >= 40
    assert curve.learning_rates[0] == pytest.approx(0.001)
    assert curve.learning_rates[-1] == pytest.approx(10)
    assert curve.losses[0] == pytest.approx(walk.loss, rel=0.01)


@pytest.mark.parametrize("rate", [0.03, 1.7, 7.3])
def test_at_the_chosen_rate_it_is_exact(trainer, rate):
    walk = walk_of(trainer, learning_rate=rate)
    assert step_curve(walk).losses[20] == walk.loss_after


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"])
def test_another_rate_is_what_a_step_of_that_rate_comes_to(trainer, optimizer):
    """Every optimizer moves in proportion to its learning rate, weight decay and all."""
    settings = {"optimizer": optimizer, "weight_decay": 0.01, "gradient_clip": 0.5, "learning_rate": 0.01}
    walk = walk_of(trainer, **settings)
    curve = step_curve(walk)
    assert curve.losses[20] == walk.loss_after, "to the last bit at the chosen rate"
    for at in (3, 12, 25, 33):
        rate = float(curve.learning_rates[at])
        other = walk_of(trainer, **{**settings, "learning_rate": rate})
        assert curve.losses[at] == pytest.approx(other.loss_after, rel=2e-4), (optimizer, rate)


def test_the_real_memory_and_dropout(digits):
    trainer = Trainer(RunConfig(train_size=500, validation_size=200, dropout=0.4, optimizer="momentum"), digits)
    trainer.advance(steps=4)
    walk = walk_step(
        trainer.network,
        coming_batch(trainer, 4),
        settings_of(trainer, 4),
        memory=trainer.optimizer.state(),
        masks=dropout_masks(trainer, 4),
    )
    curve = step_curve(walk)
    assert np.abs(np.diff(curve.losses[:15])).max() < 0.05, "with masks drawn anew it would jump"
    assert curve.losses[0] == pytest.approx(walk.loss, abs=0.02)


def test_it_leaves_the_walk_alone(trainer):
    walk = walk_of(trainer)
    before, after = walk.network.parameters.copy(), walk.after.copy()
    step_curve(walk)
    np.testing.assert_array_equal(walk.network.parameters, before)
    np.testing.assert_array_equal(walk.after, after)
    logits = walk.network.copy().forward(walk.batch.x)
    assert cross_entropy(logits, walk.batch.labels)[0] == walk.loss


def test_without_a_step_there_is_no_curve(trainer):
    with pytest.raises(ValueError, match="no step to follow"):
        step_curve(walk_of(trainer, learning_rate=0.0))
    lost = trainer.network.copy()
    lost.parameters[:] = np.nan
    walk = walk_step(lost, coming_batch(trainer, 5), StepSettings("cross_entropy", "sgd", 0.1))
    with pytest.raises(ValueError, match="no step to follow"):
        step_curve(walk)


def curve_of(*losses, start=1.0):
    rates = 10.0 ** np.arange(len(losses))
    return StepCurve(rates, np.array(losses), start, float(rates[len(losses) // 2]))


def test_where_it_overshoots():
    assert curve_of(0.9, 0.5, 0.8, 1.2, 9.0).overshoots_from == pytest.approx(10**2.5), "halfway, as the chart is drawn"
    assert curve_of(0.9, 0.5, 1.0, 1.2, 9.0).overshoots_from == pytest.approx(100)
    assert curve_of(0.9, 0.5, 0.8, np.nan, np.inf).overshoots_from == pytest.approx(1000)
    assert curve_of(0.9, 0.8, 0.7, 0.6, 0.5).overshoots_from is None
    assert curve_of(1.1, 1.2, 1.3).overshoots_from == 1
    assert curve_of(1.0, 0.9, 1.0).overshoots_from is None
    assert curve_of(np.nan, 0.9, 0.5).best == 2

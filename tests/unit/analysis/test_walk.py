"""A walk computes what a training step computes, to the last bit, and disturbs nothing."""

import numpy as np
import pytest

from mlp.analysis.walk import (
    StepSettings,
    coming_batch,
    dropout_masks,
    loss_at,
    one_digit,
    settings_of,
    two_ways_to_dlogits,
    walk_step,
    written_out,
)
from mlp.nn import MLP, cross_entropy, softmax
from mlp.training import RunConfig, Trainer, TrainingDivergedError

SMALL = {"train_size": 500, "validation_size": 200, "hidden_layers": (16,)}
CONFIGS = {
    "default": {},
    "softmax regression": {"hidden_layers": ()},
    "deep tanh": {"hidden_layers": (20, 16, 12, 10, 8, 6), "activation": "tanh", "weight_init": "glorot_normal"},
    "momentum and decay": {"optimizer": "momentum", "weight_decay": 0.01},
    "nesterov": {"optimizer": "nesterov"},
    "adam": {"optimizer": "adam", "learning_rate": 0.002, "hidden_layers": (12, 9)},
    "adamw, cosine": {
        "optimizer": "adamw", "learning_rate": 0.002, "weight_decay": 0.1, "schedule": "cosine", "warmup_epochs": 0.5,
    },
    "rmsprop": {"optimizer": "rmsprop", "learning_rate": 0.001},
    "adagrad": {"optimizer": "adagrad"},
    "clipped": {"gradient_clip": 0.1},
    "clipped, but short": {"gradient_clip": 900.0},
    "dropout": {"dropout": 0.3, "hidden_layers": (20, 10)},
    "squared error, float64": {"loss": "mean_squared_error", "dtype": "float64", "activation": "gelu"},
    "a batch of one": {"batch_size": 1},
    "augmented": {"augment_shift": 2.0, "augment_rotation": 10.0},
    "a class subset": {"classes": (1, 7, 8)},
    "identity": {"activation": "identity"},
    "raw pixels": {"input_scaling": "none", "learning_rate": 1e-5},
}  # fmt: skip


def trainer_of(steps=0, **settings):
    trainer = Trainer(RunConfig(**{**SMALL, **settings}))
    if steps:
        trainer.advance(steps=steps)
    return trainer


def walk_of(trainer, **more):
    step = trainer.step_count
    return walk_step(
        trainer.network,
        coming_batch(trainer, step),
        settings_of(trainer, step),
        memory=trainer.optimizer.state(),
        masks=dropout_masks(trainer, step) if trainer.config.dropout else None,
        **more,
    )


@pytest.mark.parametrize("steps", [0, 15, 37])  # the first step, the last and shorter one of an epoch, one in a third
@pytest.mark.parametrize("settings", CONFIGS.values(), ids=CONFIGS)
def test_the_walk_is_the_trainers_step_to_the_last_bit(settings, steps):
    trainer = trainer_of(steps, **settings)
    walk = walk_of(trainer)
    record = trainer.step()
    assert walk.loss == record.loss
    assert walk.settings.learning_rate == record.learning_rate
    np.testing.assert_array_equal(walk.after, trainer.network.parameters)
    np.testing.assert_array_equal(walk.clipped, trainer.network.gradient)
    np.testing.assert_array_equal(walk.batch.pixels[:32], trainer.last_batch().pixels)
    np.testing.assert_array_equal(walk.probabilities[:32], trainer.last_batch().probabilities)
    assert walk.batch.whole
    assert not walk.stopped


@pytest.mark.parametrize("settings", CONFIGS.values(), ids=CONFIGS)
def test_every_stage_is_what_the_engine_computes(settings):
    trainer = trainer_of(5, **settings)
    walk = walk_of(trainer)
    twin = trainer.network.copy()
    if walk.masks is not None:
        twin.dropout_rng = dropout_masks(trainer, 5)
    logits = twin.forward(walk.batch.x, training=True)
    forward = [stage for stage in walk.stages if stage.kind in ("input", "linear", "activation", "dropout")]
    assert len(forward) == len(twin._values)
    for stage, value in zip(forward, twin._values, strict=True):
        np.testing.assert_array_equal(stage.value, value, err_msg=stage.key)
    loss, dlogits = trainer._loss(logits, walk.batch.labels)
    assert walk.loss == loss
    np.testing.assert_array_equal(walk.probabilities, softmax(logits))
    np.testing.assert_array_equal(walk.stage("dlogits").value, dlogits)
    twin.backward(dlogits)
    for name, gradient in twin.gradients().items():
        layer, kind = name.split(".")
        key = ("dW" if kind == "weight" else "db") + str(int(layer) + 1)
        np.testing.assert_array_equal(walk.stage(key).value, gradient, err_msg=key)
        np.testing.assert_array_equal(walk.network.gradients()[name], gradient)
    np.testing.assert_array_equal(walk.network.parameters, trainer.network.parameters)
    # On the way back each layer hands on what the next one is given, checked by going back by hand.
    d = dlogits.astype(twin.dtype)
    back = [stage for stage in walk.stages if stage.kind in ("dinput", "ddropout", "dactivation")]
    wanted = []
    for layer in reversed(twin.layers[1:]):
        d = layer.backward(d)
        wanted.append(d.copy())
    assert len(back) == len(wanted)
    for stage, value in zip(back, wanted, strict=True):
        np.testing.assert_array_equal(stage.value, value, err_msg=stage.key)


def test_the_stages_are_named_in_the_order_of_the_step():
    assert walk_of(trainer_of(dropout=0.2, gradient_clip=1.0)).keys == (
        "x", "z1", "a1", "h1", "logits", "p", "loss",
        "dlogits", "dW2", "db2", "dh1", "da1", "dz1", "dW1", "db1", "clip", "update", "after",
    )  # fmt: skip
    assert walk_of(trainer_of(hidden_layers=(), loss="mean_squared_error")).keys == (
        "x", "logits", "loss", "dlogits", "dW1", "db1", "update", "after",
    )  # fmt: skip


def test_nothing_is_disturbed_and_nothing_is_shared():
    trainer, apart = trainer_of(6, optimizer="adam", dropout=0.2), trainer_of(6, optimizer="adam", dropout=0.2)
    before = trainer.network.parameters.copy(), trainer.network.gradient.copy()
    walk = walk_of(trainer)
    again = walk_of(trainer)
    for old, new in zip(before, (trainer.network.parameters, trainer.network.gradient), strict=True):
        np.testing.assert_array_equal(old, new)
    values = {stage.key: stage.value.copy() for stage in walk.stages}
    trainer.advance(steps=20)
    apart.advance(steps=20)
    np.testing.assert_array_equal(trainer.network.parameters, apart.network.parameters)
    for stage in walk.stages:
        np.testing.assert_array_equal(stage.value, values[stage.key], err_msg=stage.key)
        np.testing.assert_array_equal(stage.value, again.stage(stage.key).value, err_msg=stage.key)


def test_the_loss_after_is_that_of_the_same_digits_with_the_new_weights():
    trainer = trainer_of(3)
    walk = walk_of(trainer)
    trainer.step()
    logits = trainer.network.predict_logits(walk.batch.pixels)
    assert walk.loss_after == pytest.approx(cross_entropy(logits, walk.batch.labels)[0], rel=1e-6)
    np.testing.assert_allclose(walk.probabilities_after, softmax(logits), rtol=1e-4)
    assert walk.loss_after < walk.loss
    assert loss_at(walk, trainer.network.copy()) == walk.loss_after
    picked = walk.of_true_class(walk.probabilities)
    assert [float(p) for p in picked] == [float(walk.probabilities[n, t]) for n, t in enumerate(walk.batch.labels)]


def test_dropout_is_the_same_before_and_after():
    trainer = trainer_of(dropout=0.5, learning_rate=1e-6)
    walk = walk_of(trainer)
    assert abs(walk.loss_after - walk.loss) < 1e-3, "with other masks the loss would be another"
    assert ((walk.stage("h1").value == 0) >= (walk.stage("a1").value == 0)).all()
    # a handed generator is not used up
    masks = dropout_masks(trainer, 0)
    states = []
    for _ in range(2):
        walk_step(trainer.network, coming_batch(trainer, 0), settings_of(trainer, 0), masks=masks)
        states.append(masks.bit_generator.state)
    assert states[0] == states[1]


def test_a_moment_of_the_past_has_its_true_batch():
    trainer, seen = trainer_of(augment_shift=2.0), []
    for _ in range(20):
        trainer.step()
        seen.append(trainer.last_batch(32))
    for step in (0, 3, 15, 19):
        batch = coming_batch(trainer, step)
        np.testing.assert_array_equal(batch.pixels, seen[step].pixels)
        np.testing.assert_array_equal(batch.labels, seen[step].labels)


def test_a_part_of_a_batch_says_so():
    trainer = trainer_of()
    whole, part = coming_batch(trainer, 0), coming_batch(trainer, 0, 5)
    assert whole.whole
    assert not part.whole
    np.testing.assert_array_equal(part.x, whole.x[:5])
    full = coming_batch(trainer_of(batch_size="full"), 0, 100)
    assert len(full.labels) == 100
    assert not full.whole


def test_one_digit_is_scaled_as_the_network_reads_it(digits):
    trainer = trainer_of(2, input_scaling="standard")
    batch = one_digit(trainer.network, digits.test.images[7], 3)
    assert batch.pixels.shape == (1, 784)
    np.testing.assert_array_equal(
        walk_step(trainer.network, batch, settings_of(trainer, 2)).probabilities,
        softmax(trainer.network.forward(digits.test.images[7][None])),
    )


def test_changed_settings_count():
    trainer = trainer_of(4)
    trainer.change(learning_rate=0.5, weight_decay=0.02)
    walk = walk_of(trainer)
    assert (walk.settings.learning_rate, walk.settings.weight_decay) == (0.5, 0.02)
    trainer.step()
    np.testing.assert_array_equal(walk.after, trainer.network.parameters)


def test_a_lost_network_stops_where_a_trainer_does():
    trainer = trainer_of(2)
    assert trainer.network.gradient.any()
    trainer.network.parameters[:] = np.nan
    walk = walk_of(trainer)
    assert walk.keys[-1] == "loss"
    assert "stops" in walk.stopped
    assert walk.after is None
    assert not walk.network.gradient.any(), "the gradient of another step is not this one's"


def test_a_gradient_that_overflows_stops_it_too():
    trainer = trainer_of(loss="mean_squared_error", hidden_layers=(), input_scaling="none")
    trainer.network.parameters[:] = 2e33
    walk = walk_of(trainer)
    assert np.isfinite(walk.loss)
    assert walk.keys[-1] == "db1"
    assert "gradient is not finite" in walk.stopped
    with pytest.raises(TrainingDivergedError):
        trainer.step()


def test_softmax_and_cross_entropy_give_p_minus_y_as_one_and_one_after_the_other():
    walk = walk_of(trainer_of(5))
    p, together, apart = two_ways_to_dlogits(walk)
    np.testing.assert_allclose(p, walk.probabilities, rtol=1e-5)
    y = np.eye(10)[walk.batch.labels]
    for found in (together, apart):
        np.testing.assert_allclose(found, (p - y) / len(p), rtol=1e-12, atol=1e-18)


@pytest.mark.parametrize("settings", [{}, {"hidden_layers": (12, 9), "activation": "tanh", "dropout": 0.2}])
def test_one_number_is_the_sum_that_it_is_said_to_be(settings):
    trainer = trainer_of(8, **settings)
    walk, rng = walk_of(trainer), np.random.default_rng(0)
    summed = 0
    for stage in walk.stages:
        if stage.kind not in ("linear", "dW", "db", "dinput"):
            assert written_out(walk, stage, 0, 0) is None
            continue
        for _ in range(5):
            place = tuple(int(rng.integers(size)) for size in stage.value.shape)
            row, column = place if len(place) == 2 else (0, place[0])
            found = written_out(walk, stage, row, column)
            assert found.value == stage.value[place], "the engine's own number"
            assert found.total == pytest.approx(found.value, rel=1e-4, abs=1e-7)
            order = found.strongest(3)
            assert np.abs(found.terms[order[0]]) == np.abs(found.terms).max()
            assert (np.diff(np.abs(found.terms[order])) <= 0).all()
            summed += 1
    assert summed >= 30


def test_a_sum_names_the_right_factors():
    walk = walk_of(trainer_of(8))
    linear = walk.network.linears[0]
    z = written_out(walk, walk.stage("z1"), 3, 7)
    np.testing.assert_array_equal(z.left, walk.batch.x[3])
    np.testing.assert_array_equal(z.right, linear.W[:, 7])
    assert z.bias == linear.b[7]
    dW = written_out(walk, walk.stage("dW2"), 5, 2)
    np.testing.assert_array_equal(dW.left, walk.stage("a1").value[:, 5])
    np.testing.assert_array_equal(dW.right, walk.stage("dlogits").value[:, 2])
    da = written_out(walk, walk.stage("da1"), 4, 6)
    np.testing.assert_array_equal(da.left, walk.stage("dlogits").value[4])
    np.testing.assert_array_equal(da.right, walk.network.linears[1].W[6])


def test_a_memory_of_another_optimizer_is_refused():
    trainer = trainer_of()
    with pytest.raises(ValueError, match="state of Adam"):
        walk_step(
            trainer.network,
            coming_batch(trainer, 0),
            StepSettings("cross_entropy", "adam", 0.1),
            memory={"t": 3},
        )


def test_a_network_of_another_kind_of_input():
    network = MLP([6, 4, 3], rng=np.random.default_rng(1))
    x = np.random.default_rng(2).normal(size=(5, 6)).astype(np.float32)
    batch = coming_batch(trainer_of(), 0, 5).__class__(np.zeros((5, 6), np.uint8), x, np.array([0, 1, 2, 0, 1]), False)
    walk = walk_step(network, batch, StepSettings("cross_entropy", "sgd", 0.1))
    assert walk.stage("z1").value.shape == (5, 4)
    assert walk.loss_after < walk.loss

"""The trainer, on real digits: every number it reports computed apart, and the same bytes by whatever way."""

import numpy as np
import pytest

from mlp.data import Dataset, epoch_order, load_dataset
from mlp.nn import LOSSES, MLP, build_optimizer, cross_entropy
from mlp.training import FULL_BATCH, RunConfig, Trainer, TrainingDivergedError
from mlp.training.trainer import CHUNK_SIZE, STEPS_BETWEEN_COPIES

SMALL = {"hidden_layers": (16,), "train_size": 500, "validation_size": 200, "batch_size": 64, "epochs": 3}
# Without a bend in it, a network whose steps are too long overflows for certain.
EXPLODES = {"loss": "mean_squared_error", "learning_rate": 10, "activation": "identity"}


@pytest.fixture
def train(digits):
    """A trainer on the small dataset."""

    def make(**settings):
        return Trainer(RunConfig(**{**SMALL, **settings}), digits)

    return make


def run_on(trainer):
    """To the end of the run, one step at a time."""
    while not trainer.finished:
        trainer.step()
    return trainer


def traces(trainer):
    """Everything that must be the same to the last byte, the time taken aside."""
    steps = np.stack([trainer.history.steps.column(name) for name in ("loss", "accuracy", "learning_rate")])
    epochs = [(r.epoch, r.step, r.train_loss, r.train_loss_std, r.test_loss) for r in trainer.history.epochs]
    return trainer.network.parameters.tobytes(), steps.tobytes(), epochs


# -- what it reports


def test_a_step_reports_itself_and_counts_from_one(train):
    trainer = train(learning_rate=0.2)
    records = [trainer.step() for _ in range(9)]
    assert [record.step for record in records] == list(range(1, 10))
    assert [record.epoch for record in records] == [1] * 8 + [2]  # 500 digits in batches of 64
    assert {record.learning_rate for record in records} == {0.2}
    assert trainer.step_count == 9
    assert trainer.epoch == 1


def test_a_step_is_forward_backward_and_update_as_written_by_hand(train, digits):
    config = RunConfig(**SMALL, dtype="float64", learning_rate=0.3)
    trainer = Trainer(config, digits)
    net = MLP([784, 16, 10], rng=np.random.default_rng(config.seed), dtype=np.float64)
    order = epoch_order(500, config.seed, 0)
    for batch in range(8):
        positions = order[64 * batch : 64 * (batch + 1)]
        x, labels = digits.train.images[positions].reshape(-1, 784) / 255, digits.train.labels[positions]
        logits = net.forward(x)
        accuracy = (logits.argmax(axis=1) == labels).mean()
        loss, dlogits = cross_entropy(logits, labels)
        net.backward(dlogits)
        net.parameters -= 0.3 * net.gradient
        record = trainer.step()
        assert record.loss == pytest.approx(loss, rel=1e-10)
        assert record.accuracy == accuracy
    np.testing.assert_allclose(trainer.network.parameters, net.parameters, rtol=1e-10, atol=1e-12)


def test_each_epoch_meets_every_digit_once_in_a_new_order(train, digits):
    trainer = train()
    seen = []
    for _ in range(2):
        pixels = []
        for _ in range(trainer.steps_per_epoch):
            trainer.step()
            pixels.append(trainer.last_batch(limit=64).pixels)
        seen.append(np.concatenate(pixels))
    assert not np.array_equal(seen[0], seen[1])
    expected = np.sort([image.tobytes() for image in digits.train.images])
    for epoch in seen:
        np.testing.assert_array_equal(np.sort([image.tobytes() for image in epoch]), expected)


def test_the_last_batch_of_an_epoch_is_what_is_left(train, digits):
    trainer = train(batch_size=200)
    sizes = []
    for _ in range(3):
        trainer.step()
        sizes.append(len(trainer.last_batch(limit=200).labels))
    assert sizes == [200, 200, 100]


@pytest.mark.parametrize("loss", LOSSES)
def test_epoch_records_are_the_sums_of_their_steps(train, digits, loss):
    trainer = train(batch_size=200, loss=loss)
    for epoch, record in enumerate(trainer.epochs(), start=1):
        steps = slice(3 * (epoch - 1), 3 * epoch)
        losses, accuracies = (trainer.history.steps.column(name)[steps] for name in ("loss", "accuracy"))
        assert (record.epoch, record.step) == (epoch, 3 * epoch)
        assert record.train_loss == pytest.approx((2 * losses[0] + 2 * losses[1] + losses[2]) / 5, rel=1e-6)
        assert record.train_loss_std == pytest.approx(np.std(losses), rel=1e-4)
        assert record.train_accuracy == pytest.approx((2 * accuracies[0] + 2 * accuracies[1] + accuracies[2]) / 5)
        for split, accuracy in (("test", record.test_accuracy), ("validation", record.validation_accuracy)):
            part = getattr(digits, split)
            answers = trainer.network.predict_proba(part.images).argmax(axis=1)
            assert accuracy == pytest.approx((answers == part.labels).mean(), abs=1e-12)
    assert epoch == 3
    assert trainer.history.epochs[-1] == record


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_evaluate_is_what_the_networks_answers_come_to(train, digits, split):
    trainer = train(dtype="float64", dropout=0.5)
    trainer.advance(steps=10)
    part = getattr(digits, split)
    probabilities = trainer.network.predict_proba(part.images)
    found = trainer.evaluate(split)
    assert found.size == len(part)
    assert found.accuracy == pytest.approx((probabilities.argmax(axis=1) == part.labels).mean())
    assert found.loss == pytest.approx(-np.log(probabilities[np.arange(len(part)), part.labels]).mean(), rel=1e-9)


def test_evaluating_between_steps_changes_nothing(train):
    undisturbed, disturbed = train(dropout=0.3), train(dropout=0.3)
    for _ in range(20):
        undisturbed.step()
        for split in ("train", "validation", "test"):
            disturbed.evaluate(split)
        disturbed.check_validation()
        disturbed.last_batch()
        disturbed.step()
    assert traces(disturbed) == traces(undisturbed)


def test_a_check_of_the_validation_digits_is_kept_once_for_each_step(train):
    trainer = train()
    assert trainer.check_validation() == trainer.check_validation() == trainer.evaluate("validation")
    trainer.advance(steps=8)  # the end of an epoch checks by itself
    trainer.check_validation()
    assert [check.step for check in trainer.history.checks] == [0, 8]


# -- the same bytes


VARIED = [
    {},
    {"optimizer": "momentum", "learning_rate": 0.05, "weight_decay": 1e-3},
    {"optimizer": "adam", "learning_rate": 0.01, "schedule": "cosine", "warmup_epochs": 0.5},
    {"optimizer": "rmsprop", "learning_rate": 0.003, "dropout": 0.4, "hidden_layers": (16, 12)},
    {"augment_shift": 2, "augment_rotation": 10, "augment_elastic": 20, "gradient_clip": 0.5},
    {"optimizer": "adamw", "learning_rate": 0.01, "dropout": 0.2, "augment_scale": 0.1, "input_scaling": "per_pixel"},
]


@pytest.mark.parametrize("settings", VARIED, ids=lambda settings: ", ".join(map(str, settings)) or "defaults")
def test_the_same_config_gives_the_same_bytes_by_whatever_way(train, digits, settings):
    expected = traces(run_on(train(**settings)))

    by_steps = train(**settings)
    for steps in (1, 2, 5, 7, 100):
        by_steps.advance(steps=steps)
    assert traces(by_steps) == expected

    by_time = train(**settings)
    while not by_time.finished:
        by_time.advance(seconds=0)
    assert traces(by_time) == expected

    by_epochs = train(**settings)
    assert len(list(by_epochs.epochs())) == 3
    assert traces(by_epochs) == expected

    resumed = train(**settings)
    for steps in (3, 5, 6):
        resumed.advance(steps=steps)
        resumed = Trainer.from_state(resumed.state(), digits)
    assert traces(run_on(resumed)) == expected


def test_a_thinned_history_is_the_same_by_whatever_way_and_its_epoch_records_are_exact(train, digits, monkeypatch):
    whole = run_on(train(batch_size=25, epochs=2))  # 20 steps an epoch
    monkeypatch.setattr("mlp.training.history.MOST_ROWS", 8)
    by_steps, by_time, resumed = (train(batch_size=25, epochs=2) for _ in range(3))
    run_on(by_steps)
    while not by_time.finished:
        by_time.advance(seconds=0)
    for steps in (3, 14, 7, 11):
        resumed.advance(steps=steps)
        resumed = Trainer.from_state(resumed.state(), digits)
    run_on(resumed)
    assert traces(by_steps) == traces(by_time) == traces(resumed)
    assert (traces(by_steps)[0], traces(by_steps)[2]) == (traces(whole)[0], traces(whole)[2])
    assert by_steps.step_count == 40
    steps = by_steps.history.steps
    assert len(steps) <= 8
    np.testing.assert_array_equal(steps.column("loss"), whole.history.steps.column("loss")[steps.steps() - 1])
    assert steps.last("loss") == whole.history.steps.last("loss")


def test_a_state_is_a_copy_that_later_training_does_not_touch(train, digits):
    trainer = train(optimizer="adam", learning_rate=0.01)
    trainer.advance(steps=5)
    state, then = trainer.state(), traces(trainer)
    run_on(trainer)
    assert traces(Trainer.from_state(state, digits)) == then
    assert traces(Trainer.from_state(state, digits)) != traces(trainer)


def test_the_history_survives_saving(train, digits):
    trainer = train()
    trainer.check_validation()
    trainer.advance(steps=11)
    resumed = Trainer.from_state(trainer.state(), digits)
    assert resumed.step_count == 11
    assert resumed.seconds == trainer.seconds
    assert resumed.history.epochs == trainer.history.epochs
    assert resumed.history.checks == trainer.history.checks
    np.testing.assert_array_equal(resumed.history.steps.values(), trainer.history.steps.values())


def test_a_resumed_run_still_knows_that_its_weights_were_given(train, digits):
    trainer = train()
    trainer.start_from(train(seed=7).network)
    resumed = Trainer.from_state(trainer.state(), digits)
    assert resumed.weights_given
    assert not resumed.untaught
    assert not Trainer.from_state(train().state(), digits).weights_given


def test_a_new_trainer_of_the_same_config_stands_at_the_very_same_weights(train):
    trained = train()
    initial = trained.network.parameters.tobytes()
    trained.advance(steps=5)
    assert trained.network.parameters.tobytes() != initial
    assert train().network.parameters.tobytes() == initial


def test_another_seed_is_another_start_and_another_order(train):
    one, other = train(), train(seed=1)
    assert not np.array_equal(one.network.parameters, other.network.parameters)
    assert not np.array_equal(one.last_batch().labels, other.last_batch().labels)


# -- large batches


@pytest.fixture(scope="module")
def many():
    return load_dataset("mnist", train_size=9000, validation_size=200)


LARGE = {"hidden_layers": (12,), "train_size": 9000, "validation_size": 200, "batch_size": FULL_BATCH, "epochs": 3}


def test_a_full_batch_in_chunks_is_one_large_forward_and_backward(many):
    assert len(many.train) > 2 * CHUNK_SIZE
    trainer = Trainer(RunConfig(**LARGE, dtype="float64", optimizer="momentum", learning_rate=0.5), many)
    assert trainer.steps_per_epoch == 1
    net = MLP([784, 12, 10], rng=np.random.default_rng(0), dtype=np.float64)
    optimizer = build_optimizer("momentum", net, learning_rate=0.5)
    x, labels = many.train.images.reshape(-1, 784) / 255, many.train.labels
    for _ in range(3):
        logits = net.forward(x)
        accuracy = (logits.argmax(axis=1) == labels).mean()
        loss, dlogits = cross_entropy(logits, labels)
        net.backward(dlogits)
        optimizer.step()
        record = trainer.step()
        assert record.loss == pytest.approx(loss, rel=1e-10)
        assert record.accuracy == pytest.approx(accuracy, abs=1e-12)
        np.testing.assert_allclose(trainer.network.gradient, net.gradient, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(trainer.network.parameters, net.parameters, rtol=1e-10, atol=1e-12)


def test_a_large_batch_can_be_left_half_done_looked_at_and_saved(many):
    config = RunConfig(**{**LARGE, "epochs": 2}, dropout=0.3)
    expected = traces(run_on(Trainer(config, many)))
    trainer = Trainer(config, many)
    assert trainer.advance(seconds=0) is None  # one chunk of three
    assert trainer.step_count == 0
    trainer.evaluate("validation")
    trainer.last_batch()
    resumed = Trainer.from_state(trainer.state(), many)
    assert traces(run_on(trainer)) == expected
    assert traces(run_on(resumed)) == expected


def test_a_batch_larger_than_the_training_set_is_all_of_it(train):
    trainer = train(batch_size=60_000)
    assert trainer.steps_per_epoch == 1
    full = train(batch_size=FULL_BATCH)
    assert traces(run_on(trainer)) == traces(run_on(full))


# -- changing a run under way


@pytest.mark.parametrize(
    ("settings", "change"),
    [
        ({}, {"learning_rate": 0.01}),
        ({"optimizer": "momentum"}, {"momentum": 0.1}),
        ({"optimizer": "adam", "learning_rate": 0.01}, {"weight_decay": 0.1}),
        ({"schedule": "cosine"}, {"epochs": 8}),
    ],
)
def test_a_change_takes_effect_at_the_next_step(train, settings, change):
    changed, unchanged = train(**settings), train(**settings)
    for trainer in (changed, unchanged):
        trainer.advance(steps=5)
    changed.change(**change)
    ((name, value),) = change.items()
    assert getattr(changed.config, name) == value
    assert traces(changed) == traces(unchanged)
    for trainer in (changed, unchanged):
        trainer.step()
    assert not np.array_equal(changed.network.parameters, unchanged.network.parameters)


def test_a_changed_learning_rate_stands_in_the_next_record_and_in_the_length_of_its_step(train):
    trainer, other = train(), train()
    for each in (trainer, other):
        each.advance(steps=5)
    before = trainer.network.parameters.copy()
    trainer.change(learning_rate=0.05)
    assert trainer.step().learning_rate == pytest.approx(0.05)
    other.step()
    np.testing.assert_allclose(
        2 * (trainer.network.parameters - before), other.network.parameters - before, rtol=1e-3, atol=1e-7
    )


def test_a_change_survives_saving(train, digits):
    trainer = train()
    trainer.advance(steps=3)
    trainer.change(learning_rate=0.03)
    assert Trainer.from_state(trainer.state(), digits).step().learning_rate == pytest.approx(0.03)


@pytest.mark.parametrize("setting", [{"batch_size": 8}, {"hidden_layers": (8,)}, {"optimizer": "adam"}, {"seed": 1}])
def test_what_needs_a_new_network_cannot_be_changed(train, setting):
    trainer = train()
    with pytest.raises(ValueError) as caught:
        trainer.change(**setting, learning_rate=0.5)
    (name,) = setting
    assert str(caught.value).startswith(f"{name} needs a new network")
    assert "learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert trainer.config == train().config


def test_a_change_out_of_bounds_changes_nothing(train):
    trainer = train()
    with pytest.raises(ValueError, match=r"^learning_rate must be in \(0, 10\], got -1$"):
        trainer.change(learning_rate=-1, momentum=0.5)
    assert trainer.config == train().config


def test_a_finished_run_says_so_and_goes_on_when_more_epochs_are_asked_for(train):
    trainer = train(epochs=1)
    assert trainer.advance(steps=100).step == 8
    assert trainer.finished
    assert trainer.advance(seconds=1) is None
    assert list(trainer.epochs()) == []
    with pytest.raises(RuntimeError, match="complete after 1 epochs"):
        trainer.step()
    trainer.change(epochs=2)
    assert not trainer.finished
    assert trainer.step().step == 9
    whole = train(epochs=2)
    assert traces(run_on(trainer)) == traces(run_on(whole))


def test_advance_wants_to_know_how_far(train):
    with pytest.raises(ValueError, match="steps or seconds"):
        train().advance()


@pytest.mark.parametrize(
    ("how_far", "sentence"),
    [
        ({"steps": -1}, r"^steps must be a whole number of 0 or more, got -1$"),
        ({"steps": 2.5}, r"^steps must be a whole number of 0 or more, got 2\.5$"),
        ({"steps": True}, r"^steps must be a whole number of 0 or more, got True$"),
        ({"steps": 3, "seconds": np.nan}, r"^seconds must be 0 or more, got nan$"),
        ({"seconds": -1}, r"^seconds must be 0 or more, got -1$"),
        ({"seconds": "1"}, r"^seconds must be 0 or more, got '1'$"),
    ],
)
def test_advance_takes_nothing_but_numbers_of_steps_and_seconds(train, how_far, sentence):
    trainer = train()
    with pytest.raises(ValueError, match=sentence):
        trainer.advance(**how_far)
    assert trainer.step_count == 0


def test_advance_takes_numbers_of_numpy_and_no_limit(train):
    assert train().advance(steps=np.int64(3), seconds=np.float32(3600)).step == 3
    assert train(epochs=1).advance(seconds=np.inf).step == 8
    assert train().advance(steps=0) is None


def test_advance_stops_at_whichever_is_over_first(train):
    trainer = train()
    assert trainer.advance(steps=3, seconds=3600).step == 3
    assert trainer.advance(steps=3, seconds=0).step == 4


# -- the learning rate and the length of a step


def test_warm_up_and_cosine_make_the_learning_rates_of_the_records(train):
    trainer = train(schedule="cosine", warmup_epochs=0.5, learning_rate=0.2, epochs=2)  # 8 steps an epoch
    rates = [trainer.step().learning_rate for _ in range(16)]
    warmup = [0.2 * (t + 1) / 4 for t in range(4)]
    falling = [0.2 * (1 + np.cos(np.pi * t / 12)) / 2 for t in range(12)]
    assert rates == pytest.approx(warmup + falling)
    np.testing.assert_allclose(trainer.history.steps.column("learning_rate"), rates, rtol=1e-6)


def test_steps_down_come_every_so_many_epochs(train):
    trainer = train(schedule="step", decay_epochs=1, decay_factor=0.1, learning_rate=0.5)
    rates = [trainer.step().learning_rate for _ in range(24)]
    assert rates == pytest.approx([0.5] * 8 + [0.05] * 8 + [0.005] * 8)


def test_a_gradient_limit_limits_the_length_of_a_step(train):
    limited, free = train(gradient_clip=0.1, learning_rate=0.5), train(learning_rate=0.5)
    lengths = []
    for trainer in (limited, free):
        before = trainer.network.parameters.copy()
        trainer.step()
        lengths.append(np.linalg.norm(trainer.network.parameters - before))
    assert lengths[0] == pytest.approx(0.5 * 0.1, rel=1e-3)
    assert lengths[1] > 2 * lengths[0]


# -- divergence


def diverge(trainer):
    """Steps until it diverges: the error, and the weights after the last good step."""
    while True:
        good = trainer.network.parameters.copy()
        try:
            trainer.step()
        except TrainingDivergedError as error:
            return error, good


def test_a_run_that_diverges_says_where_and_why_and_what_to_do(train):
    trainer = train(**EXPLODES, epochs=100)
    error, _ = diverge(trainer)
    message = str(error)
    assert error.step == trainer.step_count + 1
    assert f"step {error.step:,}" in message
    assert error.place in message
    assert "layer" in error.place or "logits" in error.place
    assert "learning rate 10" in message
    assert "\n" not in message
    assert error.remedy == {"learning_rate": 0.1}
    healthy = train(**{**EXPLODES, **error.remedy, "epochs": 1})
    assert np.isfinite(run_on(healthy).history.epochs[-1].test_loss)


def test_a_diverged_run_keeps_the_weights_of_before_and_stays_where_it_is(train):
    trainer = train(**EXPLODES, epochs=100)
    error, good = diverge(trainer)
    assert np.isfinite(good).all()
    np.testing.assert_array_equal(trainer.network.parameters, good)
    steps = trainer.step_count
    for go_on in (trainer.step, lambda: trainer.advance(steps=1), lambda: list(trainer.epochs())):
        with pytest.raises(TrainingDivergedError) as again:
            go_on()
        assert again.value is error
    assert trainer.step_count == steps
    assert trainer.diverged is error


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_resumed_run_is_as_diverged_as_before(train, digits):
    trainer = train(**EXPLODES)
    error, _ = diverge(trainer)
    resumed = Trainer.from_state(trainer.state(), digits)
    assert str(resumed.diverged) == str(error)
    assert resumed.diverged.state() == error.state()
    with pytest.raises(TrainingDivergedError) as found:
        resumed.step()
    assert found.value is resumed.diverged
    assert Trainer.from_state(train().state(), digits).diverged is None


def test_the_history_of_a_diverged_run_holds_finite_numbers_only(train):
    trainer = train(hidden_layers=(), **EXPLODES, epochs=100)
    diverge(trainer)
    assert np.isfinite(trainer.history.steps.values()).all()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_weights_that_overflow_in_the_very_last_update_are_noticed_as_well(train):
    trainer = train(hidden_layers=(), **EXPLODES, input_scaling="none", batch_size=FULL_BATCH, epochs=1)
    trainer.network.parameters *= 5e36 / np.abs(trainer.network.predict_logits(trainer.dataset.train.images)).max()
    with pytest.raises(TrainingDivergedError):
        trainer.step()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_sentence_about_a_divergence_is_grammatical(train):
    trainer = train()
    trainer.network.parameters[3] = np.nan
    error, _ = diverge(trainer)
    assert error.place == "the weights of hidden layer 1"
    assert "is no longer" not in str(error)


@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_a_step_whose_loss_is_not_finite_leaves_the_last_good_weights_to_the_bit(train):
    trainer = train(dtype="float64")
    trainer.advance(steps=5)
    trainer.network.parameters *= 1e200  # finite, but their products are not
    good = trainer.network.parameters.copy()
    with pytest.raises(TrainingDivergedError, match="step 6"):
        trainer.step()
    np.testing.assert_array_equal(trainer.network.parameters, good)


def test_weights_that_overflow_in_an_update_fall_back_to_the_last_copy(train):
    trainer = train(epochs=100)
    trainer.advance(steps=STEPS_BETWEEN_COPIES)
    good = trainer.network.parameters.copy()
    trainer.advance(steps=7)
    trainer.network.parameters[3] = np.nan  # as an update might leave it
    with pytest.raises(TrainingDivergedError, match="the weights of hidden layer 1"):
        trainer.step()
    np.testing.assert_array_equal(trainer.network.parameters, good)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("hidden_layers", [(), (16,)])
def test_an_update_that_overflows_leaves_no_such_weights_behind(train, hidden_layers):
    trainer = train(hidden_layers=hidden_layers, weight_init="zeros", learning_rate=10, weight_decay=1, epochs=20)
    error, good = diverge(trainer)  # each step makes the weights nine times as large
    assert np.isfinite(good).all()
    assert np.isfinite(trainer.network.parameters).all()
    assert 30 < error.step == trainer.step_count + 1 < STEPS_BETWEEN_COPIES
    assert trainer.diverged is error
    assert trainer.probes.probes().steps[-1] <= trainer.step_count
    np.testing.assert_array_equal(trainer.network.parameters, good)


def test_unscaled_pixels_are_named_as_the_cause(train):
    trainer = train(**EXPLODES, input_scaling="none", epochs=100)
    error, _ = diverge(trainer)
    assert "pixels" in error.cause
    assert error.remedy == {"input_scaling": "unit"}


def test_a_learning_rate_that_was_not_too_high_is_not_blamed(train):
    trainer = train(learning_rate=0.01)
    trainer.network.parameters[:] = np.inf
    error, _ = diverge(trainer)
    assert "learning rate" not in error.cause
    assert error.remedy == {"gradient_clip": 1.0}


# -- what can be seen of a batch


def test_the_last_batch_shows_its_digits_and_the_answers_before_the_update(train, digits):
    trainer = train(learning_rate=1)
    trainer.advance(steps=3)
    before = trainer.network.copy()
    trainer.step()
    batch = trainer.last_batch(limit=20)
    positions = epoch_order(500, 0, 0)[192 : 192 + 20]
    assert batch.step == 4
    np.testing.assert_array_equal(batch.pixels, digits.train.images[positions].reshape(-1, 784))
    np.testing.assert_array_equal(batch.labels, digits.train.labels[positions])
    np.testing.assert_allclose(batch.probabilities, before.predict_proba(batch.pixels), rtol=1e-4, atol=1e-6)
    assert not np.allclose(batch.probabilities, trainer.network.predict_proba(batch.pixels), rtol=1e-2)
    assert batch.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_before_the_first_step_the_coming_digits_are_shown_with_the_first_answers(train):
    trainer = train()
    coming = trainer.last_batch()
    assert coming.step == 1
    np.testing.assert_allclose(coming.probabilities, trainer.network.predict_proba(coming.pixels), rtol=1e-6)
    trainer.step()
    taken = trainer.last_batch()
    np.testing.assert_array_equal(coming.pixels, taken.pixels)
    np.testing.assert_array_equal(coming.labels, taken.labels)
    np.testing.assert_allclose(coming.probabilities, taken.probabilities, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("batch_size", [32, 128])
def test_before_the_first_step_augmented_digits_are_shown_as_the_step_will_take_them(train, batch_size):
    trainer = train(augment_rotation=20, augment_elastic=30, batch_size=batch_size)
    coming = trainer.last_batch()
    trainer.step()
    np.testing.assert_array_equal(coming.pixels, trainer.last_batch().pixels)


def test_a_batch_half_done_is_not_shown_as_the_one_before(many):
    trainer = Trainer(RunConfig(**LARGE), many)
    trainer.step()
    whole = trainer.last_batch()
    trainer.advance(seconds=0)  # the first chunk of step 2
    half = trainer.last_batch()
    assert half.step == 2 or np.array_equal(half.pixels, whole.pixels)


def test_a_resumed_run_shows_no_other_digits_as_its_last_batch(train, digits):
    trainer = train()
    trainer.advance(steps=3)
    shown, resumed = trainer.last_batch(), Trainer.from_state(trainer.state(), digits).last_batch()
    assert resumed.step != 3 or np.array_equal(resumed.pixels, shown.pixels)


def test_a_view_of_a_batch_is_a_copy(train):
    trainer = train()
    trainer.step()
    batch = trainer.last_batch()
    copies = batch.pixels.copy(), batch.labels.copy(), batch.probabilities.copy()
    run_on(trainer)
    for now, then in zip((batch.pixels, batch.labels, batch.probabilities), copies, strict=True):
        np.testing.assert_array_equal(now, then)


def test_augmented_digits_are_shown_as_the_network_met_them(train, digits):
    trainer = train(augment_shift=3, augment_rotation=20)
    trainer.step()
    batch = trainer.last_batch(limit=64)
    original = digits.train.images[epoch_order(500, 0, 0)[:64]].reshape(-1, 784)
    assert not np.array_equal(batch.pixels, original)
    x = (batch.pixels / np.float32(255)).astype(np.float32)
    np.testing.assert_allclose(batch.probabilities, train().network.predict_proba(x), rtol=1e-4, atol=1e-6)


# -- every kind of network and data


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden_layers": ()},
        {"hidden_layers": (16,) * 6},
        {"dtype": "float64"},
        {"batch_size": 1, "epochs": 2, "learning_rate": 0.02},
        {"input_scaling": "standard", "learning_rate": 0.02},
        {"input_scaling": "per_pixel", "learning_rate": 0.02},
        {"activation": "gelu", "weight_init": "glorot_uniform"},
        {"loss": "mean_squared_error", "hidden_layers": (64,)},
        {"optimizer": "nesterov", "learning_rate": 0.02},
        {"optimizer": "adagrad", "learning_rate": 0.02},
        {"optimizer": "adamw", "learning_rate": 0.005},
    ],
    ids=str,
)
def test_every_kind_of_network_learns(train, settings):
    trainer = train(**{"epochs": 12, "batch_size": 16, **settings})
    start = trainer.evaluate("train")
    run_on(trainer)
    end = trainer.evaluate("train")
    assert end.loss < 0.8 * start.loss
    assert end.accuracy > max(0.6, start.accuracy)
    assert trainer.network.parameters.dtype == trainer.config.dtype


def test_six_hidden_layers_stand_in_their_order(train):
    trainer = train(hidden_layers=(20, 18, 16, 14, 12, 11))
    assert list(trainer.network.layer_sizes) == [784, 20, 18, 16, 14, 12, 11, 10]


def test_without_validation_digits_there_is_nan_and_everything_works():
    trainer = Trainer(RunConfig(**{**SMALL, "validation_size": 0}))
    record = next(trainer.epochs())
    assert np.isnan(record.validation_loss)
    assert np.isnan(record.validation_accuracy)
    assert 0 < record.test_accuracy < 1
    assert trainer.evaluate("validation").size == 0
    assert trainer.history.checks == []
    resumed = Trainer.from_state(trainer.state())
    assert np.isnan(resumed.history.epochs[0].validation_loss)


def test_a_subset_of_the_classes_has_as_many_outputs_and_keeps_its_names():
    trainer = Trainer(RunConfig(**{**SMALL, "classes": (1, 7, 8)}))
    assert trainer.network.layer_sizes[-1] == 3
    assert trainer.dataset.class_names == ("1", "7", "8")
    record = list(trainer.epochs())[-1]
    assert record.test_accuracy > 0.8
    assert trainer.last_batch().probabilities.shape == (32, 3)


def test_the_trainer_loads_what_its_config_names():
    trainer = Trainer(RunConfig(train_size=300, validation_size=100, label_noise=0.5, seed=4))
    assert [len(getattr(trainer.dataset, split)) for split in ("train", "validation", "test")] == [300, 100, 10_000]
    assert (trainer.dataset.train.labels != trainer.dataset.train.clean_labels).sum() == 150


def test_settings_that_do_not_fit_the_data_are_refused_in_one_sentence():
    with pytest.raises(ValueError, match="train_size must be in") as caught:
        Trainer(RunConfig(train_size=50_000, validation_size=20_000))
    assert "\n" not in str(caught.value)


def random_pictures(n, side=28):
    return np.random.default_rng(0).integers(0, 256, (n, side, side), dtype=np.uint8), np.arange(n) % 2


def test_a_dataset_without_training_digits_is_refused():
    with pytest.raises(ValueError, match="at least one training digit, got none"):
        Trainer(RunConfig(), Dataset.from_arrays(*random_pictures(0), class_names="ab"))


def test_pictures_of_another_size_are_trained_on_but_not_augmented():
    small = Dataset.from_arrays(*random_pictures(40, side=8))
    assert Trainer(RunConfig(batch_size=10), small).step().step == 1
    with pytest.raises(ValueError, match=r"images must be 28 by 28 pixels to be augmented, got \(8, 8\)"):
        Trainer(RunConfig(augment_shift=2), small)


def test_the_first_network_of_the_page_reaches_93_percent_after_one_epoch():
    trainer = Trainer(RunConfig(validation_size=0, epochs=1))
    (record,) = trainer.epochs()
    assert trainer.network.num_parameters == 155_830
    assert record.step == 1875
    assert record.test_accuracy > 0.93
    assert record.train_accuracy > 0.85

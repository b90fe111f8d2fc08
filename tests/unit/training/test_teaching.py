"""Lessons on a few drawings: learnt, at what cost, by the steps that were asked for, and the teacher's network safe."""

import numpy as np
import pytest

from mlp.data import Dataset
from mlp.nn import MLP, cross_entropy, cross_entropy_per_sample
from mlp.training import TrainingDivergedError, teach
from mlp.training.teaching import _turns


@pytest.fixture(scope="module")
def drawings(digits):
    """Three digits, called what they are not."""
    return digits.test.images[[1, 2, 3]], np.array([7, 8, 9])


def by_hand(network, images, labels, rate, steps):
    """Gradient descent on all of them at once: (parameters, loss of each step)"""
    twin, losses = network.copy(), []
    x = np.stack(images).reshape(len(images), -1) / 255
    for _ in range(steps):
        loss, dlogits = cross_entropy(twin.forward(x), labels)
        twin.backward(dlogits)
        twin.parameters -= rate * twin.gradient
        losses.append(loss)
    return twin.parameters, losses


# -- the lesson


def test_the_drawings_are_learnt_and_the_network_is_left_as_it_was(trained, drawings, digits):
    before = trained.parameters.tobytes()
    images, labels = drawings
    lesson = teach(trained, images, labels, dataset=digits, steps=60, learning_rate=0.1, mix=0.5)
    assert (lesson.before.argmax(axis=1) != labels).any()
    assert (lesson.after.argmax(axis=1) == labels).all()
    assert lesson.after[np.arange(3), labels].min() > 0.7
    assert lesson.losses[-1] < lesson.losses[0] / 2
    np.testing.assert_array_equal(lesson.before, trained.predict_proba(images))
    np.testing.assert_array_equal(lesson.after, lesson.network.predict_proba(images))
    assert lesson.network is not trained
    assert trained.parameters.tobytes() == before


def test_its_progress_is_told_and_changes_nothing(trained, drawings, digits):
    images, labels = drawings
    told = []
    heard, unheard = (
        teach(trained, images, labels, dataset=digits, steps=7, learning_rate=0.1, mix=0.5, on_progress=listener)
        for listener in (lambda steps, read: told.append((steps, read)), None)
    )
    all_read = 2 * len(digits.test)
    assert told == [(step, 0) for step in range(1, 8)] + [(7, read) for read in range(1000, all_read + 1, 1000)]
    for name in ("before", "after", "losses", "class_accuracy_before", "class_accuracy_after"):
        assert getattr(heard, name).tobytes() == getattr(unheard, name).tobytes()
    assert heard.network.parameters.tobytes() == unheard.network.parameters.tobytes()


def test_its_steps_are_plain_gradient_descent(digits):
    network = MLP([784, 12, 10], "tanh", rng=np.random.default_rng(0), dtype=np.float64)
    images, labels = digits.test.images[:4], digits.test.labels[:4]
    lesson = teach(network, images, labels, dataset=digits, steps=5, learning_rate=0.3, batch_size=4)
    expected, losses = by_hand(network, images, labels, 0.3, 5)
    np.testing.assert_allclose(lesson.network.parameters, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(lesson.losses, losses, rtol=1e-9)


def test_one_drawing_fills_the_batch(digits):
    network = MLP([784, 12, 10], rng=np.random.default_rng(0), dtype=np.float64)
    images, labels = digits.test.images[:1], digits.test.labels[:1]
    lesson = teach(network, images, labels, dataset=digits, steps=3, learning_rate=0.2)
    expected, _ = by_hand(network, images, labels, 0.2, 3)
    np.testing.assert_allclose(lesson.network.parameters, expected, rtol=1e-9, atol=1e-12)


def test_the_mix_is_the_share_of_training_digits_in_each_batch(digits):
    """With a training digit of one kind only, a step must be that of the two pictures in these shares."""
    network = MLP([784, 12, 10], "tanh", rng=np.random.default_rng(0), dtype=np.float64)
    drawing, old = digits.test.images[0], digits.train.images[0]
    one_kind = Dataset.from_arrays(
        old[None], digits.train.labels[:1], digits.test.images[:50], digits.test.labels[:50], class_names="0123456789"
    )
    label, old_label = int(digits.test.labels[0]), int(digits.train.labels[0])
    for mix, drawn, rehearsed in ((0.25, 6, 2), (0.5, 4, 4), (0.99, 1, 7)):
        lesson = teach(
            network, drawing[None], [label], dataset=one_kind, steps=1, learning_rate=0.5, batch_size=8, mix=mix
        )
        images, labels = [drawing] * drawn + [old] * rehearsed, np.array([label] * drawn + [old_label] * rehearsed)
        expected, _ = by_hand(network, images, labels, 0.5, 1)
        np.testing.assert_allclose(lesson.network.parameters, expected, rtol=1e-9, atol=1e-12)
        (loss,) = cross_entropy_per_sample(network.predict_logits(drawing[None]), np.array([label]))
        assert lesson.losses[0] == pytest.approx(loss), "of the drawings alone"


def test_without_the_old_digits_they_are_forgotten_and_with_them_hardly(trained, drawings, digits):
    images, labels = drawings
    settings = {"dataset": digits, "steps": 100, "learning_rate": 0.2}
    alone = teach(trained, images[:1], labels[:1], **settings)
    mixed = teach(trained, images[:1], labels[:1], **settings, mix=0.75)
    assert alone.test_before == mixed.test_before
    assert alone.test_after < alone.test_before - 0.3
    assert mixed.test_after > mixed.test_before - 0.1
    lost = alone.class_accuracy_before - alone.class_accuracy_after
    assert lost.argmin() == labels[0]
    assert lost.max() > 0.5


def test_the_test_accuracies_are_those_of_both_networks(trained, drawings, digits):
    lesson = teach(trained, *drawings, dataset=digits, steps=3, learning_rate=0.5)
    for network, overall, by_class in (
        (trained, lesson.test_before, lesson.class_accuracy_before),
        (lesson.network, lesson.test_after, lesson.class_accuracy_after),
    ):
        answers = network.predict_logits(digits.test.images).argmax(axis=1)
        assert overall == np.mean(answers == digits.test.labels)
        for k in range(10):
            assert by_class[k] == pytest.approx(np.mean(answers[digits.test.labels == k] == k))


def test_forgotten_and_gained_digits_are_counted_each_for_itself(trained, drawings, digits):
    """The net change of the accuracy would hide those that were gained behind those that were forgotten."""
    lesson = teach(trained, *drawings, dataset=digits, steps=3, learning_rate=0.5)
    before, after = (
        network.predict_logits(digits.test.images).argmax(axis=1) == digits.test.labels
        for network in (trained, lesson.network)
    )
    assert lesson.forgotten == sum(before & ~after)
    assert lesson.gained == sum(after & ~before) > 0


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(trained, drawings, digits):
    settings = {"dataset": digits, "steps": 4, "learning_rate": 0.1, "batch_size": 8, "mix": 0.5}
    first, again, other = (teach(trained, *drawings, **settings, seed=seed) for seed in (3, 3, 4))
    assert first.network.parameters.tobytes() == again.network.parameters.tobytes()
    assert first.losses.tobytes() == again.losses.tobytes()
    assert first.network.parameters.tobytes() != other.network.parameters.tobytes()


def test_every_drawing_has_as_many_turns_as_any_other():
    for n, size, steps in ((3, 32, 10), (50, 8, 30), (7, 7, 4), (1, 5, 5)):
        turns = _turns(n, size, steps, np.random.default_rng(0))
        assert turns.shape == (steps, size)
        counts = np.bincount(turns.ravel(), minlength=n)
        assert counts.max() - counts.min() <= 1
    shuffled = _turns(50, 50, 2, np.random.default_rng(0))
    assert sorted(shuffled[0]) == sorted(shuffled[1]) == list(range(50))
    assert shuffled[0].tolist() != shuffled[1].tolist()


def test_dropout_is_off(trained, drawings, digits):
    dropping = MLP(trained.layer_sizes, rng=np.random.default_rng(5), dropout=0.8)
    dropping.parameters[...] = trained.parameters
    settings = {"dataset": digits, "steps": 5, "learning_rate": 0.1}
    a, b = teach(dropping, *drawings, **settings), teach(trained, *drawings, **settings)
    np.testing.assert_array_equal(a.network.parameters, b.network.parameters)


def test_the_loss_of_the_run_may_be_taken(trained, drawings, digits):
    images, labels = drawings
    settings = {"dataset": digits, "steps": 1, "learning_rate": 0.1}
    lesson = teach(trained, images[:1], labels[:1], **settings, loss="mean_squared_error")
    (logits,) = trained.predict_logits(images[:1])
    assert lesson.losses[0] == pytest.approx(np.mean((logits - np.eye(10)[labels[0]]) ** 2), rel=1e-5)


def test_classes_and_whole_datasets_without_test_digits_have_no_accuracy(trained, drawings, digits):
    train = digits.train
    kept = digits.test.labels[:200] != 3
    some = Dataset.from_arrays(
        train.images, train.labels, digits.test.images[:200][kept], digits.test.labels[:200][kept]
    )
    lesson = teach(trained, *drawings, dataset=some, steps=1, learning_rate=0.1)
    assert np.flatnonzero(np.isnan(lesson.class_accuracy_after)).tolist() == [3]
    none = Dataset.from_arrays(train.images, train.labels)
    lesson = teach(trained, *drawings, dataset=none, steps=1, learning_rate=0.1)
    assert np.isnan(lesson.test_after)
    assert np.isnan(lesson.class_accuracy_before).all()


# -- what goes wrong


@pytest.mark.parametrize("steps", [1, 2, 100])
def test_a_lesson_that_diverges_says_so_and_the_network_is_safe(steps, drawings, digits):
    network = MLP([784, 12, 10], "identity", rng=np.random.default_rng(0))
    network.linears[-1].W[...] *= 1e30
    before = network.parameters.tobytes()
    with pytest.raises(TrainingDivergedError, match="The learning rate 10 is most likely too high") as error:
        teach(network, *drawings, dataset=digits, steps=steps, learning_rate=10, loss="mean_squared_error")
    assert error.value.step == min(2, steps)
    assert error.value.remedy == {"learning_rate": 0.1}
    assert network.parameters.tobytes() == before


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("steps", 0, r"steps must be a whole number in \[1, 1000\], got 0"),
        ("steps", 1001, r"steps must be a whole number in \[1, 1000\], got 1001"),
        ("steps", 2.5, r"steps must be a whole number in \[1, 1000\], got 2\.5"),
        ("batch_size", 0, r"batch_size must be a whole number in \[1, 60000\], got 0"),
        ("learning_rate", 0, r"learning_rate must be in \(0, 10\], got 0"),
        ("learning_rate", 10.5, r"learning_rate must be in \(0, 10\], got 10\.5"),
        ("learning_rate", np.nan, r"learning_rate must be in \(0, 10\], got nan"),
        ("mix", 1, r"mix must be in \[0, 1\), got 1"),
        ("mix", -0.1, r"mix must be in \[0, 1\), got -0\.1"),
        ("loss", "hinge", "loss must be one of cross_entropy, mean_squared_error, got 'hinge'"),
    ],
)
def test_bad_settings_are_refused_in_one_sentence(setting, value, message, trained, drawings, digits):
    settings = {"steps": 5, "learning_rate": 0.1} | {setting: value}
    with pytest.raises(ValueError, match=message):
        teach(trained, *drawings, dataset=digits, **settings)


def test_bad_drawings_are_refused_in_one_sentence(trained, drawings, digits):
    images, labels = drawings
    settings = {"dataset": digits, "steps": 5, "learning_rate": 0.1}
    for bad in (images[:0], images.reshape(3, 784), images / 255, images[0]):
        with pytest.raises(ValueError, match=r"drawings must be \(n, 28, 28\) uint8 with n from 1, got"):
            teach(trained, bad, labels, **settings)
    for bad in (labels[:2], labels.astype(float), [[7, 8, 9]]):
        with pytest.raises(ValueError, match="labels must be 3 whole numbers, one for each drawing, got"):
            teach(trained, images, bad, **settings)
    for bad in ([0, 1, 10], [-1, 1, 2]):
        with pytest.raises(ValueError, match=r"labels must be in 0\.\.9, got"):
            teach(trained, images, bad, **settings)


def test_a_dataset_that_does_not_fit_is_refused(trained, drawings, digits):
    settings = {"steps": 5, "learning_rate": 0.1}
    two = Dataset.from_arrays(digits.train.images[:4], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="dataset must have the network's 784 pixels and 10 classes, got 784 and 2"):
        teach(trained, *drawings, dataset=two, **settings)
    empty = Dataset.from_arrays(digits.train.images[:0], digits.train.labels[:0], class_names="0123456789")
    with pytest.raises(ValueError, match=r"mix must be 0 for a dataset without training digits, got 0\.5"):
        teach(trained, *drawings, dataset=empty, **settings, mix=0.5)
    teach(trained, *drawings, dataset=empty, **settings)

"""The names that code outside relies on, used as docs/architecture.md writes them, with small settings."""

import numpy as np
import pytest

import mlp
from mlp import MLP, RunConfig, Trainer, load_dataset

SMALL = {"train_size": 400, "hidden_layers": (12,)}


@pytest.fixture
def config():
    return RunConfig(
        dataset="mnist",
        activation="relu",
        weight_init="he_normal",
        optimizer="sgd",
        learning_rate=0.1,
        batch_size=32,
        epochs=2,
        validation_size=0,
        seed=0,
        **SMALL,
    )


def test_a_run_is_configured_stepped_iterated_and_continued(config):
    trainer = Trainer(config)
    record = trainer.step()
    assert (record.step, record.epoch, record.learning_rate) == (1, 1, 0.1)
    assert record.loss > 0
    assert 0 <= record.accuracy <= 1
    for record in trainer.epochs():
        for name in ("epoch", "step", "train_loss", "train_loss_std", "train_accuracy", "validation_loss"):
            assert hasattr(record, name)
        for name in ("validation_accuracy", "test_loss", "test_accuracy", "seconds"):
            assert hasattr(record, name)
        assert "test_accuracy" in str(record)
    assert record.epoch == 2
    trainer.change(epochs=100)
    trainer.advance(steps=100)
    resumed = Trainer.from_state(trainer.state())
    for each in (trainer, resumed):
        each.advance(steps=5)
    assert resumed.network.parameters.tobytes() == trainer.network.parameters.tobytes()
    trainer.advance(seconds=0.01)
    assert trainer.step_count > 131
    assert RunConfig(**{**config.to_dict(), "seed": 1}) == config.changed(seed=1)


def test_a_trainer_takes_a_dataset_in_hand(config):
    dataset = load_dataset("mnist", train_size=60, validation_size=20)
    trainer = Trainer(config, dataset=dataset)
    assert trainer.dataset is dataset
    assert trainer.steps_per_epoch == 2


def test_a_network_answers_pictures_and_names_its_weights(config):
    trainer = Trainer(config)
    images = trainer.dataset.test.images[:5]
    probabilities = trainer.network.predict_proba(images)
    assert probabilities.shape == (5, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    floats = (images.reshape(5, 784) / 255).astype(np.float32)
    np.testing.assert_allclose(trainer.network.predict_proba(floats), probabilities, rtol=1e-4)
    shapes = {name: array.shape for name, array in trainer.network.state_dict().items()}
    assert shapes == {"0.weight": (784, 12), "0.bias": (12,), "1.weight": (12, 10), "1.bias": (10,)}


def test_the_network_is_trained_by_hand():
    rng = np.random.default_rng(0)
    x, labels = rng.random((30, 784)), rng.integers(0, 10, 30)
    net = MLP([784, 196, 10], activation="relu", rng=np.random.default_rng(0), dtype=np.float64)
    optimizer = mlp.nn.build_optimizer("momentum", net, learning_rate=1e-2, momentum=0.9, weight_decay=0.0)
    losses = []
    for _ in range(20):
        logits = net.forward(x)
        loss, dlogits = mlp.nn.cross_entropy(logits, labels)
        net.backward(dlogits)
        optimizer.step()
        losses.append(loss)
    assert logits.shape == (30, 10)
    assert losses[-1] < 0.8 * losses[0]
    assert net.gradients().keys() == net.state_dict().keys()


def test_the_gradient_check_names_every_parameter_array():
    rng = np.random.default_rng(0)
    net = MLP([784, 6, 10], activation="tanh", rng=rng, dtype=np.float64)
    found = mlp.nn.gradient_check(net, rng.random((4, 784)), rng.integers(0, 10, 4))
    assert found.keys() == net.state_dict().keys()
    assert max(check.largest_relative_error for check in found.values()) < 1e-6


def test_a_dataset_has_three_splits_of_images_and_labels():
    dataset = load_dataset("mnist", validation_size=5000, classes=None)
    for split, size in ((dataset.train, 55_000), (dataset.validation, 5_000), (dataset.test, 10_000)):
        assert split.images.shape == (size, 28, 28)
        assert split.images.dtype == np.uint8
        assert split.labels.shape == (size,)


def test_drawings_and_pictures_become_digits_for_the_pretrained_network():
    strokes = [np.array([[70, 62], [200, 56], [172, 120], [140, 180], [118, 238]])]
    digit = mlp.analysis.digit_from_strokes(strokes, canvas_size=(280, 280))
    picture = load_dataset("mnist").test.images[0]
    digits = np.stack([digit, mlp.analysis.digit_from_image(picture)])
    assert (digits.shape, digits.dtype) == ((2, 28, 28), np.uint8)
    network = mlp.analysis.pretrained_network()
    assert isinstance(network, MLP)
    assert network.predict_proba(digits).argmax(axis=1).tolist() == [7, 7]


def test_the_first_name_of_every_sentence_is_exported():
    assert set(mlp.__all__) >= {"MLP", "RunConfig", "Trainer", "load_dataset"}
    for package in (mlp, mlp.nn, mlp.analysis):
        assert all(hasattr(package, name) for name in package.__all__)

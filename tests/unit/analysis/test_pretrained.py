"""The network that ships: its file, its accuracy, the handwriting it learned from, and how it is rebuilt."""

import numpy as np
import pytest

from mlp.analysis import pretrained_network
from mlp.analysis.pretrained import FILE, __main__, handwriting
from mlp.analysis.pretrained.handwriting import redrawn
from mlp.data import load_dataset
from mlp.training import RunConfig, network_from_bytes, notes_from_bytes


def test_it_reads_the_test_digits(digits):
    answers = pretrained_network().predict_logits(digits.test.images).argmax(axis=1)
    accuracy = np.mean(answers == digits.test.labels)
    assert len(answers) == 10_000
    assert accuracy >= 0.99
    assert notes_from_bytes(FILE.read_bytes())["test accuracy"] == f"{accuracy:.4f}"


def test_each_call_gives_a_copy_of_its_own():
    first = pretrained_network()
    first.parameters[...] = 0
    assert pretrained_network().parameters.any()


def test_the_file_is_small():
    assert FILE.stat().st_size <= 1_500_000


@pytest.fixture(scope="module")
def train():
    return load_dataset("mnist", train_size=600).train


def test_redrawn_digits_are_prepared_as_those_of_mnist(train):
    found = redrawn(train.images, train.labels, np.random.default_rng(0))
    assert found.dtype == np.uint8
    assert found.shape == (600, 28, 28)
    for digit in found:
        rows, columns = (np.flatnonzero(digit.any(axis=axis)) for axis in (1, 0))
        assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 20
    assert np.array_equal(found, redrawn(train.images, train.labels, np.random.default_rng(0)))


@pytest.mark.parametrize("label", [1, 7, 9])
def test_ones_sevens_and_nines_get_their_strokes(train, label, monkeypatch):
    monkeypatch.setattr(handwriting, "NARROWEST", 1.0)
    monkeypatch.setattr(handwriting, "WIDEST", 1.0)
    monkeypatch.setattr(handwriting, "PLAIN", 0.0)
    images = train.images[train.labels == label]
    with_strokes = redrawn(images, np.full(len(images), label), np.random.default_rng(0))
    without = redrawn(images, np.zeros(len(images), int), np.random.default_rng(0))
    wider = np.array([np.ptp(np.flatnonzero(digit.any(axis=0))) for digit in with_strokes])
    before = np.array([np.ptp(np.flatnonzero(digit.any(axis=0))) for digit in without])
    assert np.mean((with_strokes != without).any(axis=(1, 2))) > 0.95
    assert wider.mean() > before.mean() + (2 if label == 1 else -3)


def test_the_file_is_rebuilt_the_same_each_time(tmp_path, monkeypatch, capsys):
    config = RunConfig(hidden_layers=(8,), epochs=1, train_size=200, validation_size=100, augment_shift=1)
    monkeypatch.setattr(__main__, "CONFIG", config)
    monkeypatch.setattr(__main__.build_dataset, "__defaults__", (config, 1))
    for name in ("a", "b"):
        __main__.main(["--out", str(tmp_path / name)])
    first = (tmp_path / "a").read_bytes()
    assert first == (tmp_path / "b").read_bytes()
    assert network_from_bytes(first).layer_sizes == (784, 8, 10)
    assert "test accuracy" in capsys.readouterr().out


def test_the_dataset_holds_each_digit_as_it_is_and_redrawn():
    config = RunConfig(train_size=60, validation_size=20)
    dataset = __main__.build_dataset(config, copies=2)
    plain = load_dataset("mnist", train_size=60, validation_size=20)
    assert len(dataset.train) == 180
    assert np.array_equal(dataset.train.images[:60], plain.train.images)
    assert np.array_equal(dataset.train.labels, np.tile(plain.train.labels, 3))
    assert np.array_equal(dataset.validation.images, plain.validation.images)
    assert np.array_equal(dataset.test.images, plain.test.images)

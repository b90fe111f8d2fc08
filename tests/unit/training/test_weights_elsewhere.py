"""Weights in PyTorch's layout, and a run that starts from given weights."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from mlp.data import load_dataset
from mlp.nn import MLP, InputScaling
from mlp.training import (
    RunConfig,
    Trainer,
    WeightsFileError,
    as_code,
    network_from_bytes,
    network_to_bytes,
    settings_of,
    weights,
)

SMALL = RunConfig(hidden_layers=(20, 15), train_size=500, validation_size=200, epochs=2)


def net(*hidden, **options):
    options = {"activation": "tanh", **options}
    return MLP([784, *hidden, 10], rng=np.random.default_rng(0), **options)


PER_PIXEL = InputScaling(np.linspace(0, 90, 784), np.linspace(0.001, 0.1, 784))


@pytest.mark.parametrize("options", [{}, {"dtype": np.float64}, {"dropout": 0.5}, {"input_scaling": PER_PIXEL}])
@pytest.mark.parametrize("hidden", [(), (12,), (12, 8, 6)])
def test_pytorchs_layout_comes_back_to_the_last_bit(digits, hidden, options):
    network = net(*hidden, **options)
    back = network_from_bytes(network_to_bytes(network, {"a": "note"}, "pytorch"))
    images = digits.test.images[:50]
    assert back.predict_logits(images).tobytes() == network.predict_logits(images).tobytes()


def test_its_tensors_are_transposed_and_numbered_as_in_a_sequential():
    content = load(network_to_bytes(net(12, 8, dropout=0.5, input_scaling=PER_PIXEL), layout="pytorch"))
    assert {key: array.shape for key, array in content.items()} == {
        "0.weight": (12, 784), "0.bias": (12,), "3.weight": (8, 12), "3.bias": (8,), "6.weight": (10, 8),
        "6.bias": (10,)
    }  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"dropout": 0.3}, {"activation": "identity"}, {"hidden_layers": ()}])
def test_the_model_of_the_pytorch_script_loads_it_and_answers_alike(tmp_path, digits, changes):
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    config = SMALL.changed(**changes)
    trainer = Trainer(config)
    trainer.advance(steps=5)
    path = tmp_path / "weights.safetensors"
    path.write_bytes(network_to_bytes(trainer.network, layout="pytorch"))
    code = as_code(config, "pytorch")
    names = {"nn": torch.nn, "DROPOUT": config.dropout}
    exec(code[code.index("model = ") : code.index("with torch.no_grad():")], names)
    model = names["model"].eval()
    model.load_state_dict(load_file(path))
    x = digits.test.images[:100].reshape(100, 784) * np.float32(1 / 255)
    with torch.no_grad():
        logits = model(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(logits, trainer.network.predict_logits(digits.test.images[:100]), atol=1e-5)


def test_an_unknown_layout_is_refused():
    with pytest.raises(ValueError, match="layout must be one of numpy, pytorch, got 'jax'"):
        network_to_bytes(net(), layout="jax")


def made(tensors, **metadata):
    known = {"format": weights.FORMAT, "version": "1", "activation": "relu", "input_offset": "0.0", "input_factor": "1"}
    known |= {"layout": "pytorch", **metadata}
    return save(tensors, known | {"checksum": weights._checksum(tensors, known)})


def transposed(**arrays):
    tensors = {key: np.ascontiguousarray(array) for key, array in weights._for_pytorch(net(12)).items()}
    return tensors | arrays


@pytest.mark.parametrize(
    ("tensors", "metadata", "sentence"),
    [
        (transposed(), {"layout": "keras"}, "layout .* must be one of numpy, pytorch, got 'keras'"),
        (transposed(), {"input_offset": "[1.0, 2.0]"}, r"input_offset .* must have shape \(784,\), got \(2,\)"),
        (transposed(), {"input_offset": "[1.0, NaN]"}, "input_offset .* must be a number, or one for each pixel"),
        (transposed(), {"input_offset": "[[1.0]]"}, "input_offset .* must be a number, or one for each pixel"),
        (transposed(), {"input_offset": "[" * 9000}, "input_offset .* must be a number, or one for each pixel"),
        (transposed(), {"input_offset": '["a"]'}, "input_offset .* must be a number, or one for each pixel"),
        (transposed(**{"5.scale": np.zeros(2, np.float32)}), {}, "has 5.scale"),
        (transposed(**{"2.weight": np.zeros((10, 13), np.float32)}), {}, "12 rows"),
        ({"x": np.zeros(3, np.float32)}, {}, "must hold matrices"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(tensors, metadata, sentence):
    with pytest.raises(WeightsFileError, match=sentence) as error:
        network_from_bytes(made(tensors, **metadata))
    assert "\n" not in str(error.value)


def test_a_file_in_numpys_layout_has_no_new_word():
    data = network_to_bytes(net(5))
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    assert "layout" not in header["__metadata__"]


# -- which run a network belongs to


@pytest.mark.parametrize("scaling", RunConfig.choices("input_scaling"))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_tells_the_settings_it_was_made_with(digits, scaling, dtype):
    config = SMALL.changed(input_scaling=scaling, dtype=dtype, activation="elu")
    network = network_from_bytes(network_to_bytes(Trainer(config).network))
    found = settings_of(network, digits)
    assert RunConfig(train_size=500, validation_size=200, epochs=2).changed(**found) == config


def test_a_network_that_does_not_fit_the_data_is_refused(digits):
    three = load_dataset("mnist", classes=(1, 2, 3), train_size=100, validation_size=0)
    with pytest.raises(WeightsFileError, match="tells 10 classes apart, but the data has 784 pixels and 3 classes"):
        settings_of(net(5), three)
    with pytest.raises(WeightsFileError, match="scales its pixels by none of unit, standard, per_pixel, none"):
        settings_of(net(5, input_scaling=PER_PIXEL), digits)
    other = Trainer(SMALL.changed(input_scaling="per_pixel", seed=1)).network
    with pytest.raises(WeightsFileError, match="measured on these training digits"):
        settings_of(other, digits)


def test_a_run_starts_from_given_weights_and_is_as_deterministic(digits):
    given = net(20, 15, activation="relu")
    runs = []
    for _ in range(2):
        trainer = Trainer(SMALL.changed(seed=5), digits)
        trainer.start_from(given)
        assert trainer.weights_given
        assert trainer.step_count == 0
        assert trainer.network.parameters.tobytes() == given.parameters.tobytes()
        assert trainer.snapshots.at(0).parameters.tobytes() == given.parameters.tobytes()
        trainer.advance(steps=10)
        assert trainer.network.parameters.tobytes() != given.parameters.tobytes()
        runs.append(trainer)
    assert runs[0].network.parameters.tobytes() == runs[1].network.parameters.tobytes()
    resumed = Trainer.from_state(runs[0].state(), digits)
    for trainer in (resumed, runs[0]):
        trainer.advance(steps=5)
    assert resumed.network.parameters.tobytes() == runs[0].network.parameters.tobytes()


def test_a_run_that_diverges_at_once_goes_back_to_the_given_weights(digits):
    trainer = Trainer(SMALL.changed(seed=5, learning_rate=10, input_scaling="none", loss="mean_squared_error"), digits)
    given = net(20, 15, activation="relu", input_scaling=trainer.network.input_scaling)
    trainer.start_from(given)
    trainer.network.parameters[3] = np.nan
    with pytest.raises(RuntimeError, match="Training stopped at step 1"):
        trainer.step()
    assert trainer.network.parameters.tobytes() == given.parameters.tobytes()


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (net(20, activation="relu"), r"layer_sizes of the network must be \(784, 20, 15, 10\)"),
        (net(20, 15), "activation of the network must be relu, as the config says, got tanh"),
        (net(20, 15, activation="relu", dtype=np.float64), "dtype of the network must be float32"),
        (net(20, 15, activation="relu", input_scaling=PER_PIXEL), "must scale its inputs as 'unit' does"),
    ],
)
def test_weights_that_do_not_fit_are_refused_and_change_nothing(digits, network, sentence):
    trainer = Trainer(SMALL, digits)
    before = trainer.network.parameters.copy()
    with pytest.raises(ValueError, match=sentence):
        trainer.start_from(network)
    assert trainer.network.parameters.tobytes() == before.tobytes()
    assert not trainer.weights_given


def test_only_a_fresh_run_takes_weights(digits):
    given = net(20, 15, activation="relu")
    for begin in (Trainer.step, Trainer.check_validation):
        trainer = Trainer(SMALL, digits)
        begin(trainer)
        with pytest.raises(RuntimeError, match="before its first step and evaluation"):
            trainer.start_from(given)

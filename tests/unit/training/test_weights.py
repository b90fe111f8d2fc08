"""Weights files: the network comes back to the last bit, and no other file passes for one."""

import hashlib
import json
import pickle

import numpy as np
import pytest
from safetensors.numpy import load, save

from mlp.nn import MLP, InputScaling
from mlp.training import WeightsFileError, network_from_bytes, network_to_bytes, notes_from_bytes, weights


def net(*hidden, activation="relu", dtype=np.float32, scaling=None):
    options = {} if scaling is None else {"input_scaling": scaling}
    return MLP([784, *hidden, 10], activation=activation, rng=np.random.default_rng(0), dtype=dtype, **options)


PER_PIXEL = InputScaling(np.linspace(0, 90, 784), np.linspace(0.001, 0.1, 784))


@pytest.fixture(scope="module")
def data():
    return network_to_bytes(net(12, 8), {"made by": "a test"})


def made(tensors, **metadata):
    """A file with a right checksum, whatever is in it."""
    known = {"format": weights.FORMAT, "version": "1", "activation": "relu", "input_offset": "0.0", "input_factor": "1"}
    known = {key: value for key, value in (known | metadata).items() if value is not None}
    return save(tensors, known | {"checksum": weights._checksum(tensors, known)})


def tensors_of(network):
    return {key: array.copy() for key, array in network.state_dict().items()}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("scaling", [None, InputScaling(33.3285, 1 / 78.5655), PER_PIXEL], ids=["unit", "std", "pixel"])
def test_a_network_answers_the_same_to_the_last_bit(digits, dtype, activation, scaling):
    network = net(20, 15, activation=activation, dtype=dtype, scaling=scaling)
    back = network_from_bytes(network_to_bytes(network))
    images = digits.test.images[:50]
    assert back.predict_logits(images).tobytes() == network.predict_logits(images).tobytes()
    assert (back.dtype, back.layer_sizes, back.activation) == (dtype, network.layer_sizes, activation)


def test_softmax_regression_comes_back_too():
    network = net()
    assert network_from_bytes(network_to_bytes(network)).parameters.tobytes() == network.parameters.tobytes()


def test_the_same_network_gives_the_same_bytes():
    notes = {f"note {i}": "x" for i in range(9)}
    assert len({network_to_bytes(net(5), dict(sorted(notes.items(), reverse=i % 2))) for i in range(6)}) == 1


def test_notes_are_kept_and_read(data):
    assert notes_from_bytes(data) == {"made by": "a test"}
    assert notes_from_bytes(network_to_bytes(net(3))) == {}


def test_others_can_read_the_tensors(data):
    shapes = {key: array.shape for key, array in load(data).items()}
    assert shapes == {key: array.shape for key, array in net(12, 8).state_dict().items()}


def test_weights_that_diverged_are_not_saved():
    network = net(4)
    network.parameters[7] = np.nan
    with pytest.raises(ValueError, match="must all be finite numbers"):
        network_to_bytes(network)


@pytest.mark.parametrize("value", [np.inf, 2e12, -2e12])
def test_weights_that_would_not_be_read_again_are_not_saved(value):
    network = net(4)
    network.linears[0].W[0, 0] = value
    with pytest.raises(ValueError, match=r"must all be finite numbers in \[-1e12, 1e12\]"):
        network_to_bytes(network)


def huge(dtype=np.float32):
    """Each weight is within the bounds; what they make of a digit is not."""
    network = net(1024, 1024, 1024, dtype=dtype)
    network.parameters[:] = 1e12
    return network


def test_a_network_whose_answers_overflow_is_neither_saved_nor_read():
    white = np.full((1, 784), 255, np.uint8)
    with np.errstate(all="ignore"):
        assert not np.isfinite(huge().predict_logits(white)).any()
    with pytest.raises(ValueError, match="so large that"):
        network_to_bytes(huge())
    with pytest.raises(WeightsFileError, match="so large that"):
        network_from_bytes(made(tensors_of(huge())))
    assert np.isfinite(network_from_bytes(network_to_bytes(huge(np.float64))).predict_logits(white)).all()


def test_large_weights_that_no_digit_makes_overflow_are_kept():
    network = net(20)
    network.parameters *= 1e10
    assert network_from_bytes(network_to_bytes(network)).parameters.tobytes() == network.parameters.tobytes()


@pytest.mark.parametrize("notes", [{"a": 5}, {5: "a"}, {"a": "\ud800"}, {"\udfff": "a"}], ids=ascii)
def test_notes_that_are_no_texts_are_refused_in_one_sentence(notes):
    with pytest.raises(ValueError, match=r"^notes must be names and texts, got ") as error:
        network_to_bytes(net(3), notes)
    assert not isinstance(error.value, UnicodeError)


def test_notes_may_be_in_any_script():
    notes = {"Δ 数字": "𝕄 é\n"}
    assert notes_from_bytes(network_to_bytes(net(3), notes)) == notes


def test_any_kind_of_bytes_will_do(data):
    for kind in (bytearray, memoryview):
        assert network_from_bytes(kind(data)).layer_sizes == (784, 12, 8, 10)
        assert notes_from_bytes(kind(data)) == {"made by": "a test"}
    for other in (None, 5, "text", [1, 2]):
        with pytest.raises(WeightsFileError, match="must be bytes, got"):
            network_from_bytes(other)


def test_every_cut_and_every_flipped_byte_is_noticed(data):
    for end in [0, 1, 7, 8, 9, 100, len(data) // 2, len(data) - 1]:
        with pytest.raises(WeightsFileError):
            network_from_bytes(data[:end])
    for place in [0, 5, 20, 200, 400, 1000, len(data) // 2, len(data) - 1]:
        altered = bytearray(data)
        altered[place] ^= 1
        with pytest.raises(WeightsFileError):
            network_from_bytes(bytes(altered))
    with pytest.raises(WeightsFileError):
        network_from_bytes(data + b"\0\0\0\0")


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        pickle.dumps({"0.weight": [1.0]}),
        (2**62).to_bytes(8, "little") + b"{}",
        (60).to_bytes(8, "little") + b"[" * 60,
        (2).to_bytes(8, "little") + b"[]",
        save({"a": np.zeros(3)}),
    ],
    ids=["empty", "png", "pickle", "huge header", "brackets", "list", "no metadata"],
)
def test_a_foreign_file_is_refused_in_one_sentence(foreign):
    with pytest.raises(WeightsFileError) as error:
        network_from_bytes(foreign)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 200


def claiming(shape, dtype="F32"):
    """A header that claims far more than the file holds."""
    end = 4 * shape[0] * shape[1]
    entry = {"0.weight": {"dtype": dtype, "shape": shape, "data_offsets": [0, end]}}
    known = {"__metadata__": {"format": weights.FORMAT, "version": "1", "checksum": hashlib.sha256().hexdigest()}}
    header = json.dumps(known | entry).encode()
    return len(header).to_bytes(8, "little") + header + bytes(64)


def test_a_claim_of_the_header_is_not_believed():
    with pytest.raises(WeightsFileError, match="not where its header says"):
        network_from_bytes(claiming([10**9, 10**6]))


@pytest.mark.parametrize("dtype", [["F32"], {}, None, 5])
def test_a_type_that_is_no_word_is_refused(dtype):
    with pytest.raises(WeightsFileError, match="must be float32 or float64, got"):
        network_from_bytes(claiming([4, 4], dtype))


def test_too_large_a_file_is_refused_unread(monkeypatch, data):
    monkeypatch.setattr(weights, "MOST_BYTES", 1000)
    with pytest.raises(WeightsFileError, match="must have at most 1,000 bytes"):
        network_from_bytes(data)


def changed(**arrays):
    return {key: array for key, array in (tensors_of(net(12)) | arrays).items() if array is not None}


nan = np.full(12, np.nan, np.float32)


@pytest.mark.parametrize(
    ("tensors", "metadata", "sentence"),
    [
        (changed(), {"format": "another"}, "must be of the format"),
        (changed(), {"version": "2"}, "must be of version 1, got '2'"),
        (changed(), {"activation": "swish"}, "activation .* must be one of relu, .* got 'swish'"),
        (changed(), {"activation": None}, "activation"),
        (changed(), {"input_factor": "nan"}, "input_factor .* must be a number"),
        (changed(), {"input_factor": f"[{'9' * 400}]"}, "input_factor .* one for each pixel"),
        (changed(), {"input_offset": None}, "input_offset .* must be a number, got None"),
        (changed(**{"0.bias": nan}), {}, "0.bias .* must hold numbers"),
        (changed(**{"0.bias": np.zeros(13, np.float32)}), {}, r"0.bias must have shape \(12,\), got \(13,\)"),
        (changed(**{"1.bias": None}), {}, "lacks 1.bias"),
        (changed(**{"9.bias": np.zeros(2, np.float32)}), {}, "9.bias"),
        (changed(**{"0.weight": None}), {}, "must hold matrices"),
        (changed(**{"0.weight": np.zeros(784, np.float32)}), {}, "must hold matrices"),
        (changed(**{"1.weight": np.zeros((13, 10), np.float32)}), {}, "1.weight .* 12 rows"),
        (changed(**{"1.bias": np.zeros(10)}), {}, "all be float32 or all float64"),
        (changed(**{"1.bias": np.zeros(10, np.int64)}), {}, "must be float32 or float64, got F32, I64"),
        (changed(input_factor=np.zeros(5)), {}, r"input_factor .* must have shape \(784,\), got \(5,\)"),
        (tensors_of(net(12)) | {"0.weight": np.zeros((784, 0), np.float32)}, {}, "rows"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(tensors, metadata, sentence):
    with pytest.raises(WeightsFileError, match=sentence) as error:
        network_from_bytes(made(tensors, **metadata))
    assert "\n" not in str(error.value)


def test_a_network_beyond_the_bounds_is_refused():
    wide = {
        "0.weight": np.zeros((2, 2000), np.float32), "0.bias": np.zeros(2000, np.float32),
        "1.weight": np.zeros((2000, 2), np.float32), "1.bias": np.zeros(2, np.float32),
    }  # fmt: skip
    with pytest.raises(WeightsFileError, match="hidden ones up to 1024"):
        network_from_bytes(made(wide))


def test_a_made_file_that_makes_sense_is_read():
    assert network_from_bytes(made(changed())).layer_sizes == (784, 12, 10)

"""A network as a file: its weights, what it does to pixels, and notes. safetensors, which can hold no code to run.

The tensors carry the keys of `MLP.state_dict`, or those of a torch.nn.Sequential and its transposed weights. What the
weights alone do not tell is in the file's string metadata: the activation, the input scaling, and a checksum over
everything. Dropout acts in training only and is not kept.
The format: https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mlp.data import INPUT_SCALINGS, Dataset, build_input_scaling
from mlp.nn import ACTIVATIONS, MLP, InputScaling, Linear

Layout = Literal["numpy", "pytorch"]

FORMAT = "MLP Microscope weights"
VERSION = "1"
NOTE = "note: "  # stands before the names of notes in the metadata
OFFSET, FACTOR = "input_offset", "input_factor"  # in the metadata if numbers, among the tensors if one per pixel
# Six hidden layers of 1,024 units in float64 take 49 MB; no network that `MLP` allows on 784 pixels is larger.
MOST_BYTES = 64_000_000
MOST_HEADER_BYTES = 1_000_000
# No weight of a network that learns comes near it. What such weights make of digits is looked at in `_overflows`.
LARGEST_VALUE = 1e12
_TOO_LARGE = "the weights are so large that the answers to some digits may not be finite numbers"


class WeightsFileError(ValueError):
    """A file does not hold a network that can be used; the message says why, in one sentence."""


def network_to_bytes(network: MLP, notes: dict[str, str] | None = None, layout: Layout = "numpy") -> bytes:
    """The content of a weights file. The same network, notes and layout give the same bytes.

    notes: what else to remember about the network, names and texts; `notes_from_bytes` reads them.
    layout: "numpy" has W as (D, K) under "0.weight", "1.weight", …; "pytorch" has it as (K, D) under the names that a
        torch.nn.Sequential of linear layers, activations and dropout gives it, "0.weight", "2.weight", … .

    Raises ValueError for weights that `network_from_bytes` would refuse, for notes that are not texts and for an
    unknown layout.
    """
    if layout not in get_args(Layout):
        raise ValueError(f"layout must be one of {', '.join(get_args(Layout))}, got {layout!r}")
    if why := why_not_saved(network):
        raise ValueError(why)
    for name, text in (notes or {}).items():
        if not _is_text(name) or not _is_text(text):
            raise ValueError(f"notes must be names and texts, got {name!r:.40} and {text!r:.40}")
    named = _for_pytorch(network) if layout == "pytorch" else network.state_dict()
    tensors = {key: np.ascontiguousarray(array) for key, array in named.items()}
    metadata = {"format": FORMAT, "version": VERSION, "activation": network.activation}
    for name, value in ((OFFSET, network.input_scaling.offset), (FACTOR, network.input_scaling.factor)):
        if isinstance(value, np.ndarray) and layout == "pytorch":  # load_state_dict takes no tensors but its own
            metadata[name] = json.dumps(value.tolist())
        elif isinstance(value, np.ndarray):
            tensors[name] = np.ascontiguousarray(value, np.float64)
        else:
            metadata[name] = repr(float(value))
    if layout != "numpy":
        metadata["layout"] = layout
    metadata |= {NOTE + name: text for name, text in (notes or {}).items()}
    metadata["checksum"] = _checksum(tensors, metadata)
    return _sorted_header(save(tensors, metadata))


def why_not_saved(network: MLP) -> str:
    """Why a network's weights cannot be saved as they are, or ""."""
    if not (np.abs(network.parameters) <= LARGEST_VALUE).all():
        return "the weights must all be finite numbers in [-1e12, 1e12] to be saved, got others"
    return f"{_TOO_LARGE}: they cannot be saved" if _overflows(network) else ""


def network_from_bytes(data: bytes) -> MLP:
    """The network of a weights file: it answers as the one that was saved, to the last bit.

    Raises WeightsFileError for anything but a whole, unaltered file that `network_to_bytes` may have written.
    """
    tensors, metadata = _read(data)
    layout = metadata.get("layout", "numpy")
    if layout not in get_args(Layout):
        raise WeightsFileError(f"the layout of a weights file must be one of numpy, pytorch, got {layout[:40]!r}")
    if layout == "pytorch":
        tensors = _from_pytorch(tensors)
    scaling = InputScaling(*(_scaling_part(name, tensors, metadata) for name in (OFFSET, FACTOR)))
    activation = metadata.get("activation", "")
    if activation not in ACTIVATIONS:
        raise WeightsFileError(
            f"the activation of a weights file must be one of {', '.join(ACTIVATIONS)}, got {activation[:40]!r}"
        )
    sizes = _layer_sizes(tensors)
    for name, part in ((OFFSET, scaling.offset), (FACTOR, scaling.factor)):
        if isinstance(part, np.ndarray) and part.shape != sizes[:1]:
            raise WeightsFileError(f"{name} of a weights file must have shape {sizes[:1]}, got {part.shape}")
    dtype = tensors["0.weight"].dtype
    try:
        network = MLP(
            sizes,
            activation,
            "zeros",
            rng=np.random.default_rng(0),
            dtype=dtype,
            input_scaling=scaling,
        )
        network.load_state_dict({key: array for key, array in tensors.items() if key not in (OFFSET, FACTOR)})
    except ValueError as error:
        raise WeightsFileError(f"the weights file does not fit a network: {error}") from None
    if _overflows(network):
        raise WeightsFileError(f"{_TOO_LARGE}: the file cannot be used")
    return network


def notes_from_bytes(data: bytes) -> dict[str, str]:
    """The notes in a weights file. Raises WeightsFileError as `network_from_bytes` does for a file it cannot read."""
    _, metadata = _read(data)
    return {key.removeprefix(NOTE): text for key, text in metadata.items() if key.startswith(NOTE)}


def settings_of(network: MLP, dataset: Dataset) -> dict[str, Any]:
    """The settings of a run on `dataset` that a network tells by itself.

    hidden_layers, activation and dtype as they are; input_scaling by the name that gives its numbers, for "per_pixel"
    those of these very training digits.

    Raises WeightsFileError, in one sentence, for a network that does not fit the dataset.
    """
    if network.layer_sizes[0] != dataset.num_pixels or network.num_classes != dataset.num_classes:
        raise WeightsFileError(
            f"the network in the file reads {network.layer_sizes[0]} pixels and tells {network.num_classes} classes "
            f"apart, but the data has {dataset.num_pixels} pixels and {dataset.num_classes} classes"
        )
    own = network.input_scaling
    for name in INPUT_SCALINGS:
        known = build_input_scaling(name, dataset.train)
        if np.array_equal(own.offset, known.offset) and np.array_equal(own.factor, known.factor):
            return {
                "hidden_layers": network.layer_sizes[1:-1],
                "activation": network.activation,
                "dtype": network.dtype.name,
                "input_scaling": name,
            }
    raise WeightsFileError(
        f"the network in the file scales its pixels by none of {', '.join(INPUT_SCALINGS)}, measured on these training "
        "digits"
    )


def _overflows(network: MLP) -> bool:
    """Whether some digit may make a sum in the network overflow: all terms of one sign, all as large as they can be."""
    extremes = np.repeat(np.array([[0], [255]], np.uint8), network.layer_sizes[0], axis=1)
    largest = np.finfo(network.dtype).max
    with np.errstate(over="ignore", invalid="ignore"):
        x = np.abs(network.input_scaling(extremes, np.empty(extremes.shape))).max(axis=0)
        for linear in network.linears:
            x = np.maximum(x @ np.abs(linear.W) + np.abs(linear.b), 1)  # 1: a sigmoid's answer to small numbers
            if not (x <= largest).all():
                return True
    return False


def _is_text(value: object) -> bool:
    """Whether it is a str that UTF-8 can write: a lone surrogate is none."""
    return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


def _for_pytorch(network: MLP) -> dict[str, NDArray[Any]]:
    """Weights (K, D) and biases under the number of their layer, activations and dropout counted."""
    named = {}
    for number, layer in enumerate(network.layers):
        if isinstance(layer, Linear):
            named[f"{number}.weight"], named[f"{number}.bias"] = layer.W.T, layer.b
    return named


def _from_pytorch(tensors: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The same under the keys of `MLP.state_dict`; what has another name is left to be refused."""
    found = {key: re.fullmatch(r"(0|[1-9]\d{0,2})\.(weight|bias)", key) for key in tensors}
    numbers = sorted({int(match[1]) for match in found.values() if match})
    named = {}
    for key, array in tensors.items():
        match = found[key]
        new = f"{numbers.index(int(match[1]))}.{match[2]}" if match else key
        named[new] = np.ascontiguousarray(array.T)
    return named


def _read(data: bytes) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Tensors and metadata, after every check that does not need to know what a network is."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise WeightsFileError(f"a weights file must be bytes, got {type(data).__name__}")
    data = bytes(data)
    if len(data) > MOST_BYTES:
        raise WeightsFileError(f"a weights file must have at most {MOST_BYTES:,} bytes, got {len(data):,}")
    header = _header(data)
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise WeightsFileError(f"the file must be of the format {FORMAT!r}, but it does not say so")
    if metadata.get("version") != VERSION:
        raise WeightsFileError(f"the weights file must be of version {VERSION}, got {metadata.get('version')!r:.40}")
    types = {str(entry.get("dtype")) if isinstance(entry, dict) else "None" for entry in header.values()}
    if not types <= {"F32", "F64"}:
        raise WeightsFileError(f"the weights must be float32 or float64, got {', '.join(sorted(types))[:40]}")
    try:
        tensors = load(data)
    except SafetensorError:
        raise WeightsFileError("the file is truncated or altered: its parts are not where its header says") from None
    stated = metadata.pop("checksum", None)
    if stated != _checksum(tensors, metadata):
        raise WeightsFileError("the file is truncated or altered: its content does not match its checksum")
    for key, array in tensors.items():
        if not (np.abs(array) <= LARGEST_VALUE).all():
            raise WeightsFileError(f"{key:.40} of a weights file must hold numbers in [-1e12, 1e12], got others")
    return tensors, metadata


def _header(data: bytes) -> dict[str, Any]:
    """The header: 8 bytes of length, then JSON."""
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(len(data) - 8, MOST_HEADER_BYTES):
        raise WeightsFileError("the file is not a weights file in the safetensors format, or it is truncated")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise WeightsFileError("the file is not a weights file in the safetensors format")
    return header


def _sorted_header(data: bytes) -> bytes:
    """The same file with the header's keys in alphabetical order: the package shuffles those of the metadata."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # the tensors begin at a multiple of 8 bytes
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def _checksum(tensors: dict[str, NDArray[Any]], metadata: dict[str, Any]) -> str:
    """SHA-256 over names, types, shapes and values of the tensors, and over the metadata."""
    parts = {key: [str(array.dtype), array.shape] for key, array in tensors.items()}
    digest = hashlib.sha256(json.dumps([parts, metadata], sort_keys=True).encode())
    for key in sorted(tensors):
        digest.update(tensors[key].data)
    return digest.hexdigest()


def _scaling_part(name: str, tensors: dict[str, NDArray[Any]], metadata: dict[str, str]) -> float | NDArray[Any]:
    if name in tensors:
        return tensors[name]
    text = metadata.get(name, "")
    if text.startswith("["):
        return _numbers(name, text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not abs(value) <= LARGEST_VALUE:
        raise WeightsFileError(f"{name} of a weights file must be a number, got {metadata.get(name)!r:.40}")
    return value


def _numbers(name: str, text: str) -> NDArray[Any]:
    """The JSON of one number per pixel."""
    try:
        values = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):
        values = np.array([math.nan])
    if values.ndim != 1 or not (np.abs(values) <= LARGEST_VALUE).all():
        raise WeightsFileError(f"{name} of a weights file must be a number, or one for each pixel, got others")
    return values


def _layer_sizes(tensors: dict[str, NDArray[Any]]) -> tuple[int, ...]:
    """What the shapes of the weights say, checked before memory is taken for a network of such sizes."""
    matrices: list[NDArray[Any]] = []
    while (key := f"{len(matrices)}.weight") in tensors:
        matrices.append(tensors[key])
    if not matrices or any(W.ndim != 2 for W in matrices):
        raise WeightsFileError("a weights file must hold matrices 0.weight, 1.weight, …, one for each layer")
    for i, (W, following) in enumerate(pairwise(matrices)):
        if W.shape[1] != following.shape[0]:
            raise WeightsFileError(
                f"{i + 1}.weight of a weights file must have {W.shape[1]} rows, as many as {i}.weight has columns, "
                f"got {following.shape[0]}"
            )
    if len({array.dtype for key, array in tensors.items() if key not in (OFFSET, FACTOR)}) > 1:
        raise WeightsFileError("the weights must all be float32 or all float64, got both")
    return (len(matrices[0]), *(W.shape[1] for W in matrices))

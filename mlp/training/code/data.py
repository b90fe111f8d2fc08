"""What all scripts share of the data: the files, which digits are taken, what the network reads of their pixels."""

from __future__ import annotations

from mlp.data.preparation import MNIST_MEAN, MNIST_STD
from mlp.data.randomness import Stream
from mlp.training.code.text import Row, fill, num_classes, page, setting
from mlp.training.config import FULL_BATCH, RunConfig


def constants(config: RunConfig) -> list[Row]:
    """The settings of the data that this config needs, but for the augmentation's."""
    found = []
    if config.classes is not None:
        found.append(setting(config, "classes", "numbered 0, 1, ... in this order"))
    if config.train_size is not None:
        found.append(setting(config, "train_size"))
    if config.validation_size:
        found.append(setting(config, "validation_size", "digits taken out of the training file"))
    if config.label_noise:
        found.append(setting(config, "label_noise", "the share of training labels that are made wrong"))
    return found


STREAM = '''
def stream(*purpose):
    """The random numbers for one purpose. They depend on the seed alone, as in the app."""
    return np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=purpose))
'''

READ_IDX = '''
def read_idx(path):
    """The IDX format: four bytes, the last counts dimensions; four for each size; the values."""
    data = gzip.decompress(path.read_bytes())
    sizes = np.frombuffer(data, ">u4", count=data[3], offset=4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]).reshape(sizes)
'''

_FILES = """
folder = Path(sys.argv[1] if len(sys.argv) > 1 else "$dataset")
${images} = read_idx(folder / "train-images-idx3-ubyte.gz").reshape(-1, 784)
${labels} = read_idx(folder / "train-labels-idx1-ubyte.gz").astype(np.int64)
test_images = read_idx(folder / "t10k-images-idx3-ubyte.gz").reshape(-1, 784)
test_labels = read_idx(folder / "t10k-labels-idx1-ubyte.gz").astype(np.int64)
"""

_SHARES = '''
def shares(size, counts):
    """`size` in proportion to `counts`; where that leaves fractions, the largest are rounded up."""
    found, remainders = np.divmod(size * counts, counts.sum())
    found[np.argsort(-remainders, kind="stable")[: size - found.sum()]] += 1
    return found
'''

_MEMBERS = """
# Each class gives its share, chosen at random.
rng = stream($stream)
members = [rng.permutation(np.flatnonzero(labels == k)) for k in $classes]
counts = np.array([len(digits) for digits in members])
"""

_CLASSES = """
kept = np.isin(test_labels, CLASSES)
test_images, test_labels = test_images[kept], test_labels[kept]
number = np.zeros(10, np.int64)
number[list(CLASSES)] = np.arange(len(CLASSES))
"""

_NOISE = """
# A wrong label is any of the other classes, each as likely.
rng = stream($stream)
wrong = rng.choice(len(train_labels), round(LABEL_NOISE * len(train_labels)), replace=False)
train_labels[wrong] = (train_labels[wrong] + rng.integers(1, $K, len(wrong))) % $K
"""

_PER_PIXEL = """
# Mean and standard deviation of each pixel over the training digits, in whole numbers until the end
N = len(train_images)
total = train_images.sum(axis=0, dtype=np.float64)
squares = np.square(train_images, dtype=np.uint16).sum(axis=0, dtype=np.float64)
mean, std = total / N, np.sqrt(N * squares - total**2) / N
std[std == 0] = 1  # a pixel that never varies stays 0
mean, inverse_std = mean.astype(DTYPE), (1 / std).astype(DTYPE)
"""

_PREPARE = {
    "unit": ("Pixels from 0 to 255 become 0 to 1.", "pixels.astype(DTYPE) * (1 / 255)"),
    "standard": (
        "All pixels of MNIST together get mean 0 and standard deviation 1.",
        f"(pixels.astype(DTYPE) - 255 * {MNIST_MEAN}) * (1 / (255 * {MNIST_STD}))",
    ),
    "per_pixel": ("Each pixel gets mean 0 and standard deviation 1.", "(pixels.astype(DTYPE) - mean) * inverse_std"),
    "none": ("The pixels as they are, from 0 to 255.", "pixels.astype(DTYPE)"),
}


def divides(config: RunConfig) -> bool:
    """Whether chance decides which digits of the training file are learnt from."""
    return config.validation_size > 0 or config.train_size is not None


def reading(config: RunConfig) -> str:
    """All up to train_images (N, 784) uint8 and train_labels (N,), the same of test and, if any, of validation."""
    chosen = divides(config) or config.classes is not None
    images, labels = ("images", "labels") if chosen else ("train_images", "train_labels")
    return page(
        READ_IDX,
        _SHARES if divides(config) else "",
        fill(_FILES, dataset=config.dataset, images=images, labels=labels),
        _choosing(config) if chosen else "",
        _renumbering(config) if config.classes is not None else "",
        fill(_NOISE, stream=int(Stream.LABEL_NOISE), K=num_classes(config)) if config.label_noise else "",
        "BATCH_SIZE = len(train_labels)  # full: all digits in each step" if config.batch_size == FULL_BATCH else "",
    )


def preparing(config: RunConfig) -> str:
    """The function prepare: pixels (n, 784) uint8 -> what the network reads, (n, 784)."""
    words, value = _PREPARE[config.input_scaling]
    return page(
        _PER_PIXEL if config.input_scaling == "per_pixel" else "",
        f'def prepare(pixels):\n    """{words}"""\n    return {value}',
    )


def _choosing(config: RunConfig) -> str:
    """Which digits of the training file are learnt from, and which are for validation."""
    taken = ["train_images, train_labels = images[train], labels[train]"]
    if not divides(config):
        return "\n".join(["train = np.flatnonzero(np.isin(labels, CLASSES))", *taken])
    lines = []
    if config.validation_size:
        lines += [
            "held = shares(VALIDATION_SIZE, counts)",
            "validation = np.sort(np.concatenate([digits[:v] for digits, v in zip(members, held)]))",
            "members = [digits[v:] for digits, v in zip(members, held)]",
        ]
        taken.append("validation_images, validation_labels = images[validation], labels[validation]")
    if config.train_size is not None:
        counts = "counts - held" if config.validation_size else "counts"
        lines.append(f"members = [digits[:t] for digits, t in zip(members, shares(TRAIN_SIZE, {counts}))]")
    lines.append("train = np.sort(np.concatenate(members))")
    classes = "range(10)" if config.classes is None else "CLASSES"
    return "\n".join([fill(_MEMBERS, stream=int(Stream.SPLIT), classes=classes), *lines, *taken])


def _renumbering(config: RunConfig) -> str:
    lines = ["train_labels, test_labels = number[train_labels], number[test_labels]"]
    if config.validation_size:
        lines.append("validation_labels = number[validation_labels]")
    return "\n".join([_CLASSES.strip(), *lines])

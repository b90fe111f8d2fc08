"""Every setting of a run in one frozen dataclass that checks itself.

Sliders, the URL, recipes, sweeps and saved runs all read and write a `RunConfig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from annotated_types import Interval, Len
from pydantic import AfterValidator, BeforeValidator, ConfigDict, TypeAdapter, ValidationError

Activation = Literal["relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "identity"]
WeightInit = Literal["he_normal", "he_uniform", "glorot_normal", "glorot_uniform", "lecun_normal", "normal", "zeros"]
Loss = Literal["cross_entropy", "mean_squared_error"]
Optimizer = Literal["sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"]
Schedule = Literal["constant", "step", "exponential", "cosine"]
DatasetName = Literal["mnist", "fashion_mnist", "kmnist"]
Scaling = Literal["unit", "standard", "per_pixel", "none"]

FULL_BATCH = "full"
# These are read anew at every step, so they may change while a run goes on.
LIVE_SETTINGS = ("learning_rate", "momentum", "weight_decay", "epochs")


def _split_commas(value: object) -> object:
    """In a URL a list is "196,64", and no list at all is "none"."""
    if isinstance(value, str):
        return [] if value == "none" else value.split(",")
    return value


def _distinct(classes: tuple[int, ...] | None) -> tuple[int, ...] | None:
    if classes is not None and len(set(classes)) != len(classes):
        raise ValueError("a class stands twice")
    return classes


@dataclass(frozen=True)
class Bounds:
    """The smallest and the largest value a setting may take; an `open` bound is itself not allowed."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def __str__(self) -> str:
        """As mathematicians write an interval: (0, 10]."""
        return f"{'(' if self.low_open else '['}{self.low}, {self.high}{')' if self.high_open else ']'}"


@dataclass(frozen=True)
class RunConfig:
    """What a training run is made of. The same config gives the same numbers, to the last bit.

    Raises ValueError, in one sentence that names the setting, what was found and what is allowed.
    """

    # the network
    hidden_layers: Annotated[
        tuple[Annotated[int, Interval(ge=1, le=1024)], ...], Len(0, 6), BeforeValidator(_split_commas)
    ] = (196,)
    activation: Activation = "relu"
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    weight_init: WeightInit = "he_normal"
    weight_init_std: Annotated[float, Interval(gt=0, le=10)] = 0.01  # of "normal" only

    # the optimization
    loss: Loss = "cross_entropy"
    optimizer: Optimizer = "sgd"
    learning_rate: Annotated[float, Interval(gt=0, le=10)] = 0.1
    momentum: Annotated[float, Interval(ge=0, lt=1)] = 0.9  # of "momentum" and "nesterov" only
    weight_decay: Annotated[float, Interval(ge=0, le=1)] = 0.0
    schedule: Schedule = "constant"
    warmup_epochs: Annotated[float, Interval(ge=0, le=100)] = 0.0
    decay_epochs: Annotated[float, Interval(gt=0, le=10_000)] = 1.0  # of "step" and "exponential" only
    decay_factor: Annotated[float, Interval(gt=0, le=1)] = 0.5  # of "step" and "exponential" only
    gradient_clip: Annotated[float, Interval(gt=0, le=1000)] | None = None
    batch_size: Annotated[int, Interval(ge=1, le=60_000)] | Literal["full"] = 32
    epochs: Annotated[int, Interval(ge=1, le=10_000)] = 10
    seed: Annotated[int, Interval(ge=0, le=2**32 - 1)] = 0
    dtype: Literal["float32", "float64"] = "float32"

    # the data
    dataset: DatasetName = "mnist"
    classes: (
        Annotated[
            tuple[Annotated[int, Interval(ge=0, le=9)], ...],
            Len(2, 10),
            AfterValidator(_distinct),
            BeforeValidator(_split_commas),
        ]
        | None
    ) = None
    train_size: Annotated[int, Interval(ge=2, le=60_000)] | None = None
    validation_size: Annotated[int, Interval(ge=0, le=50_000)] = 5000
    label_noise: Annotated[float, Interval(ge=0, le=1)] = 0.0
    input_scaling: Scaling = "unit"
    augment_shift: Annotated[float, Interval(ge=0, le=6)] = 0.0  # pixels
    augment_rotation: Annotated[float, Interval(ge=0, le=45)] = 0.0  # degrees
    augment_scale: Annotated[float, Interval(ge=0, le=0.5)] = 0.0  # share of the size
    augment_shear: Annotated[float, Interval(ge=0, le=0.5)] = 0.0  # pixels sideways per pixel of height
    augment_elastic: Annotated[float, Interval(ge=0, le=60)] = 0.0  # strength, Simard's alpha

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            # A frozen dataclass can only be completed this way; nothing else ever writes to it.
            object.__setattr__(self, name, _checked(name, value))

    def changed(self, **settings: Any) -> RunConfig:
        """A copy with some settings replaced. Raises ValueError as the constructor does."""
        _refuse_unknown(settings)
        return replace(self, **settings)

    def to_dict(self) -> dict[str, Any]:
        """Every setting by its name; `RunConfig(**config.to_dict()) == config`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> RunConfig:
        """The config of these settings, the rest at their defaults. Raises ValueError in one sentence."""
        _refuse_unknown(settings)
        return cls(**settings)

    def to_query(self) -> dict[str, str]:
        """What differs from the defaults, as strings for a URL: {"hidden_layers": "100,50"}."""
        default = RunConfig().to_dict()
        return {name: _as_text(value) for name, value in self.to_dict().items() if value != default[name]}

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> RunConfig:
        """The config that `to_query` wrote. Raises ValueError in one sentence."""
        return cls.from_dict({name: None if text == "" else text for name, text in query.items()})

    @staticmethod
    def bounds(name: str) -> Bounds:
        """What a number setting may lie between: `RunConfig.bounds("learning_rate")` is (0, 10].

        Raises KeyError for an unknown setting, TypeError for one that is not a number.
        """
        bounds = _bounds(_types()[name])
        if bounds is None:
            raise TypeError(f"{name} has no bounds: it is {_allowed(_types()[name])}")
        return bounds

    @staticmethod
    def choices(name: str) -> tuple[str, ...]:
        """The names a setting may take: `RunConfig.choices("optimizer")`. Raises KeyError."""
        return tuple(get_args(_types()[name]))


@cache
def _types() -> dict[str, Any]:
    hints = get_type_hints(RunConfig, include_extras=True)
    return {field.name: hints[field.name] for field in fields(RunConfig)}


@cache
def _validator(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_types()[name], config=ConfigDict(allow_inf_nan=False))


def _checked(name: str, value: object) -> object:
    """The value in its own type ("0.1" from a URL becomes 0.1), or ValueError."""
    plain = value.item() if isinstance(value, np.generic) else value
    try:
        parts = plain if isinstance(plain, list | tuple) else [plain]
        if any(isinstance(part, bool) for part in parts):  # no setting is a yes or no, and True would pass for 1
            raise ValueError
        return _validator(name).validate_python(plain)
    except (ValidationError, ValueError):
        found = " ".join(repr(value).split())  # an array's takes several lines
        raise ValueError(f"{name} must be {_allowed(_types()[name])}, got {found}") from None


def _refuse_unknown(settings: Mapping[str, Any]) -> None:
    for name in settings:
        if name not in _types():
            raise ValueError(f"unknown setting {name!r}; the settings are {', '.join(_types())}")


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value)


def _bounds(annotation: Any) -> Bounds | None:
    """The interval in a type such as `Annotated[float, Interval(gt=0, le=10)] | None`."""
    for found in getattr(annotation, "__metadata__", ()):
        if isinstance(found, Interval):
            low_open, high_open = found.gt is not None, found.lt is not None
            low: Any = found.gt if low_open else found.ge
            high: Any = found.lt if high_open else found.le
            return Bounds(low, high, low_open, high_open)
    if get_origin(annotation) is tuple or get_origin(annotation) is Literal:
        return None
    return next((found for part in get_args(annotation) if (found := _bounds(part))), None)


def _allowed(annotation: Any) -> str:
    """A type in words: "a whole number in [1, 60000] or 'full'"."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return ("one of " if len(parts) > 1 else "") + ", ".join(map(repr, parts))
    if annotation is type(None):
        return "None"
    if origin is Annotated and get_origin(parts[0]) is tuple:
        length = next(found for found in parts if isinstance(found, Len))
        different = "different " if any(isinstance(found, AfterValidator) for found in parts) else ""
        one = _allowed(get_args(parts[0])[0])
        return f"{length.min_length} to {length.max_length} {different}{one.replace('a whole number', 'whole numbers')}"
    if origin is Annotated:
        return ("a whole number in " if parts[0] is int else "in ") + str(_bounds(annotation))
    return " or ".join(_allowed(part) for part in parts)

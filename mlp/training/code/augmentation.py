"""The random changes of training digits, as a script has them: only the kinds that are on."""

from __future__ import annotations

from mlp.data.augmentation import BLOCK, CENTRE, SIDE, SMOOTHING
from mlp.training.code.text import Row, fill, page, setting
from mlp.training.config import RunConfig

SETTINGS = {
    "augment_shift": "pixels",
    "augment_rotation": "degrees",
    "augment_scale": "share of the size",
    "augment_shear": "pixels sideways per pixel of height",
    "augment_elastic": "pixels of noise, before it is smoothed",
}

_GRID = """
# Row and column of each pixel, seen from the centre
GRID = np.indices(($side, $side)).reshape(2, 784) - $centre
"""

_GAUSS = """
# Smooths along one axis, by a Gaussian of $smoothing pixels
GAUSS = gaussian_filter1d(np.eye($side), $smoothing, axis=0, mode="constant").astype(np.float32)
"""

_AUGMENT = '''
def augment(pixels, rng):
    """Each digit changed a little, another way each time: (n, 784) uint8 -> (n, 784) uint8."""
    result = np.empty_like(pixels)
    for first in range(0, len(pixels), $block):
        block = pixels[first : first + $block]
        n = len(block)
        $draws
        # p: where in the old picture each pixel of the new one is read, (n, 2, 784)
$places
        p = np.clip(p, -1, $side)  # into the black frame; further out is just as black
        corner = np.floor(p)
        down, right = (p - corner).transpose(1, 0, 2)
        row, column = corner.transpose(1, 0, 2).astype(int) + 1
        # Between its four neighbours, in proportion to their nearness
        framed = np.pad(block.reshape(n, $side, $side), ((0, 0), (1, 2), (1, 2))).astype(np.float32)
        digit = np.arange(n)[:, None]
        above, below = framed[digit, row, column], framed[digit, row + 1, column]
        above += right * (framed[digit, row, column + 1] - above)
        below += right * (framed[digit, row + 1, column + 1] - below)
        result[first : first + $block] = above + down * (below - above) + 0.5  # rounded
    return result
'''


def augments(config: RunConfig) -> bool:
    """Whether training digits are changed at random."""
    return any(getattr(config, name) for name in SETTINGS)


def constants(config: RunConfig) -> list[Row]:
    """The strengths of the kinds that are on."""
    return [setting(config, name, unit) for name, unit in SETTINGS.items() if getattr(config, name)]


def augmenting(config: RunConfig) -> str:
    """The function augment; "" if all its kinds are off."""
    if not augments(config):
        return ""
    drawn = {
        "angle": config.augment_rotation,
        "size": config.augment_scale,
        "slant": config.augment_shear,
        "dy": config.augment_shift,
        "dx": config.augment_shift,
    }
    names = [name if on else "_" for name, on in drawn.items()]
    draws = "rng.uniform(-1, 1, (5, n))"
    if any(drawn.values()):
        draws = f"{', '.join(names)} = {draws}"
    else:
        draws += "  # for the app's other kinds, which are off"
    return page(
        fill(_GRID, side=SIDE, centre=CENTRE),
        fill(_GAUSS, side=SIDE, smoothing=f"{SMOOTHING:g}") if config.augment_elastic else "",
        fill(
            _AUGMENT,
            block=BLOCK,
            side=SIDE,
            draws=draws,
            places="\n".join(f"        {line}" for line in _places(config)),
        ),
    )


def _places(config: RunConfig) -> list[str]:
    """The lines for p = c + A⁻¹ (grid - shift) + bend, without the parts that are off."""
    lines = []
    if config.augment_rotation:
        lines += [
            "turn = np.radians(AUGMENT_ROTATION) * angle",
            "A = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])",
            "A = A.transpose(2, 0, 1)  # a matrix for each digit: (n, 2, 2)",
        ]
    elif config.augment_scale or config.augment_shear:
        lines.append("A = np.tile(np.eye(2), (n, 1, 1))  # a matrix for each digit")
    if config.augment_shear:
        lines.append("A[:, :, 0] += AUGMENT_SHEAR * slant[:, None] * A[:, :, 1]")
    if config.augment_scale:
        lines.append("A *= (1 + AUGMENT_SCALE * size)[:, None, None]")
    affine = bool(lines)
    if affine:
        lines.append("A = np.linalg.inv(A)")
    start = f"{CENTRE}"
    if config.augment_shift:
        lines.append("shift = AUGMENT_SHIFT * np.stack([dy, dx], axis=1)")
        start = f"({CENTRE} - shift[:, :, None])"
        if affine:
            lines.append('shift = np.einsum("nij,nj->ni", A, shift)')
    if affine or config.augment_shift:
        lines.append(f"p = ({'A @ GRID' if affine else 'GRID'} + {start}).astype(np.float32)")
    else:
        lines.append(f"p = np.tile(GRID + {CENTRE}, (n, 1, 1)).astype(np.float32)")
    if config.augment_elastic:
        lines += [
            f"noise = rng.random((n, 2, {SIDE}, {SIDE}), dtype=np.float32)",
            "noise = noise * (2 * AUGMENT_ELASTIC) - AUGMENT_ELASTIC",
            "p += (GAUSS @ noise @ GAUSS.T).reshape(n, 2, 784)",
        ]
    return lines

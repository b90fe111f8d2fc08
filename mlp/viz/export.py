"""Pictures as files: PNG for one moment, GIF for the run played back."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
import scipy
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.uint8]  # (H, W, 3), red, green, blue

_GIF_COLOURS = 255  # the last of 256 is left for "as in the frame before"
_SHORTEST = 20  # milliseconds; browsers show anything quicker at a tenth of a second


def enlarge(picture: Picture, scale: int) -> Picture:
    """(H, W, 3) -> (scale H, scale W, 3), every pixel a hard square."""
    return picture.repeat(scale, axis=0).repeat(scale, axis=1)


def to_png(picture: Picture, scale: int = 1) -> bytes:
    """A PNG file of an (H, W, 3) or (H, W) uint8 array, every pixel a hard square of `scale` × `scale`."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    if scale != 1:
        image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    file = BytesIO()
    image.save(file, "PNG", compress_level=1)  # twice the speed of the default for a tenth more bytes
    return file.getvalue()


def to_gif(frames: Sequence[Picture], milliseconds: int = 100) -> bytes:
    """A GIF that repeats for ever, each frame shown that long (GIF counts in hundredths of a second).

    All frames, (H, W, 3) of one size, share the 255 colours that suit them best together, so that nothing flickers.

    Raises:
        ValueError: there is no frame, the frames differ in size, or the time is below 20 ms.
    """
    if not frames:
        raise ValueError("frames must hold at least one picture, got none")
    if len({frame.shape for frame in frames}) > 1:
        raise ValueError(f"frames must be of one size, got {sorted({frame.shape for frame in frames})}")
    if milliseconds < _SHORTEST:
        raise ValueError(f"milliseconds must be at least {_SHORTEST}, got {milliseconds}")
    codes, counts = _colours_of(frames)
    palette, places = _palette_for(codes, counts)
    images = []
    for frame in frames:
        image = Image.fromarray(places[np.searchsorted(codes, _codes(frame))])
        image.putpalette(palette.tobytes())
        images.append(image)
    file = BytesIO()
    images[0].save(file, "GIF", save_all=True, append_images=images[1:], duration=milliseconds, loop=0, disposal=1)
    return file.getvalue()


def _codes(picture: Picture) -> NDArray[np.uint32]:
    """(H, W, 3) -> (H, W), each colour as one number."""
    red, green, blue = np.moveaxis(picture.astype(np.uint32), -1, 0)
    codes: NDArray[np.uint32] = red << 16 | green << 8 | blue
    return codes


def _colours_of(frames: Sequence[Picture]) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """All colours of the frames, ascending, and how many pixels have each. One frame at a time: they may be many."""
    found = [np.unique(_codes(frame), return_counts=True) for frame in frames]
    codes, places = np.unique(np.concatenate([codes for codes, _ in found]), return_inverse=True)
    counts = np.bincount(places, weights=np.concatenate([counts for _, counts in found]))
    return codes, counts.astype(np.int64)


def _palette_for(codes: NDArray[np.uint32], counts: NDArray[np.int64]) -> tuple[Picture, NDArray[np.uint8]]:
    """At most 255 colours, and the place among them for each of the given ones.

    Of more colours each counts once, which keeps the rare ones, such as those of the few strong weights; those that
    make up a twentieth of all pixels, such as the page's, are kept exactly.
    """
    colours = np.column_stack([codes >> 16, codes >> 8 & 255, codes & 255]).astype(np.uint8)
    if len(colours) <= _GIF_COLOURS:
        return colours, np.arange(len(colours), dtype=np.uint8)
    common = colours[counts > counts.sum() / 20]
    few = Image.fromarray(colours[None]).quantize(_GIF_COLOURS - len(common), method=Image.Quantize.MEDIANCUT)
    palette = np.concatenate([common, np.array(few.getpalette(), np.uint8).reshape(-1, 3)])[:_GIF_COLOURS]
    _, nearest = scipy.spatial.cKDTree(palette.astype(np.float64)).query(colours.astype(np.float64))
    return palette, np.asarray(nearest, np.uint8)

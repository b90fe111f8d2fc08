"""Uploaded pictures: whatever a phone, scanner or drawing program wrote, as grey levels, in bounded memory."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.JpegImagePlugin import JpegImageFile

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 12_500_000  # what a phone takes; a palette with transparency needs 20 bytes for each
# A JPEG can be decoded at an eighth of its size; the largest phones have 50 or 64 million pixels.
MOST_JPEG_PIXELS = 80_000_000
USEFUL_SIDE = 1000  # pixels: what pictures are made smaller to is at least as large

_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, OverflowError)


class PictureError(ValueError):
    """A file is not a picture that can be read; the message says why, in one sentence."""


def gray_picture(data: bytes) -> NDArray[np.uint8]:
    """The grey levels of a picture file, upright: (H, W) uint8; of an animation the first frame.

    Large pictures come smaller than they are. 16 bits are scaled to 8; where a format sets no limits to its numbers,
    the smallest becomes 0 and the largest 255. Behind what is transparent comes a ground that leaves the ink visible.

    Raises PictureError for what is no picture, is damaged or cut short, or is too large; the size is looked at before
    any pixel is decoded.
    """
    try:
        image = Image.open(BytesIO(data), formats=FORMATS)
    except Image.DecompressionBombError:
        raise PictureError(f"the picture must have at most {MOST_PIXELS:,} pixels, but has far more") from None
    except UnidentifiedImageError:
        raise PictureError(f"the file must be a picture, {', '.join(FORMATS)}, but is none of these") from None
    except _DAMAGED:
        raise PictureError("the picture is damaged or cut short: its header cannot be read") from None
    with image:
        width, height = image.size
        most = MOST_JPEG_PIXELS if isinstance(image, JpegImageFile) else MOST_PIXELS
        if not 1 <= width * height <= most:
            raise PictureError(
                f"the picture must have 1 to {most:,} pixels, got {width:,} by {height:,} = {width * height:,}"
            )
        try:
            image.draft("L", (USEFUL_SIDE, USEFUL_SIDE))
            image.load()
            gray = _gray(ImageOps.exif_transpose(_reduced(image)))
        except PictureError:
            raise
        except _DAMAGED:
            raise PictureError("the picture is damaged or cut short: not all of it can be read") from None
    return gray


def _reduced(image: Image.Image) -> Image.Image:
    """A large picture at a half, a third, … of its size, so that what follows takes little memory."""
    factor = max(image.size) // (2 * USEFUL_SIDE)
    if factor < 2 or image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK", "I", "F") or "transparency" in image.info:
        return image
    smaller = image.reduce(factor)
    smaller.info.update(image.info)  # says how the picture is to be turned
    return smaller


def _gray(image: Image.Image) -> NDArray[np.uint8]:
    if image.mode.startswith("I;16"):
        levels = np.asarray(image).astype(np.uint16, copy=False)
        return (levels // 257 if image.mode != "I;16S" else levels // 129).astype(np.uint8)
    if image.mode in ("I", "F"):
        return _stretched(np.asarray(image))
    if image.has_transparency_data:
        return _on_ground(np.asarray(image.convert("RGBA").convert("LA")))
    return np.array(image.convert("L"))


def _stretched(values: NDArray[Any]) -> NDArray[np.uint8]:
    """From the smallest to the largest value: 0 to 255."""
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise PictureError("the picture must hold finite grey levels, got inf or nan")
    low, high = float(values.min()), float(values.max())
    if not high > low:
        return np.zeros(values.shape, np.uint8)
    with np.errstate(over="ignore"):
        span = high - low
    if not np.isfinite(span):
        raise PictureError(f"the picture must hold grey levels of a usual size, got {low:g} to {high:g}")
    return np.rint((values - low) / span * 255).astype(np.uint8)


def _on_ground(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """pixels: (H, W, 2) grey and opacity, on a ground: (H, W).

    A picture that is mostly opaque has a ground of its own, which goes on behind the rest. In one that is mostly
    transparent the ink is what is opaque: dark ink comes on white, light ink on black.
    """
    gray, opacity = pixels[..., 0], pixels[..., 1]
    opaque = gray[opacity > 127]
    if opaque.size > opacity.size / 2:
        ground = float(np.median(opaque))
    else:
        seen = opacity.sum(dtype=np.float64)
        mean = float((gray.astype(np.float32) * opacity).sum(dtype=np.float64)) / seen if seen else 0.0
        ground = 255.0 if mean < 128 else 0.0
    share = opacity.astype(np.float32) / 255
    mixed: NDArray[np.uint8] = np.rint(ground + share * (gray - np.float32(ground))).astype(np.uint8)
    return mixed

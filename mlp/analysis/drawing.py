"""From a drawing or a picture to a digit as MNIST has them: (28, 28) uint8, light ink on dark.

MNIST's digits were cut out of scanned forms and prepared alike (LeCun, Bottou, Bengio, Haffner, "Gradient-Based
Learning Applied to Document Recognition", 1998; Yann LeCun's page on MNIST): scaled to fit a box of 20 by 20 pixels
with their aspect ratio kept, which left grey edges, and moved until their centre of mass lay in the centre of 28 by 28.
A network that learned from them reads other digits well only if they were prepared in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal, TypeAlias

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray
from PIL import Image

Picture: TypeAlias = NDArray[np.uint8]
Floats: TypeAlias = NDArray[np.float64]
StageName = Literal["drawing", "cropped", "scaled", "centred"]

SIDE = 28
BOX = 20
CENTRE = 14  # row and column that the centre of mass comes to: so it is in all 60,000 training digits, rounded
# A pen of this width with this soft edge, in pixels, gives digits the mean grey and the share of ink of MNIST's.
LINE_WIDTH = 2.5
SOFTNESS = 1.3
# What the width of the pen is to the longer side of the canvas: shrunk to 28 pixels, lines have MNIST's width.
PEN_SHARE = LINE_WIDTH / SIDE

SPACING = 0.25  # between the points that stand for a line, in pixels of the result
MOST_POINTS = 20_000
SMALLEST_DRAWING = 0.02  # of the canvas' longer side: what is smaller is a dot, and stays one
LARGEST_VIEW = 280  # pixels, longer side of the pictures of the drawing itself
LARGEST_PAGE = 800  # pixels, longer side at which digits are looked for in a picture
SMALL_PAGE = 64  # the same for the ground of the picture
SMALL_PICTURE = 100  # without noise that could be smoothed and leave the lines
WIDEST_LINE = 0.2  # of the picture's longer side: what is wider is a shadow
LEAST_CONTRAST = 12.0  # grey levels between ink and ground
STRONG = 0.35  # of full ink: what is darker belongs to a line, what is less to its soft edge
NEARLY_FULL = 248
SMALLEST_DIGIT = 0.04  # of the picture's longer side
SPECK = 0.02  # of the largest part: what is smaller is no part of the digit
REACH = 0.5  # of the largest part's size: what is further away belongs to something else
THINNEST, THICKEST = 1.6, 4.4  # pixels: 96 of 100 digits of MNIST have lines between
EIGHT_NEIGHBOURS = np.ones((3, 3), bool)
FAR = 1e12  # coordinates beyond are moved to it, so that no difference of two overflows
SMALLEST_CANVAS = 1e-12  # nor does a quotient of two


@dataclass(frozen=True)
class Preparation:
    """Which steps of MNIST's own preparation are applied.

    crop: to the box of the ink; else the whole canvas or picture counts as the digit's box.
    scale: the longer side of the box to 20 pixels, aspect kept; else as large as in the canvas shrunk to 28 by 28.
    centre: the centre of mass to the centre of the 28 by 28 pixels; else the middle of the box.

    With all three off, the canvas is only shrunk.
    """

    crop: bool = True
    scale: bool = True
    centre: bool = True


ALL = Preparation()


@dataclass(frozen=True, eq=False)
class Stage:
    """One step on the way from a drawing to a digit. picture: (H, W) uint8, light ink on dark."""

    name: StageName
    picture: Picture


def digit_from_strokes(
    strokes: Sequence[ArrayLike],
    canvas_size: tuple[float, float] = (280, 280),
    preparation: Preparation = ALL,
) -> Picture:
    """The (28, 28) uint8 digit that a network trained on MNIST reads. Arguments and errors: `stages_from_strokes`."""
    drawing = _Drawing(strokes, canvas_size, None)
    return placed(drawing.scaled(preparation), preparation.centre)


def stages_from_strokes(
    strokes: Sequence[ArrayLike],
    canvas_size: tuple[float, float] = (280, 280),
    preparation: Preparation = ALL,
    *,
    pen_width: float | None = None,
) -> list[Stage]:
    """The four stages of a drawing: "drawing", "cropped", "scaled", "centred"; the last is the digit.

    strokes: for each time that the pen was down, (M, 2) of x, y in canvas pixels, y downwards; canvas_size: (width,
    height). What lies outside the canvas is cut away. pen_width, in canvas pixels, is how thick the drawing looks;
    None: as thick as suits the canvas. A scaled digit is drawn anew along the pen's path, with lines as wide as MNIST's
    however large it was written and whatever the pen; without scaling the pen shrinks with the canvas.

    Raises ValueError for an empty drawing, and for strokes, sizes or widths that are not such numbers.
    """
    drawing = _Drawing(strokes, canvas_size, pen_width)
    view = drawing.view()
    scaled = drawing.scaled(preparation)
    return [
        Stage("drawing", view),
        Stage("cropped", cropped(view) if preparation.crop else view),
        Stage("scaled", scaled),
        Stage("centred", placed(scaled, preparation.centre)),
    ]


class _Drawing:
    """The pen's path on the canvas, as straight pieces from `starts` to `ends`: (S, 2) each, x and y."""

    def __init__(self, strokes: Sequence[ArrayLike], canvas_size: tuple[float, float], pen_width: float | None) -> None:
        self.size = _checked_size(canvas_size)
        longer = float(self.size.max())
        self.pen_width = PEN_SHARE * longer if pen_width is None else _checked_width(pen_width)
        paths = [_checked_stroke(i, stroke) for i, stroke in enumerate(_checked_strokes(strokes))]
        paths = [path for path in paths if len(path)]
        if not paths:
            raise ValueError("the drawing is empty: at least one stroke with one point is needed")
        self.starts, self.ends = _inside(*_pieces(paths), self.size)
        if len(self.starts) == 0:
            raise ValueError("the drawing is empty: all of it lies outside the canvas")

    def scaled(self, preparation: Preparation) -> Picture:
        """The drawing at its final size, (h, w) uint8, each at most 28."""
        low, high = self._box() if preparation.crop else (np.zeros(2), self.size)
        longer = float(self.size.max())
        extent = float((high - low).max())
        shrink = SIDE / longer
        width = LINE_WIDTH if preparation.scale else min(self.pen_width * shrink, SIDE)
        margin = width if preparation.crop else 0.0  # the line reaches beyond the path by half its width on each side
        if preparation.scale:
            shrink = (BOX - margin) / max(extent, SMALLEST_DRAWING * longer)
        size = (high - low) * shrink + margin
        shape = np.clip(np.ceil(size - 1e-6), 1, SIDE)
        offset = shape / 2 - shrink * (low + high) / 2
        points = points_along(shrink * self.starts + offset, shrink * self.ends + offset)
        return rendered(points, (int(shape[1]), int(shape[0])), width)

    def view(self) -> Picture:
        """The canvas as a picture of its own shape, at most 280 pixels large."""
        shrink = min(1.0, LARGEST_VIEW / float(self.size.max()))
        shape = np.maximum(np.rint(self.size * shrink), 1).astype(int)
        step = max(1.0, self.pen_width * shrink / 8)
        points = points_along(shrink * self.starts, shrink * self.ends, step)
        cells = np.minimum(points.astype(int), shape - 1)
        empty = np.ones((shape[1], shape[0]), bool)
        empty[cells[:, 1], cells[:, 0]] = False
        distance: Floats = scipy.ndimage.distance_transform_edt(empty)
        return _grey(distance, max(self.pen_width * shrink, 1.0), 1.0)

    def _box(self) -> tuple[Floats, Floats]:
        return np.minimum(self.starts, self.ends).min(axis=0), np.maximum(self.starts, self.ends).max(axis=0)


def _pieces(paths: list[Floats]) -> tuple[Floats, Floats]:
    """The paths as straight pieces: (S, 2) and (S, 2). A path of one point is a piece without length."""
    paths = [path if len(path) > 1 else np.repeat(path, 2, axis=0) for path in paths]
    return np.concatenate([path[:-1] for path in paths]), np.concatenate([path[1:] for path in paths])


def _inside(starts: Floats, ends: Floats, size: Floats) -> tuple[Floats, Floats]:
    """The parts of the pieces within 0 <= x <= width, 0 <= y <= height (Liang, Barsky 1984)."""
    along = ends - starts
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        at_low, at_high = -starts / along, (size - starts) / along
    within = (starts >= 0) & (starts <= size)
    still = along == 0  # parallel to this pair of edges: all of the piece lies between them or none
    enter = np.where(still, np.where(within, 0.0, np.inf), np.minimum(at_low, at_high)).max(axis=1)
    leave = np.where(still, 1.0, np.maximum(at_low, at_high)).min(axis=1)
    enter, leave = np.maximum(enter, 0.0), np.minimum(leave, 1.0)
    kept = enter <= leave
    starts, along, enter, leave = starts[kept], along[kept], enter[kept, None], leave[kept, None]
    return np.clip(starts + enter * along, 0, size), np.clip(starts + leave * along, 0, size)


def points_along(starts: Floats, ends: Floats, spacing: float = SPACING) -> Floats:
    """Points along the pieces, at most `spacing` apart: (P, 2); about one for each square of that size."""
    along = ends - starts
    lengths = np.hypot(*along.T)
    step = max(spacing, float(lengths.sum()) / MOST_POINTS)  # so long a path covers the same squares many times over
    counts = np.ceil(lengths / step).astype(int)
    piece = np.repeat(np.arange(len(starts)), counts)
    number = np.arange(len(piece)) - np.repeat(np.cumsum(counts) - counts, counts)
    points = np.concatenate([starts[piece] + along[piece] * (number / counts[piece])[:, None], ends])
    columns, rows = (points // spacing).astype(int).T
    rows, columns = rows - rows.min(), columns - columns.min()
    square = np.full((rows.max() + 1, columns.max() + 1), -1)
    square[rows, columns] = np.arange(len(points))
    kept: Floats = points[square[square >= 0]]
    return kept


def rendered(points: Floats, shape: tuple[int, int], width: float) -> Picture:
    """What a pen of that width leaves on (h, w) pixels when it passes through the points."""
    rows, columns = np.indices(shape).reshape(2, -1) + 0.5
    pixels = np.stack([columns, rows], axis=1)
    nearest = np.full(len(pixels), np.inf)
    for start in range(0, len(points), 1000):
        some = points[start : start + 1000]
        squared = (some**2).sum(axis=1) - 2 * pixels @ some.T
        np.minimum(nearest, squared.min(axis=1), out=nearest)
    distance: Floats = np.sqrt(np.maximum(nearest + (pixels**2).sum(axis=1), 0))
    return _grey(distance.reshape(shape), width, SOFTNESS)


def _grey(distance: Floats, width: float, softness: float) -> Picture:
    """Full ink within the line, none outside, and between them an edge as wide as `softness`."""
    ink = np.clip((width / 2 - distance) / softness + 0.5, 0, 1)
    return np.rint(255 * ink).astype(np.uint8)


def cropped(picture: Picture) -> Picture:
    """The box of all that is not black."""
    rows, columns = (np.flatnonzero(picture.any(axis=axis)) for axis in (1, 0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].copy()


def placed(picture: Picture, centre: bool) -> Picture:
    """picture: (h, w), at most 28 each, moved by whole pixels in 28 by 28, as MNIST's were; no ink falls out."""
    digit = np.zeros((SIDE, SIDE), np.uint8)
    if not picture.any():
        return digit
    ink = cropped(picture)
    corner = []
    for axis in (0, 1):
        lit = np.flatnonzero(picture.any(axis=1 - axis))
        if centre:
            mass = picture.sum(axis=1 - axis, dtype=float)
            start = round(CENTRE - float(np.arange(len(mass)) @ mass) / float(mass.sum()))
        else:
            start = (SIDE - picture.shape[axis]) // 2
        corner.append(min(max(start + int(lit[0]), 0), SIDE - ink.shape[axis]))
    digit[corner[0] : corner[0] + ink.shape[0], corner[1] : corner[1] + ink.shape[1]] = ink
    return digit


def _checked_strokes(strokes: Sequence[ArrayLike]) -> list[ArrayLike]:
    try:
        return list(strokes)
    except TypeError:
        raise ValueError(f"strokes must be a sequence of strokes, (M, 2) each, got {strokes!r}") from None


def _checked_stroke(i: int, stroke: ArrayLike) -> Floats:
    try:
        path = np.asarray(stroke, dtype=float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"stroke {i} must be (M, 2) numbers, x and y, got {type(stroke).__name__}") from None
    if path.size == 0:
        return np.empty((0, 2))
    if path.ndim != 2 or path.shape[1] != 2:
        raise ValueError(f"stroke {i} must be (M, 2) numbers, x and y, got the shape {path.shape}")
    if not np.isfinite(path).all():
        raise ValueError(f"stroke {i} must be finite numbers, got {path[~np.isfinite(path)][0]}")
    clipped: Floats = np.clip(path, -FAR, FAR)
    return clipped


def _checked_size(canvas_size: tuple[float, float]) -> Floats:
    try:
        size = np.asarray(canvas_size, dtype=float)
    except (TypeError, ValueError, OverflowError):
        size = np.empty(0)
    if size.shape != (2,) or not ((size >= SMALLEST_CANVAS) & (size <= FAR)).all():
        raise ValueError(
            f"canvas_size must be (width, height) in pixels, each in [{SMALLEST_CANVAS:g}, {FAR:g}], "
            f"got {canvas_size!r}"
        )
    return size


def _checked_width(pen_width: Any) -> float:
    number = isinstance(pen_width, Real) and not isinstance(pen_width, bool)
    if not (number and 0 < pen_width <= FAR):
        raise ValueError(f"pen_width must be in (0, {FAR:g}] canvas pixels, got {pen_width!r}")
    return float(pen_width)


# -- pictures


def digit_from_image(gray: NDArray[Any], preparation: Preparation = ALL) -> Picture:
    """The (28, 28) uint8 digit in a picture. Arguments and errors: `stages_from_image`."""
    return stages_from_image(gray, preparation)[-1].picture


def stages_from_image(gray: NDArray[Any], preparation: Preparation = ALL) -> list[Stage]:
    """The four stages of a digit in a picture: "drawing", "cropped", "scaled", "centred"; the last is the digit.

    gray: (H, W) uint8, a scan, a photograph or a digit as MNIST's: dark ink on a light ground or light ink on a dark
    one, the light may be uneven. The ground is subtracted; what touches the edge of the picture, as shadows do, and
    specks are left out. Of several digits the largest is read. Lines much thinner or thicker than MNIST's are brought
    nearer to them, unless `preparation.scale` is off.

    Raises ValueError for another shape or type, and for a picture with nothing on it.
    """
    page = _shrunken(_checked_picture(gray))
    view, digit = _found(page)
    factor = SIDE / max(page.shape)
    if preparation.scale:
        digit = _with_usual_lines(digit)
    box = cropped(digit) if preparation.crop else digit
    if preparation.scale:
        factor = BOX / max(box.shape)
    scaled = _resized(box, factor)
    return [
        Stage("drawing", view),
        Stage("cropped", box),
        Stage("scaled", scaled),
        Stage("centred", placed(scaled, preparation.centre)),
    ]


def line_width(picture: NDArray[Any]) -> float:
    """The mean width of the lines in a picture of light ink on dark, in pixels.

    A line of width w, length L and darkness 1 has the area w L, and the steepness of its grey adds up to 2 L over all
    pixels. A line thinner than a pixel is a grey one of a pixel's width: both sums shrink, so the darkness counts too.

    Raises ValueError for a picture that is all black.
    """
    if not picture.any():
        raise ValueError("the picture is all black: there is no line in it whose width could be told")
    ink = np.pad(picture, 1) / 255.0
    steepness = np.hypot(np.diff(ink, axis=0)[:, :-1], np.diff(ink, axis=1)[:-1]).sum()
    darkness = np.percentile(ink[ink > 0], 90)
    return float(2 * ink.sum() * darkness / steepness)


def _shrunken(picture: Picture) -> Picture:
    """The picture at a size at which everything after is quick, whatever came in."""
    factor = -(-max(picture.shape) // LARGEST_PAGE)
    return picture if factor == 1 else np.asarray(Image.fromarray(picture).reduce(factor))


def _found(page: Picture) -> tuple[Picture, Picture]:
    """The page without its ground, and the digit alone: (H, W) uint8 both, light ink on dark."""
    above = page - _surface(_resized_floats(page, min(1.0, SMALL_PAGE / max(page.shape))), page.shape)
    if (above * above * above).mean() < 0:  # the few pixels that stand out most are the ink
        above = -above
    ink = _Ink(above)
    if not ink.inner.any() and max(page.shape) > SMALL_PICTURE:
        without_shadows = _Ink(above - _patches(above))
        if without_shadows.inner.any():
            return without_shadows.pictures(without_shadows.inner)
    found = ink.inner if ink.inner.any() else ink.all
    if not found.any():
        raise ValueError("the picture has nothing on it that stands out from the ground: draw darker, or crop closer")
    return ink.pictures(found)


def _surface(small: Floats, shape: tuple[int, ...]) -> Floats:
    """The surface of second degree in row and column that most pixels of `small` lie near, at another shape."""
    terms = _terms(small.shape)
    values = small.ravel()
    frame = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]])
    level = np.bincount((frame / 8).astype(int)).argmax()  # the most frequent in steps of 8
    surface = np.full(len(values), np.median(frame[(frame / 8).astype(int) == level]))
    for _ in range(8):
        away = np.abs(values - surface)
        near = away <= max(4.7 * float(np.quantile(away, 0.3)), 2.0)  # 0.3: ink may take up more than half of it
        X = terms[near]
        coefficients, *_ = np.linalg.lstsq(X.T @ X, X.T @ values[near], rcond=None)
        surface = terms @ coefficients
    found: Floats = (_terms(shape) @ coefficients).reshape(shape)
    return found


def _terms(shape: tuple[int, ...]) -> Floats:
    """(H W, 6): 1, y, x, y², x y, x² of each pixel, with y and x from -1 to 1 across the picture."""
    y, x = (np.ravel(axis) for axis in np.meshgrid(*((np.arange(n) + 0.5) * 2 / n - 1 for n in shape), indexing="ij"))
    return np.stack([np.ones_like(y), y, x, y * y, x * y, x * x], axis=1)


def _patches(above: Floats) -> Floats:
    """What stands out in patches wider than any line, as soft shadows do: the opening of the picture."""
    small = _resized_floats(above, min(1.0, SMALL_PAGE / max(above.shape)))
    return _stretched(
        scipy.ndimage.grey_opening(small, size=max(3, round(WIDEST_LINE * max(small.shape)))), above.shape
    )


class _Ink:
    """What stands out from the ground of a picture. all, inner: (H, W) bool, all of it and what touches no edge."""

    def __init__(self, above: Floats) -> None:
        self.above = above
        calm = scipy.ndimage.gaussian_filter(above, 1.0) if max(above.shape) > SMALL_PICTURE else above
        self.noise = 2.6 * float(np.quantile(np.abs(calm), 0.3))  # three in ten lie within 0.385 standard deviations
        least = max(4 * self.noise, LEAST_CONTRAST)
        self.all = self._large_enough(calm > least)
        drawn = float(np.percentile(calm[self.all], 90)) if self.all.any() else 0.0
        self.all &= calm > STRONG * drawn
        self.inner = self._large_enough(_without_edges(self.all))
        if self.inner.any():  # what touches the edge may have been darker than the ink
            drawn = float(np.percentile(calm[self.inner], 90))
            self.inner &= calm > STRONG * drawn

    def pictures(self, mask: NDArray[np.bool_]) -> tuple[Picture, Picture]:
        """Everything and the digit: the largest part of the mask with what is near it and no speck."""
        full = float(np.percentile(self.above[mask], 75))
        if full > NEARLY_FULL:
            full = 255.0  # the digit has its grey levels already
        ink = np.clip(self.above / full, 0, 1)
        parts, _ = scipy.ndimage.label(mask, EIGHT_NEIGHBOURS)
        areas = np.bincount(parts.ravel())[1:]
        lows, highs = _corners(parts)
        largest = int(areas.argmax())
        size = int((highs[largest] - lows[largest]).max())
        near = (lows <= highs[largest] + REACH * size) & (highs >= lows[largest] - REACH * size)
        kept = np.flatnonzero(near.all(axis=1) & (areas >= SPECK * areas[largest])) + 1
        # the soft edge belongs to the line: it is as wide as a pixel of the result
        soft = scipy.ndimage.binary_dilation(
            np.isin(parts, kept), EIGHT_NEIGHBOURS, iterations=max(1, round(size / SIDE))
        )
        soft &= self.above > 3 * self.noise
        return np.rint(255 * ink).astype(np.uint8), np.rint(255 * np.where(soft, ink, 0)).astype(np.uint8)

    @staticmethod
    def _large_enough(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The mask if one of its parts is as large as the smallest digit, else nothing."""
        lows, highs = _corners(scipy.ndimage.label(mask, EIGHT_NEIGHBOURS)[0])
        enough = (highs - lows).max(initial=0) >= max(2.0, SMALLEST_DIGIT * max(mask.shape))
        return mask.copy() if enough else np.zeros_like(mask)


def _without_edges(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, _ = scipy.ndimage.label(mask, EIGHT_NEIGHBOURS)
    return mask & ~np.isin(parts, np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))


def _corners(parts: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The boxes of the numbered parts: (count, 2) and (count, 2), first row and column and those after the last."""
    boxes = scipy.ndimage.find_objects(parts)
    ends = np.array([[(side.start, side.stop) for side in box] for box in boxes], dtype=int).reshape(-1, 2, 2)
    return ends[..., 0], ends[..., 1]


def _with_usual_lines(digit: Picture) -> Picture:
    """The digit with lines of a width that MNIST has, counted at its final size."""
    box = cropped(digit)
    factor = BOX / max(box.shape)
    width = line_width(_resized(box, factor))
    if THINNEST <= width <= THICKEST:
        return digit
    wanted = LINE_WIDTH if width < THINNEST else THICKEST
    change = (wanted - width) / 2 / factor
    room = max(0, int(np.ceil(change)) + 1)
    mask = np.pad(digit, room) > 127
    if not mask.any():
        return digit
    distance = scipy.ndimage.distance_transform_edt(~mask) - scipy.ndimage.distance_transform_edt(mask)
    changed: Picture = np.rint(255 * np.clip(change - distance + 0.5, 0, 1)).astype(np.uint8)
    return changed if (changed > 127).any() else digit


def _resized(picture: Picture, factor: float) -> Picture:
    return np.rint(np.clip(_resized_floats(picture, factor), 0, 255)).astype(np.uint8)


def _resized_floats(picture: NDArray[Any], factor: float) -> Floats:
    """The picture at another size; each pixel of a smaller one is the mean of those that it covers."""
    shape = tuple(max(1, round(side * factor)) for side in picture.shape)
    return picture.astype(float) if shape == picture.shape else _stretched(picture, shape)


def _stretched(picture: NDArray[Any], shape: tuple[int, ...]) -> Floats:
    smaller = shape[0] * shape[1] < picture.size
    kind = Image.Resampling.BOX if smaller else Image.Resampling.BILINEAR
    resized = Image.fromarray(picture.astype(np.float32)).resize((shape[1], shape[0]), kind)
    return np.asarray(resized, dtype=float)


def _checked_picture(gray: NDArray[Any]) -> Picture:
    picture = np.asarray(gray)
    if picture.dtype != np.uint8 or picture.ndim != 2 or picture.size == 0:
        raise ValueError(f"the picture must be (H, W) uint8 grey levels, got {picture.shape} {picture.dtype}")
    return picture

"""The computation graph of a step as an SVG drawing: values on their way forward above, gradients on their way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

BOX_WIDTH, BOX_HEIGHT = 92, 54
GAP, LANE_GAP, BLOCK_GAP = 22, 20, 26
_MARGIN = 10
_TITLE = 22  # above each block
_LANES = 4  # parameters, forward, back, their gradients
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_BLOCK_HEIGHT = _TITLE + _LANES * BOX_HEIGHT + (_LANES - 1) * LANE_GAP
_ROW_GAP = 34  # room for the lines that go on in the next row


@dataclass(frozen=True)
class Node:
    """A box: its letters, its shape, and its size in a word ("rms 0.42").

    `keys`: the stages at which it is lit; a press on it leads to the first. Without keys it cannot be pressed.
    """

    name: str
    shape: str
    size: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class Block:
    """What belongs together: a layer, the input, the loss. The lanes stand below one another, nodes column by column.

    backward: the gradient of what stands above it. The last block, the loss, has none: there the way back begins.
    """

    title: str
    forward: tuple[Node, ...]
    backward: tuple[Node, ...] = ()
    parameters: tuple[Node, ...] = ()
    gradients: tuple[Node, ...] = ()

    @property
    def width(self) -> int:
        """In the units of the drawing."""
        columns = max(map(len, (self.forward, self.backward, self.parameters, self.gradients)))
        return columns * BOX_WIDTH + (columns - 1) * GAP


def letters(key: str) -> str:
    """A stage's key as it is written: "dW2" is "dW₂"."""
    return key.translate(_SUBSCRIPTS)


def computation_graph(blocks: Sequence[Block], current: str, *, width: int) -> str:
    """The drawing as an <svg> of its own, as many blocks side by side as fit into `width`.

    Its boxes are `<g class="node" data-stage="z1">`, the ones of the current stage also "lit"; colours are the page's
    to give. Forward arrows have the class "forward", those of the gradients "back".
    """
    rows = _rows(blocks, width - 2 * _MARGIN)
    full = max(sum(block.width for block in row) + BLOCK_GAP * (len(row) - 1) for row in rows) + 2 * _MARGIN
    height = len(rows) * _BLOCK_HEIGHT + (len(rows) - 1) * _ROW_GAP + 2 * _MARGIN
    parts: list[str] = []
    before: _Ends | None = None
    for number, row in enumerate(rows):
        x, y = float(_MARGIN), float(_MARGIN + number * (_BLOCK_HEIGHT + _ROW_GAP))
        for block in row:
            if before is not None:
                parts += _joined(before, block, x, y, full)
            parts += _block(block, x, y, current)
            before = _Ends(x, y, block)
            x += block.width + BLOCK_GAP
    return (
        f'<svg viewBox="0 0 {full:.0f} {height:.0f}" style="max-width:{full:.0f}px" role="group" '
        f'aria-label="The computation graph of this step">{_ARROWS}{"".join(parts)}</svg>'
    )


_ARROWS = "<defs>" + "".join(
    f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    f'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z" class="{name} head"/></marker>'
    for name in ("forward", "back")
) + "</defs>"  # fmt: skip


def _rows(blocks: Sequence[Block], width: float) -> list[list[Block]]:
    rows: list[list[Block]] = [[]]
    used = 0.0
    for block in blocks:
        wanted = block.width + (BLOCK_GAP if rows[-1] else 0)
        if rows[-1] and used + wanted > width:
            rows.append([])
            used, wanted = 0.0, block.width
        rows[-1].append(block)
        used += wanted
    return rows


def _lane(y: float, lane: int) -> float:
    """The middle of a lane of a block that begins at y."""
    return y + _TITLE + lane * (BOX_HEIGHT + LANE_GAP) + BOX_HEIGHT / 2


@dataclass(frozen=True)
class _Ends:
    """A block that is drawn, for the lines to the next one."""

    x: float
    y: float
    block: Block

    def right(self, nodes: tuple[Node, ...]) -> float:
        """The right edge of the last box of a lane."""
        return self.x + len(nodes) * (BOX_WIDTH + GAP) - GAP


def _block(block: Block, x: float, y: float, current: str) -> list[str]:
    parts = [f'<text class="title" x="{x:.0f}" y="{y + 12:.0f}">{escape(block.title)}</text>']
    pitch = BOX_WIDTH + GAP
    up, down = _lane(y, 1), _lane(y, 2)
    for lane, nodes in enumerate((block.parameters, block.forward, block.backward, block.gradients)):
        # Below a block without a way back stands what comes after the step.
        kind = "forward" if lane < 2 or not block.backward else "back"
        for column, node in enumerate(nodes):
            parts.append(_box(node, x + column * pitch, _lane(y, lane), kind, current))
    for column in range(1, len(block.forward)):
        end = x + column * pitch
        parts.append(_line("forward", f"M{end - GAP:.0f} {up:.0f}H{end - 1:.0f}"))
    for column in range(1, len(block.backward)):
        end = x + column * pitch
        parts.append(_line("back", f"M{end:.0f} {down:.0f}H{end - GAP + 1:.0f}"))
    for column in range(len(block.parameters)):  # into the first value of the block
        at = x + column * pitch + BOX_WIDTH / 2
        into = x + BOX_WIDTH / 2 + (16 if column else 0)
        top, end = _lane(y, 0) + BOX_HEIGHT / 2, up - BOX_HEIGHT / 2 - 1
        parts.append(_line("forward", f"M{at:.0f} {top:.0f}V{(top + end) / 2:.0f}H{into:.0f}V{end:.0f}"))
    for column in range(len(block.gradients) if block.backward else 0):
        at = x + column * pitch + BOX_WIDTH / 2
        out = x + BOX_WIDTH / 2 + (16 if column else 0)
        top, end = down + BOX_HEIGHT / 2, _lane(y, 3) - BOX_HEIGHT / 2 - 1
        parts.append(_line("back", f"M{out:.0f} {top:.0f}V{(top + end) / 2:.0f}H{at:.0f}V{end:.0f}"))
    return parts


def _joined(before: _Ends, block: Block, x: float, y: float, full: float) -> list[str]:
    """The lines from the block before to this one, forward and back, from row to row where a new one begins."""
    up, down = _lane(y, 1), _lane(y, 2)
    out, home = before.right(before.block.forward), before.right(before.block.backward)
    # The way back begins below the loss; into the input no gradient is asked for.
    start = f"M{x:.0f} {down:.0f}"
    if not block.backward:
        start = f"M{x + BOX_WIDTH / 2:.0f} {up + BOX_HEIGHT / 2:.0f}V{down:.0f}"
    if y == before.y:
        parts = [_line("forward", f"M{out:.0f} {up:.0f}H{x - 1:.0f}")]
        return [*parts, _line("back", f"{start}H{home + 1:.0f}")] if before.block.backward else parts
    between, right = y - _ROW_GAP / 2 + 2, min(before.x + before.block.width + 8, full - 1)
    above, below = _lane(before.y, 1), _lane(before.y, 2)
    parts = [
        _line(
            "forward",
            f"M{out:.0f} {above:.0f}H{right:.0f}V{between - 6:.0f}H{x - 4:.0f}V{up:.0f}H{x - 1:.0f}",
        )
    ]
    if before.block.backward:
        way = f"H{x - 8:.0f}V{between:.0f}H{right - 4:.0f}V{below:.0f}H{home + 1:.0f}"
        parts.append(_line("back", start + way))
    return parts


def _line(kind: str, path: str) -> str:
    return f'<path class="{kind} line" d="{path}" marker-end="url(#{kind})"/>'


def _box(node: Node, x: float, middle: float, kind: str, current: str) -> str:
    lit = current in node.keys
    classes = f"node {kind}" + (" lit" if lit else "")
    words = f"{node.name}, {node.shape}" + (f", {node.size}" if node.size else "")
    press = ""
    if node.keys:
        state = ' aria-current="step"' if lit else ""
        press = f' data-stage="{escape(node.keys[0])}" role="button" tabindex="-1" aria-label="{escape(words)}"{state}'
    y = middle - BOX_HEIGHT / 2
    lines = [(node.name, 17, "name"), (node.shape, 32, "shape"), (node.size, 46, "size")]
    centre = x + BOX_WIDTH / 2
    texts = "".join(
        f'<text class="{name}" x="{centre:.0f}" y="{y + down:.0f}">{escape(text)}</text>'
        for text, down, name in lines
        if text
    )
    box = f'<rect x="{x:.0f}" y="{y:.0f}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"/>'
    return f'<g class="{classes}"{press}>{box}{texts}</g>'

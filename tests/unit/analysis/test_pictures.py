"""Uploaded pictures: every mode that people's files come in, and a sentence for every file that is none."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image

from mlp.analysis import PictureError, gray_picture, pictures


def saved(image, kind="PNG", **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def ramp():
    """(12, 20) uint8 with all levels between 0 and 239."""
    return np.arange(240, dtype=np.uint8).reshape(12, 20)


def test_plain_pictures_come_as_they_are(ramp):
    for kind in ("PNG", "BMP", "TIFF", "GIF"):
        found = gray_picture(saved(Image.fromarray(ramp), kind))
        assert found.dtype == np.uint8
        assert np.array_equal(found, ramp)
    assert np.abs(gray_picture(saved(Image.fromarray(ramp), "JPEG", quality=95)).astype(int) - ramp).max() < 12
    assert np.array_equal(gray_picture(saved(Image.fromarray(ramp).convert("RGB"), "WEBP", lossless=True)), ramp)


def test_colours_palettes_and_two_tones(ramp):
    image = Image.fromarray(ramp)
    assert np.array_equal(gray_picture(saved(image.convert("RGB"))), ramp)
    assert np.array_equal(gray_picture(saved(image.convert("P"))), ramp)
    assert np.array_equal(gray_picture(saved(image.point(lambda v: 255 * (v > 99)).convert("1"))), 255 * (ramp > 99))
    assert np.abs(gray_picture(saved(image.convert("CMYK"), "TIFF")).astype(int) - ramp).max() <= 2


def test_sixteen_bits_are_scaled_not_clipped(ramp):
    deep = Image.fromarray(ramp.astype(np.uint16) * 257)
    assert deep.mode == "I;16"
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(gray_picture(saved(deep, kind)), ramp)


def test_numbers_without_limits_are_stretched(ramp):
    floats = Image.fromarray((ramp / 239).astype(np.float32) * 3 - 1)
    assert np.abs(gray_picture(saved(floats, "TIFF")).astype(int) - np.rint(ramp * (255 / 239))).max() <= 1
    assert not gray_picture(saved(Image.fromarray(np.full((5, 5), 0.3, np.float32)), "TIFF")).any()
    bad = np.full((5, 5), np.inf, np.float32)
    with pytest.raises(PictureError, match="finite grey levels"):
        gray_picture(saved(Image.fromarray(bad), "TIFF"))


@pytest.mark.parametrize(("ink", "ground"), [(0, 255), (255, 0)])
def test_ink_on_transparency_stays_visible(ink, ground):
    pixels = np.zeros((10, 10, 4), np.uint8)
    pixels[2:8, 4:6] = ink, ink, ink, 255
    found = gray_picture(saved(Image.fromarray(pixels)))
    assert found[5, 5] == ink
    assert found[0, 0] == ground
    found = gray_picture(saved(Image.fromarray(pixels[..., [0, 3]])))  # LA
    assert (found[5, 5], found[0, 0]) == (ink, ground)


def test_transparent_corners_of_an_opaque_page_get_its_ground():
    pixels = np.full((10, 10, 4), (240, 240, 240, 255), np.uint8)
    pixels[2:8, 4:6, :3] = 10
    pixels[0, 0] = 0
    assert gray_picture(saved(Image.fromarray(pixels)))[0, 0] == 240


def test_all_transparent_is_one_level():
    assert np.ptp(gray_picture(saved(Image.new("RGBA", (4, 4))))) == 0


def test_a_turned_photograph_stands_upright(ramp):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter clockwise to show
    found = gray_picture(saved(Image.fromarray(ramp), "PNG", exif=exif))
    assert np.array_equal(found, np.rot90(ramp, -1))


def test_an_animation_gives_its_first_frame(ramp):
    frames = [Image.fromarray(ramp), Image.fromarray(255 - ramp)]
    assert np.array_equal(gray_picture(saved(frames[0], "GIF", save_all=True, append_images=frames[1:])), ramp)


def test_a_large_photograph_comes_smaller():
    image = Image.new("L", (6000, 4100), 230)
    image.paste(20, (1500, 1000, 3000, 2000))
    found = gray_picture(saved(image, "JPEG"))
    assert found.shape == (1025, 1500)
    assert abs(int(found[375, 560]) - 20) < 5


@pytest.mark.parametrize("mode", ["L", "RGBA", "F"])
def test_other_large_pictures_come_smaller_too(mode):
    image = Image.new(mode, (4100, 2000), "white" if mode == "RGBA" else 250)
    image.paste("black" if mode == "RGBA" else 0, (0, 0, 2000, 2000))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    found = gray_picture(saved(image, "TIFF" if mode == "F" else "PNG", exif=exif))
    assert found.shape == (1000, 2050)
    assert found[5, 2040] == 0
    assert found[5, 5] >= 250


@pytest.mark.parametrize("data", [b"", b"not a picture", b"%PDF-1.7", b"<svg/>", bytes(1000)])
def test_what_is_no_picture_gets_a_sentence(data):
    with pytest.raises(PictureError, match=r"^the file must be a picture, JPEG, PNG, .* but is none of these$"):
        gray_picture(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
def test_a_file_cut_short_gets_a_sentence(kind):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    data = saved(Image.fromarray(noise).convert("RGB"), kind)
    for end in (len(data) // 2, len(data) // 4, 40, 20):
        with pytest.raises(PictureError) as error:
            gray_picture(data[:end])
        assert "\n" not in str(error.value)


def header_of_a_png(width, height):
    """A PNG that says it is that large and holds no pixels."""
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    chunks = ((b"IHDR", size + bytes([8, 0, 0, 0, 0])), (b"IDAT", zlib.compress(bytes(9))), (b"IEND", b""))
    parts = (
        len(body).to_bytes(4, "big") + name + body + zlib.crc32(name + body).to_bytes(4, "big") for name, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_too_many_pixels_are_refused_before_they_are_decoded():
    with pytest.raises(PictureError, match="1 to 12,500,000 pixels, got 6,000 by 5,000 = 30,000,000"):
        gray_picture(header_of_a_png(6000, 5000))
    with pytest.raises(PictureError, match="at most 12,500,000 pixels, but has far more"):
        gray_picture(header_of_a_png(100_000, 100_000))
    with pytest.raises(PictureError):
        gray_picture(header_of_a_png(0, 50))


def test_a_jpeg_has_its_own_limit(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_JPEG_PIXELS", 100)
    with pytest.raises(PictureError, match="1 to 100 pixels, got 20 by 12 = 240"):
        gray_picture(saved(Image.new("L", (20, 12)), "JPEG"))

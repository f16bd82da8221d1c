"""Any image file opens as people see it, and what is no image is refused in one line."""

from __future__ import annotations

import logging
import re
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from vizgraph.data.images import MAX_PIXELS, ImageError, open_image

pytestmark = pytest.mark.filterwarnings("ignore::vizgraph.data.ImageWarning")
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def quarters() -> np.ndarray:
    """(16, 24, 3): red top left, green top right, blue bottom left, white bottom right."""
    image = np.zeros((16, 24, 3), np.uint8)
    image[:8, :12], image[:8, 12:], image[8:, :12], image[8:, 12:] = RED, GREEN, BLUE, WHITE
    return image


STORED_FOR = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: np.rot90(a, 2).transpose(1, 0, 2),
    8: lambda a: np.rot90(a, -1),
}
"""How a camera that writes an EXIF orientation stores an upright image."""


@pytest.mark.parametrize("orientation", STORED_FOR)
@pytest.mark.parametrize("suffix", ["png", "tiff", "webp"])
def test_exif_rotation_is_honored(orientation, suffix, quarters, tmp_path):
    stored = Image.fromarray(np.ascontiguousarray(STORED_FOR[orientation](quarters)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    stored.save(path, exif=exif, **({"lossless": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(open_image(path), quarters)


@pytest.mark.filterwarnings("error")
def test_a_broken_exif_block_does_not_cost_the_image(quarters, tmp_path):
    path = tmp_path / "odd.png"
    Image.fromarray(quarters).save(path, exif=b"Exif\x00\x00MM\x00*\xff\xff\xff\xff")
    np.testing.assert_array_equal(open_image(path), quarters)


@pytest.mark.parametrize("suffix", ["png", "webp"])
def test_transparency_is_laid_on_white(suffix, tmp_path):
    pixels = np.zeros((2, 3, 4), np.uint8)
    pixels[:, 0], pixels[:, 1], pixels[:, 2] = (*RED, 255), (*RED, 0), (*RED, 128)
    path = tmp_path / f"glass.{suffix}"
    Image.fromarray(pixels).save(path, **({"lossless": True, "exact": True} if suffix == "webp" else {}))
    np.testing.assert_array_equal(open_image(path)[0], [RED, WHITE, (255, 127, 127)])


def test_gray_with_transparency_is_laid_on_white(tmp_path):
    pixels = np.array([[[0, 255], [0, 0], [100, 255]]], np.uint8)
    Image.fromarray(pixels, "LA").save(tmp_path / "a.png")
    np.testing.assert_array_equal(open_image(tmp_path / "a.png")[0, :, 0], [0, 255, 100])


def test_a_palette_with_a_transparent_color_is_laid_on_white(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *GREEN])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / "p.gif", transparency=1)
    np.testing.assert_array_equal(open_image(tmp_path / "p.gif")[0], [RED, WHITE])


def test_a_transparent_color_of_an_rgb_image_is_laid_on_white(quarters, tmp_path):
    Image.fromarray(quarters).save(tmp_path / "t.png", transparency=BLUE)
    opened = open_image(tmp_path / "t.png")
    assert tuple(opened[15, 0]) == WHITE
    assert tuple(opened[0, 0]) == RED


@pytest.mark.parametrize(("suffix", "order"), [("png", "<u2"), ("tiff", "<u2"), ("tiff", ">u2"), ("pgm", "<u2")])
def test_sixteen_bits_are_scaled_and_not_clipped(suffix, order, tmp_path):
    values = np.array([[0, 257, 4096, 32768, 65535]], np.uint16)
    path = tmp_path / f"deep.{suffix}"
    mode = "I;16B" if order == ">u2" else "I;16"
    Image.frombytes(mode, (5, 1), values.astype(order).tobytes()).save(path)
    opened = open_image(path)
    np.testing.assert_array_equal(opened[0, :, 0], [0, 1, 16, 128, 255])
    assert (opened == opened[..., :1]).all()


def test_a_dark_sixteen_bit_image_stays_as_dark_as_it_is(tmp_path):
    Image.fromarray(np.full((4, 4), 6553, np.uint16)).save(tmp_path / "dark.png")
    assert (open_image(tmp_path / "dark.png") == 25).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([-10.0, 0.0, 10.0], [0, 128, 255]),
        ([float("nan"), 0.5, 1.0], [0, 128, 255]),
        ([7.0, 7.0, 7.0], [7, 7, 7]),
        ([-3.0, -3.0, -3.0], [0, 0, 0]),
    ],
)
def test_floating_values_are_scaled_by_their_range(values, expected, tmp_path):
    Image.fromarray(np.array([values], np.float32)).save(tmp_path / "f.tiff")
    np.testing.assert_array_equal(open_image(tmp_path / "f.tiff")[0, :, 0], expected)


def test_thirty_two_bit_values_beyond_sixteen_are_scaled_by_their_own_range(tmp_path):
    Image.fromarray(np.array([[0, 500_000, 1_000_000]], np.int32)).save(tmp_path / "i.tiff")
    np.testing.assert_array_equal(open_image(tmp_path / "i.tiff")[0, :, 0], [0, 128, 255])


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB"])
def test_bilevel_gray_and_palette_become_rgb(mode, tmp_path):
    Image.new("RGB", (5, 3), WHITE).convert(mode).save(tmp_path / "m.png")
    opened = open_image(tmp_path / "m.png")
    assert opened.shape == (3, 5, 3)
    assert opened.dtype == np.uint8
    assert (opened == 255).all()


def test_cmyk_becomes_rgb(quarters, tmp_path):
    Image.fromarray(quarters).convert("CMYK").save(tmp_path / "c.jpg", quality=100)
    opened = open_image(tmp_path / "c.jpg").astype(int)
    for row, col in ((3, 5), (3, 18), (12, 5), (12, 18)):
        assert np.abs(opened[row, col] - quarters[row, col]).max() < 40


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tiff"])
def test_of_several_frames_the_first_is_taken(suffix, tmp_path):
    frames = [Image.new("RGB", (6, 6), color) for color in (RED, GREEN, BLUE)]
    options = {"lossless": True} if suffix == "webp" else {}
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], **options)
    assert (open_image(tmp_path / f"a.{suffix}") == RED).all()


def _refused(path) -> str:
    with pytest.raises(ImageError) as caught:
        open_image(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


@pytest.mark.parametrize("suffix", ["png", "jpg", "gif", "webp", "tiff", "bmp"])
def test_a_truncated_image_is_refused(suffix, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = tmp_path / f"cut.{suffix}"
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "damaged or cut short" in _refused(path) or "no image" in _refused(path)


def test_text_an_empty_file_a_folder_and_nothing_are_refused(tmp_path):
    (tmp_path / "text.jpg").write_text("I am no picture.")
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    assert "no image of a known format" in _refused(tmp_path / "text.jpg")
    assert "empty" in _refused(tmp_path / "empty.png")
    assert "folder" in _refused(tmp_path / "folder.png")
    assert "no such file" in _refused(tmp_path / "nothing.png")


def test_formats_that_start_programs_are_refused(tmp_path):
    (tmp_path / "x.eps").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n")
    assert "no image of a known format" in _refused(tmp_path / "x.eps")


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * 8)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(MAX_PIXELS // 1000 + 1, 1000), (60_000, 60_000)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size, tmp_path, monkeypatch):
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(*size))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    assert re.search(r"more than the [\d,]+ pixels", _refused(path))


@pytest.mark.filterwarnings("error")
def test_a_large_image_within_the_limit_is_opened_without_a_warning(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    Image.new("L", (30, 30)).save(tmp_path / "large.png")
    assert open_image(tmp_path / "large.png").shape == (30, 30, 3)


def test_any_damage_is_an_image_error(quarters, tmp_path):
    """Bytes changed at random: an image or an `ImageError`, never another exception."""
    rng = np.random.default_rng(1)
    for suffix in ("png", "jpg", "gif", "tiff", "bmp", "webp"):
        path = tmp_path / f"x.{suffix}"
        Image.fromarray(quarters).save(path)
        good = bytearray(path.read_bytes())
        for _ in range(25):
            bad = good.copy()
            for place in rng.integers(0, len(bad), 4):
                bad[place] = rng.integers(256)
            path.write_bytes(bytes(bad))
            try:
                opened = open_image(path)
            except ImageError:
                continue
            assert opened.ndim == 3
            assert opened.dtype == np.uint8


@pytest.mark.parametrize("library", ["PIL", "tifffile"])
def test_what_decoders_log_does_not_reach_stderr(library, capfd):
    """Without any handler Python writes it there, beside our one line."""
    root = logging.getLogger()
    handlers, root.handlers = root.handlers, []
    try:
        logging.getLogger(f"{library}.any").error("More samples per pixel than can be decoded")
    finally:
        root.handlers = handlers
    assert capfd.readouterr().err == ""

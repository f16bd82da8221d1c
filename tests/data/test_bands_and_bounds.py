"""Images of any number of bands and bits from any source; large ones, pipes and frames; what was guessed is said."""

from __future__ import annotations

import os
import resource
import struct
import subprocess
import sys
import threading
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from vizgraph.data import ImageError, ImageWarning, limits, load_image, open_image, read_image
from vizgraph.data import decoding as decoding_module
from vizgraph.data.decoding import look_at
from vizgraph.data.limits import Reading
from vizgraph.errors import UsageError

tifffile = pytest.importorskip("tifffile")


class _Network(nn.Module):
    def __init__(self, channels=3, **cfg):
        super().__init__()
        self.pretrained_cfg = {"input_size": (channels, 32, 32), "mean": (0.0,) * 3, "std": (1.0,) * 3, **cfg}


@pytest.fixture
def colors():
    """(40, 60, 3) smooth colors."""
    small = np.random.default_rng(0).integers(0, 256, (4, 6, 3), np.uint8)
    return np.asarray(Image.fromarray(small).resize((60, 40), Image.Resampling.BICUBIC))


@pytest.fixture
def infrared():
    return np.random.default_rng(1).integers(20, 90, (40, 60), np.uint8)


@pytest.mark.parametrize("extra", ["UNASSALPHA", "UNSPECIFIED"])
def test_a_band_of_light_does_not_wash_out_the_colors(extra, colors, infrared, tmp_path):
    tifffile.imwrite(
        tmp_path / "t.tif", np.dstack([colors, infrared]), photometric="rgb", extrasamples=[extra], metadata=None
    )
    raster = read_image(tmp_path / "t.tif")
    np.testing.assert_array_equal(raster.rgb(), colors)
    assert raster.bands == ("red", "green", "blue", "band 4")
    if extra == "UNASSALPHA":
        with pytest.warns(ImageWarning, match=r"t\.tif: its fourth band is called transparency.*left out"):
            np.testing.assert_array_equal(open_image(tmp_path / "t.tif"), colors)


def test_transparency_of_a_tiff_stays_transparency(colors, tmp_path):
    mask = np.where(np.arange(60) < 30, 255, 0).astype(np.uint8)[None].repeat(40, 0)
    tifffile.imwrite(tmp_path / "m.tif", np.dstack([colors, mask]), photometric="rgb", extrasamples=["UNASSALPHA"])
    raster = read_image(tmp_path / "m.tif")
    assert (raster.rgb()[:, 30:] == 255).all()
    np.testing.assert_array_equal(raster.rgb()[:, :30], colors[:, :30])
    assert "laid on white" in raster.notes[0]


@pytest.mark.parametrize("extra", ["UNASSALPHA", "UNSPECIFIED"])
def test_four_bands_reach_a_network_of_four_channels_in_their_order(extra, colors, infrared, tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", np.dstack([colors, infrared]), photometric="rgb", extrasamples=[extra])
    with pytest.warns(ImageWarning, match="red, green, blue, band 4 are taken for the network's channels"):
        sample = load_image(tmp_path / "t.tif", _Network(4))
    assert sample.pixels.shape == (1, 4, 32, 32)
    wanted = np.asarray(Image.fromarray(infrared).resize((32, 32), Image.Resampling.BILINEAR))
    np.testing.assert_allclose(sample.pixels[0, 3].numpy() * 255, wanted, atol=1e-3)
    alone = load_image(colors, _Network())
    torch.testing.assert_close(sample.pixels[:, :3], alone.pixels)
    np.testing.assert_array_equal(sample.image, alone.image)


def test_bands_are_chosen_by_name_and_number(colors, infrared, tmp_path):
    tifffile.imwrite(tmp_path / "t.tif", np.dstack([colors, infrared]), photometric="rgb", extrasamples=["UNSPECIFIED"])
    false = load_image(tmp_path / "t.tif", _Network(), bands=("band 4", "red", 2))
    np.testing.assert_allclose(false.image[..., 0].mean(), infrared.mean(), atol=1)
    named = _Network(2, bands=("blue", "red"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sample = load_image(colors, named)
    torch.testing.assert_close(sample.pixels[0], load_image(colors, _Network()).pixels[0, [2, 0]])
    with pytest.raises(UsageError, match=r"has no nir; it has red, green, blue"):
        load_image(colors, _Network(), bands=("nir", "red", "green"))
    with pytest.raises(UsageError, match="names 2 bands, and the network takes 3"):
        load_image(colors, _Network(), bands=("red", "green"))
    with pytest.raises(ImageError, match=r"it has 1 band \(gray\), and the network takes 4 channels"):
        load_image(colors[..., 0], _Network(4))


def test_more_bands_than_pillow_knows_and_names_that_gdal_wrote(tmp_path):
    values = np.random.default_rng(0).integers(0, 65535, (30, 20, 6), np.uint16)
    described = '<GDALMetadata>\n  <Item name="DESCRIPTION" sample="4" role="description">NIR</Item>\n</GDALMetadata>\n'
    tifffile.imwrite(
        tmp_path / "six.tif",
        values,
        photometric="minisblack",
        planarconfig="contig",
        extratags=[(42112, "s", 0, described, True)],
    )
    raster = read_image(tmp_path / "six.tif")
    assert raster.values.shape == (30, 20, 6)
    np.testing.assert_array_equal(raster.values, np.rint(values / 257).astype(np.uint8))
    assert raster.bands[:2] == ("band 1", "band 2")
    planar = np.moveaxis(values, 2, 0)
    tifffile.imwrite(tmp_path / "planar.tif", planar, photometric="minisblack", planarconfig="separate")
    np.testing.assert_array_equal(read_image(tmp_path / "planar.tif").values, raster.values)


def test_pages_are_bands_where_the_network_takes_so_many(tmp_path):
    pages = np.random.default_rng(0).integers(0, 256, (5, 30, 20), np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", pages, photometric="minisblack")
    with pytest.warns(ImageWarning, match="its 5 pages are taken as the bands"):
        sample = load_image(tmp_path / "stack.tif", _Network(5))
    assert sample.pixels.shape == (1, 5, 32, 32)
    with pytest.warns(ImageWarning, match="of its 5 pages the first is taken"):
        np.testing.assert_array_equal(open_image(tmp_path / "stack.tif")[..., 0], pages[0])
    np.testing.assert_array_equal(open_image(tmp_path / "stack.tif", frame=4)[..., 0], pages[3])
    with pytest.raises(ImageError, match="no frame 9"):
        open_image(tmp_path / "stack.tif", frame=9)


def test_twelve_bits_where_the_file_says_so_and_a_word_where_it_does_not(tmp_path):
    values = np.linspace(0, 4095, 64, dtype=np.uint16).reshape(8, 8)
    tifffile.imwrite(tmp_path / "said.tif", values, extratags=[(281, "H", 1, 4095, True)])
    said = open_image(tmp_path / "said.tif")[..., 0]
    np.testing.assert_array_equal(said, np.rint(values / 4095 * 255).astype(np.uint8))
    Image.fromarray(values).save(tmp_path / "unsaid.png")
    with pytest.warns(ImageWarning, match=r"its values end at 4095 of 65535.*value_range=\(0, 4095\)"):
        assert open_image(tmp_path / "unsaid.png").max() == 16
    np.testing.assert_array_equal(open_image(tmp_path / "unsaid.png", value_range=(0, 4095))[..., 0], said)


def test_every_source_of_one_image_is_the_same_image(colors, tmp_path):
    path = tmp_path / "c.png"
    Image.fromarray(colors).save(path)
    network = _Network()
    wanted = load_image(path, network)
    assert wanted.sha256
    assert wanted.notes == ()
    sources = [
        str(path),
        path.read_bytes(),
        colors,
        Image.fromarray(colors),
        torch.from_numpy(colors.copy()),
        torch.from_numpy(colors.copy()).permute(2, 0, 1),
        colors.astype(np.float32) / 255,
        colors.astype(np.uint16) * 257,
        wanted,
    ]
    for source in sources:
        torch.testing.assert_close(load_image(source, network).pixels, wanted.pixels)
    with path.open("rb") as file:
        torch.testing.assert_close(load_image(file, network).pixels, wanted.pixels)
    with pytest.warns(ImageWarning, match="read as those of 8 bits"):
        torch.testing.assert_close(load_image(colors.tolist(), network).pixels, wanted.pixels)
    many = np.moveaxis(np.repeat(colors, 40, axis=0), 2, 0)
    with pytest.warns(ImageWarning, match="read as channels, rows, columns"):
        assert load_image(many.repeat(2, axis=2), network).original.shape == (1600, 120, 3)
    with pytest.raises(UsageError, match="got object"):
        load_image(object(), network)


def test_a_gray_network_sees_gray(colors):
    sample = load_image(colors, _Network(1))
    wanted = np.asarray(Image.fromarray(colors).convert("L").resize((32, 32), Image.Resampling.BILINEAR))
    assert np.abs(sample.image[..., 0].astype(int) - wanted).max() <= 1
    torch.testing.assert_close(sample.pixels[0, 0] * 255, torch.from_numpy(sample.image[..., 0]).float())


def test_a_named_pipe_and_a_device_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "p.png")
    messages = []

    def read():
        try:
            open_image(tmp_path / "p.png")
        except ImageError as error:
            messages.append(str(error))

    done = threading.Thread(target=read, daemon=True)
    done.start()
    done.join(20)
    assert "no regular file" in messages[0]
    for use in (look_at, lambda path: load_image(path, _Network())):
        with pytest.raises(ImageError, match="no regular file"):
            use(tmp_path / "p.png")
    with pytest.raises(ImageError, match="no regular file"):
        open_image("/dev/zero")


def test_an_eps_of_any_name_starts_no_program(tmp_path, monkeypatch):
    (tmp_path / "gs").write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    (tmp_path / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "x.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n%%EOF\n")
    for use in (open_image, look_at, lambda path: load_image(path, _Network())):
        with pytest.raises(ImageError, match="no image of a known format"):
            use(tmp_path / "x.png")
    assert not (tmp_path / "started").exists()


def _png(path, side, depth, color):
    """A black PNG written without its pixels ever being there."""
    packed, row = zlib.compressobj(9), bytes(side * depth // 8 * {0: 1, 2: 3, 6: 4}[color] + 1)
    rows = b"".join(packed.compress(row) for _ in range(side)) + packed.flush()

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="reads the peak of memory from /proc")
@pytest.mark.parametrize(("side", "depth", "color"), [(9000, 16, 0), (9000, 8, 2)])
def test_a_large_image_of_few_bytes_takes_bounded_memory(side, depth, color, tmp_path):
    _png(tmp_path / "a.png", side, depth, color)
    code = (
        "import re, sys, warnings; warnings.simplefilter('ignore')\n"
        "from vizgraph.data import open_image\n"
        "shape = open_image(sys.argv[1]).shape\n"
        # not ru_maxrss, which begins at what the process was forked from
        "peak = re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]\n"
        "print(max(shape), int(peak) // 1024)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "a.png")], capture_output=True, text=True, check=True
    )
    longest, megabytes = map(int, done.stdout.split())
    assert longest**2 <= limits.WORKING_PIXELS
    assert megabytes < 600


def test_a_large_image_is_made_smaller_and_that_is_said(colors, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "WORKING_PIXELS", 700)
    Image.fromarray(colors).save(tmp_path / "c.png")
    with pytest.warns(ImageWarning, match="of its 60 x 40 pixels 30 x 20 were decoded"):
        small = open_image(tmp_path / "c.png")
    mean = colors.reshape(20, 2, 30, 2, 3).astype(float).mean((1, 3))
    assert np.abs(small - mean).max() <= 1
    deep = Image.fromarray(colors[..., 0].astype(np.uint16) * 257)
    deep.save(tmp_path / "d.png")
    with pytest.warns(ImageWarning, match="30 x 20 were decoded"):
        assert np.abs(open_image(tmp_path / "d.png")[..., 0] - mean[..., 0]).max() <= 1
    Image.fromarray(np.repeat(np.repeat(colors, 8, 0), 8, 1)).save(tmp_path / "j.jpg", quality=98)
    with pytest.warns(ImageWarning, match="were decoded"):
        assert np.abs(open_image(tmp_path / "j.jpg").mean((0, 1)) - colors.mean((0, 1))).max() < 3


@pytest.mark.parametrize("strip", [60, 600, 10**6])
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "I;16", "F"])
def test_strips_change_nothing(mode, strip, colors, tmp_path, monkeypatch):
    from vizgraph.data import rasters

    image = {
        "I;16": lambda: Image.fromarray(colors[..., 0].astype(np.uint16) * 200),
        "F": lambda: Image.fromarray(colors[..., 0].astype(np.float32) / 7 - 3),
        "RGBA": lambda: Image.fromarray(np.dstack([colors, colors[..., :1]])),
        "LA": lambda: Image.fromarray(colors[..., :2].copy(), "LA"),
        "P": lambda: Image.fromarray(colors).quantize(32),
    }.get(mode, lambda: Image.fromarray(colors))()
    whole = rasters.as_rgb(image)
    monkeypatch.setattr(rasters, "_STRIP", strip)
    np.testing.assert_array_equal(rasters.as_rgb(image), whole)


def test_pixels_beyond_the_limit_are_refused_by_the_header_and_allowed_when_asked_for(tmp_path, monkeypatch):
    Image.new("L", (300, 200)).save(tmp_path / "a.png")
    for module in (limits, decoding_module):
        monkeypatch.setattr(module, "MAX_MEMORY", 50_000)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("it was decoded"))
    for use in (open_image, look_at):
        with pytest.raises(ImageError, match=r"60,000 pixels: it has more than the 50,000 .*--max-pixels"):
            use(tmp_path / "a.png")
    monkeypatch.undo()
    assert open_image(tmp_path / "a.png", max_pixels=60_000).shape == (200, 300, 3)
    with pytest.raises(ImageError, match="more than the 59,999"):
        open_image(tmp_path / "a.png", max_pixels=59_999)


def test_little_memory_is_told_as_that(tmp_path, monkeypatch):
    Image.new("L", (30, 20)).save(tmp_path / "a.png")

    def full(self):
        raise MemoryError

    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", full)
    with pytest.raises(ImageError, match="not enough memory") as caught:
        open_image(tmp_path / "a.png")
    assert "pixels" not in str(caught.value)


def test_an_elongated_image_is_not_cropped(tmp_path):
    Image.new("RGB", (1, 60_000)).save(tmp_path / "long.png")
    with pytest.raises(ImageError, match=r"long\.png: the image is 1 x 60000, too elongated to crop"):
        load_image(tmp_path / "long.png", _Network(), fit="crop")


def test_frames_are_said_and_a_camera_preview_is_none(colors, tmp_path):
    frames = [Image.fromarray(np.roll(colors, shift, 0)) for shift in (0, 5, 9)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.gif").notes == ("of its 3 frames the first is taken; frame= takes another",)
    frames[0].save(tmp_path / "a.mpo", save_all=True, append_images=frames[1:])
    assert read_image(tmp_path / "a.mpo").notes == ()


def test_libtiff_writes_nothing_to_stderr(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "x.tif", compression="tiff_lzw")
    good = bytearray((tmp_path / "x.tif").read_bytes())
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(60):
        bad = good.copy()
        for place in rng.integers(8, len(bad), 6):
            bad[place] = rng.integers(256)
        (tmp_path / "x.tif").write_bytes(bytes(bad))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                open_image(tmp_path / "x.tif")
        except ImageError:
            refused += 1
    assert refused > 10
    assert capfd.readouterr().err == ""


def test_a_phone_s_heic_is_read(colors, tmp_path):
    heif = pytest.importorskip("pillow_heif")
    heif.from_pillow(Image.fromarray(np.repeat(np.repeat(colors, 4, 0), 4, 1))).save(tmp_path / "IMG_1.HEIC")
    assert np.abs(open_image(tmp_path / "IMG_1.HEIC").mean((0, 1)) - colors.mean((0, 1))).max() < 4


def test_heic_without_its_reader_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(decoding_module, "_with_heif", lambda: False)
    (tmp_path / "IMG_1.HEIC").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic" + bytes(50))
    with pytest.raises(ImageError, match=r"pillow-heif; run: pip install 'vizgraph\[heic\]'"):
        open_image(tmp_path / "IMG_1.HEIC")


def test_a_tiff_that_claims_terabytes_allocates_nothing(tmp_path):
    values = np.zeros((8, 8, 6), np.uint16)
    tifffile.imwrite(tmp_path / "six.tif", values, photometric="minisblack", planarconfig="contig")
    content = bytearray((tmp_path / "six.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "six.tif") as stack:
        for name in ("ImageWidth", "ImageLength"):
            tag = stack.pages[0].tags[name]
            size = 2 if tag.dtype == 3 else 4
            content[tag.valueoffset : tag.valueoffset + size] = (60_000).to_bytes(size, "little")
    (tmp_path / "six.tif").write_bytes(bytes(content))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="3,600,000,000 pixels"):
        open_image(tmp_path / "six.tif")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_what_is_read_is_hashed(colors, tmp_path):
    import hashlib

    Image.fromarray(colors).save(tmp_path / "c.png")
    wanted = hashlib.sha256((tmp_path / "c.png").read_bytes()).hexdigest()
    assert load_image(tmp_path / "c.png", _Network()).sha256 == wanted
    assert read_image(tmp_path / "c.png", Reading(digest=True)).sha256 == wanted

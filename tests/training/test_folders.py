"""A folder a class: which files are its images, and that training reads them as `render` does."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from dataclasses import replace

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from vizgraph.data import load_image, open_image, read_image
from vizgraph.data.preprocessing import Normalize, Preprocessing
from vizgraph.errors import ConfigError, DataError, ImageError
from vizgraph.training.augment import training_transform
from vizgraph.training.config import DataConfig
from vizgraph.training.datasets import Source, open_held_out, open_training, open_validation
from vizgraph.training.folders import ImageFolder, split_folder
from vizgraph.training.pictures import upright_rgb
from vizgraph.training.samples import Samples
from vizgraph.training.schema import AugmentConfig

tifffile = pytest.importorskip("tifffile")

GRADIENT = np.arange(48 * 32, dtype=np.uint32).reshape(48, 32)


def names_of(source):
    return [source.name_of(index) for index in range(source.size)]


def class_folders(root, *names):
    for name in names:
        (root / name).mkdir(parents=True)
    return root


def _sixteen_bits(path):
    Image.fromarray((GRADIENT * 42).astype(np.uint16)).save(path.with_suffix(".png"))


def _turned(path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray((GRADIENT // 6).astype(np.uint8)).convert("RGB").save(path.with_suffix(".jpg"), exif=exif)


def _transparent(path):
    pixels = np.zeros((48, 32, 4), np.uint8)
    pixels[:24, :, 3] = 255
    Image.fromarray(pixels).save(path.with_suffix(".png"))


def _palette(path):
    image = Image.fromarray((GRADIENT // 6).astype(np.uint8)).convert("P")
    image.save(path.with_suffix(".gif"), transparency=3)


def _cmyk(path):
    Image.fromarray((GRADIENT // 6).astype(np.uint8)).convert("CMYK").save(path.with_suffix(".tif"))


@pytest.mark.parametrize("write", [_sixteen_bits, _turned, _transparent, _palette, _cmyk])
def test_training_reads_an_image_as_render_does(tmp_path, write):
    for split in ("train", "val"):
        write(class_folders(tmp_path / split, "a") / "a" / "x")
    path = next((tmp_path / "val" / "a").iterdir())
    data = DataConfig(root=str(tmp_path))
    for source in (open_validation(data), open_training(data, epochs=1, seed=0)):
        image, label = source.read(0)
        assert label == 0
        assert np.array_equal(np.asarray(image), open_image(path))


def test_an_image_in_a_tar_file_is_read_the_same(tmp_path):
    _sixteen_bits(tmp_path / "x")
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(tmp_path / "x.png", "a/x.png")
    image, _ = open_validation(DataConfig(root=str(tmp_path / "all.tar"), name="tar")).read(0)
    assert np.array_equal(np.asarray(image), open_image(tmp_path / "x.png"))


def test_a_data_set_of_pil_images_is_read_the_same():
    class Gray16:
        def __getitem__(self, index):
            return Image.fromarray((GRADIENT * 42).astype(np.uint16)), index

    image, label = Source(Gray16(), 3).read(2)
    pixels = np.asarray(image)
    assert label == 2
    assert pixels.shape == (48, 32, 3)
    assert (pixels.min(), pixels.max()) == (0, 251)  # 1535 * 42 / 257


def test_hidden_folders_and_files_are_no_classes_and_no_images(photos, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    image = next(root.glob("train/red/*.png"))
    for folder in (root / ".ipynb_checkpoints", root / "train" / ".ipynb_checkpoints", root / "train/red/.thumbs"):
        folder.mkdir()
        shutil.copy(image, folder)
    shutil.copy(image, image.with_name("._5.png"))
    source = open_training(DataConfig(root=str(root)), epochs=1, seed=0)
    assert source.labels == ("blue", "green", "red")
    assert source.size == 24
    assert not [name for name in names_of(source) if "/." in name]


def test_every_kind_of_image_is_taken_and_others_are_counted(photos, tmp_path):
    root = tmp_path / "flat"
    shutil.copytree(photos / "train", root)
    for number, suffix in enumerate((".tif", ".webp", ".bmp", ".JPEG")):
        Image.new("RGB", (8, 8)).save(root / "red" / f"x{number}{suffix}")
    (root / "red" / "notes.txt").write_text("x")
    (root / "blue" / "raw.cr2").write_text("x")
    (root / "blue" / "more.cr2").write_text("x")
    Image.new("RGB", (8, 8)).save(root / "of_no_class.png")
    data = DataConfig(root=str(root))
    source = open_held_out(data)
    assert source.size + open_training(data, epochs=1, seed=0).size == 28
    assert "4 files are left out (2 .cr2, 1 in no class folder, 1 .txt)" in source.note
    assert "are held out" in source.note


def test_links_are_followed_and_loops_end(photos, tmp_path):
    root = class_folders(tmp_path / "root", "red")
    (root / "blue").symlink_to(photos / "train" / "blue")
    shutil.copy(next(photos.glob("train/red/*.png")), root / "red")
    (root / "red" / "again").symlink_to(root)
    folder = ImageFolder(root)
    assert list(folder.class_to_idx) == ["blue", "red"]
    assert len(folder) == 9


def test_the_order_is_natural_and_that_of_timm(tmp_path):
    from timm.data.readers.reader_image_folder import ReaderImageFolder

    root = class_folders(tmp_path, "10", "9", "B", "a", "a/deep")
    for folder in ("10", "9", "B", "a/deep"):
        for name in ("img10.png", "img9.png", "Z.png"):
            Image.new("RGB", (4, 4)).save(root / folder / name)
    mine, theirs = ImageFolder(root), ReaderImageFolder(str(root))
    assert mine.samples == theirs.samples
    assert mine.class_to_idx == theirs.class_to_idx
    assert [mine.filename(index) for index in range(3)] == ["9/img9.png", "9/img10.png", "9/Z.png"]


def test_numbers_of_other_scripts_in_names_are_no_crash(tmp_path):
    root = class_folders(tmp_path, "x²", "١٢")
    for name in ("x²", "١٢"):
        Image.new("RGB", (4, 4)).save(root / name / "½ ³.png")
    assert set(ImageFolder(root).class_to_idx) == {"x²", "١٢"}


def test_a_class_map_names_numbers_and_leaves_out_others(photos, tmp_path):
    (tmp_path / "classes.txt").write_text("red\nblue\n")
    data = DataConfig(root=str(photos), class_map=str(tmp_path / "classes.txt"))
    source = open_validation(data)
    assert source.labels == ("red", "blue")
    assert source.size == 8
    for bad, words in ((tmp_path / "none.txt", "class_map"), (photos, "class_map")):
        with pytest.raises(DataError, match=words):
            open_validation(DataConfig(root=str(photos), class_map=str(bad)))


def test_a_split_has_the_names_that_mean_the_same(tmp_path):
    class_folders(tmp_path, "training", "valid")
    (tmp_path / "test").write_text("a file")
    assert split_folder(tmp_path, "train").name == "training"
    assert split_folder(tmp_path, "validation").name == "valid"
    assert split_folder(tmp_path, "test") == tmp_path


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (DataConfig(), "no images are named"),
        (DataConfig(root=""), "no images are named"),
        (DataConfig(root="~nobody_of_that_name/x"), "nobody_of_that_name"),
        (DataConfig(name="scene", root="."), "no such data; .* scenes, hfds/NAME"),
        (DataConfig(name="torch/nonsense", root="."), "cannot be opened"),
        (DataConfig(name="scenes", val_split="nonsense"), "scenes, nonsense"),
    ],
)
def test_data_that_is_not_there_is_said(data, words):
    with pytest.raises(DataError, match=words):
        open_validation(data)


def test_a_smaller_size_has_its_share_of_every_class(photos):
    data = DataConfig(root=str(photos), train_size=6, val_size=3, val_fraction=0.5)
    for source, share in ((open_training(data, epochs=1, seed=0), 2), (open_validation(data), 1)):
        labels = [source.read(index)[1] for index in range(source.size)]
        assert labels == [label for label in range(3) for _ in range(share)]
        assert len(set(names_of(source))) == source.size
    flat = DataConfig(root=str(photos / "train"), train_size=6, val_size=3)
    parts = open_training(flat, epochs=1, seed=0), open_held_out(flat)
    assert [part.size for part in parts] == [6, 3]
    assert [{part.read(i)[1] for i in range(part.size)} for part in parts] == [{0, 1, 2}] * 2
    assert not set(names_of(parts[0])) & set(names_of(parts[1]))
    assert open_validation(DataConfig(root=str(photos), val_size=99)).size == 12


def test_an_image_too_elongated_to_crop_gives_way_like_a_damaged_one(photos, tmp_path):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    Image.new("RGB", (1, 6000)).save(root / "val" / "blue" / "0.png")
    sample = Samples(open_validation(DataConfig(root=str(root))), np.asarray, 0)
    sample.transform = lambda image: np.asarray(image).transpose(2, 0, 1)
    pixels, label, place, corrupt = sample[0, 0, 0]
    assert (pixels.shape, label, place) == ((3, 40, 40), 0, 1)
    assert corrupt == ["blue/0.png: the image is 1 x 6000, too elongated to crop; cut it, or remove it"]
    with pytest.raises(ImageError, match="6000 x 1"):
        upright_rgb(Image.new("L", (6000, 1)))


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) (w) file\n%%EOF\n"


@pytest.fixture
def ghostscript(tmp_path, monkeypatch):
    """A program of that name that leaves a file when it is started, found by Pillow."""
    from PIL import EpsImagePlugin

    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("gs", "gswin32c", "gswin64c"):
        (folder / name).write_text(f'#!/bin/sh\ntouch "{tmp_path}/started"\n')
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    monkeypatch.setattr(EpsImagePlugin, "gs_binary", None)
    with Image.open(io.BytesIO(EPS)) as image, pytest.raises(OSError):
        image.load()
    assert (tmp_path / "started").exists()
    (tmp_path / "started").unlink()
    return tmp_path / "started"


def test_a_postscript_file_named_as_an_image_starts_no_program(photos, tmp_path, ghostscript):
    root = tmp_path / "photos"
    shutil.copytree(photos, root)
    (root / "val" / "blue" / "0.png").write_bytes(EPS)
    with pytest.raises(ImageError, match="no image of a known format"):
        open_validation(DataConfig(root=str(root))).read(0)
    with tarfile.open(tmp_path / "all.tar", "w") as tar:
        tar.add(root / "val" / "blue" / "0.png", "a/0.png")
    with pytest.raises(ImageError):
        open_validation(DataConfig(root=str(tmp_path / "all.tar"), name="tar")).read(0)

    class OfFiles:
        def __getitem__(self, index):
            return Image.open(io.BytesIO(EPS)), 0

    with pytest.raises(OSError, match="Ghostscript"):
        Source(OfFiles(), 1).read(0)
    assert not ghostscript.exists()


def _stack(path, rng):
    tifffile.imwrite(path, rng.integers(0, 65536, (5, 40, 30), np.uint16), photometric="minisblack")


def _four_bands(path, rng):
    tifffile.imwrite(path, rng.integers(0, 256, (40, 30, 4), np.uint8), photometric="rgb", extrasamples=["unspecified"])


def _six_bands_of_sixteen_bits(path, rng):
    values = rng.integers(0, 65536, (40, 30, 6), np.uint16)
    tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")


def _twelve_bits_in_four_bands(path, rng):
    values = rng.integers(0, 4096, (40, 30, 4), np.uint16)
    said = [(281, "H", 4, (4095,) * 4, True)]
    tifffile.imwrite(path, values, photometric="rgb", extrasamples=["unspecified"], extratags=said)


def _gray_of_sixteen_bits(path, rng):
    tifffile.imwrite(path, rng.integers(0, 65536, (40, 30), np.uint16), photometric="minisblack")


BANDS = {
    _stack: 5,
    _four_bands: 4,
    _six_bands_of_sixteen_bits: 6,
    _twelve_bits_in_four_bands: 4,
    _gray_of_sixteen_bits: 1,
}


@pytest.mark.filterwarnings("ignore::vizgraph.data.images.ImageWarning")
@pytest.mark.parametrize(("write", "channels"), BANDS.items())
def test_training_gives_a_network_of_n_channels_what_render_does(tmp_path, write, channels):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        folder = class_folders(tmp_path / split, "a") / "a"
        for number in range(2):
            write(folder / f"{number}.tif", rng)
    model = timm.create_model("gcn_demo", in_chans=channels, img_size=32, num_classes=2)
    model.pretrained_cfg = {**dict(model.pretrained_cfg), "input_size": (3, 32, 32)}
    preprocessing = Preprocessing.of(model)  # of so many channels, though timm leaves its configuration as it was
    source = open_validation(DataConfig(root=str(tmp_path))).read_for(preprocessing)
    samples = Samples(source, preprocessing.evaluation_transform(), 0)
    normalize = Normalize(preprocessing, torch.device("cpu"))
    for index in range(2):
        rendered = load_image(tmp_path / "val" / "a" / f"{index}.tif", model, fit="crop")
        trained = normalize(torch.as_tensor(samples[0, index, 0][0])[None])
        assert rendered.pixels.shape == (1, channels, 32, 32)
        torch.testing.assert_close(trained, rendered.pixels)


def test_bands_that_a_network_names_are_those_trained_on(tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        _four_bands(class_folders(tmp_path / split, "a") / "a" / "x.tif", rng)
    path = tmp_path / "val" / "a" / "x.tif"
    whole = read_image(path)
    names = (whole.bands[3], whole.bands[0], whole.bands[1])
    preprocessing = replace(Preprocessing.of(timm.create_model("gcn_demo")), bands=names)
    image, _ = open_validation(DataConfig(root=str(tmp_path))).read_for(preprocessing).read(0)
    assert np.array_equal(np.asarray(image), whole.values[..., [3, 0, 1]])


def test_all_bands_are_cut_and_turned_alike():
    augment = AugmentConfig(scale=[0.2, 0.9], hflip=0.5, vflip=0.5)
    network = timm.create_model("gcn_demo", in_chans=5)
    transform = training_transform(replace(Preprocessing.of(network), input_size=(5, 24, 24)), augment)
    one = np.random.default_rng(0).integers(0, 256, (40, 30, 1), np.uint8)
    seen = [transform(np.repeat(one, 5, axis=2)) for _ in range(4)]
    for pixels in seen:
        assert pixels.shape == (5, 24, 24)
        assert (pixels == pixels[:1]).all()
    assert not np.array_equal(seen[0], seen[1])
    with pytest.raises(ConfigError, match="works on colors, and the network takes 5 channels"):
        training_transform(Preprocessing.of(network), AugmentConfig(auto_augment="rand-m9"))


def test_an_image_of_other_bands_than_the_network_takes_is_named(tmp_path):
    for split in ("train", "val"):
        Image.new("RGB", (8, 8)).save(class_folders(tmp_path / split, "a") / "a" / "x.png")
    preprocessing = Preprocessing.of(timm.create_model("gcn_demo", in_chans=4))
    source = open_validation(DataConfig(root=str(tmp_path))).read_for(preprocessing)
    with pytest.raises(ImageError, match=r"3 bands .* takes 4 channels"):
        source.read(0)

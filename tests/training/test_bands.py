"""A network of other than three channels, trained and then loaded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import vizgraph
from vizgraph.training.samples import Samples

tifffile = pytest.importorskip("tifffile")


@pytest.mark.filterwarnings("ignore::vizgraph.data.images.ImageWarning")
def test_a_network_of_four_bands_is_trained_and_rendered_on_the_same_pixels(tiny, start, tmp_path):
    rng = np.random.default_rng(0)
    for folder in (tmp_path / split / name for split in ("train", "val") for name in ("a", "b")):
        folder.mkdir(parents=True)
        for number in range(4):
            values = rng.integers(0, 65536, (40, 30, 4), np.uint16)
            tifffile.imwrite(folder / f"{number}.tif", values, photometric="rgb", extrasamples=["unspecified"])
    overrides = (f"data.root={tmp_path}", "model.kwargs={k: 1, img_size: 32, in_chans: 4}", "schedule.epochs=1")
    training = start(tiny(*overrides), tmp_path / "run")
    training.run()
    model = vizgraph.load_model("gcn_demo", tmp_path / "run" / "last.pth.tar", device="cpu")
    samples = training.validation_loader.dataset
    assert isinstance(samples, Samples)
    for index in (0, 5):
        path = tmp_path / "val" / samples.source.name_of(index)
        rendered = vizgraph.load_image(path, model, fit="crop").pixels
        assert rendered.shape == (1, 4, 32, 32)
        pixels = torch.as_tensor(samples[0, index, 0][0])[None]
        torch.testing.assert_close(training.normalize(pixels), rendered)
        assert model(rendered).shape == (1, 2)

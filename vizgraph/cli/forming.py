"""Watch the graph form: a few fixed images explained every N epochs of a run, and a strip and animation of them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PANEL_INCHES = 2.0
PANEL_DPI = 160


class Forming:
    """A watcher for `vizgraph.training.loop.Training`.

    Writes `epoch_0010/image_1.png` (all kinds of picture, three layers) and, redrawn each time, `image_1_strip.png` and
    `image_1.gif`: the last layer's graph, epoch by epoch.

    Args:
        folder: where to.
        every: epochs between.
        count: how many validation images, spread over the split.
    """

    def __init__(self, folder: Path, every: int, count: int) -> None:
        self.folder, self.every, self.count = folder, every, count
        self._samples: list[tuple[Any, int]] | None = None

    def __call__(self, training: Any, epoch: int) -> None:
        if epoch % self.every and epoch != training.epochs:
            return
        import numpy as np
        import torch

        import viz_nodes

        if self._samples is None:
            self._samples = self._fixed(training)
        labels = training.labels
        network = training.finished
        modes = [(module, module.training) for module in network.modules()]
        network.eval()
        try:
            for number, (pixels, label) in enumerate(self._samples, start=1):
                image = np.ascontiguousarray(pixels.transpose(1, 2, 0))
                explained = viz_nodes.explain(network, training.normalize(torch.as_tensor(pixels)[None]), labels=labels)
                truth = labels[label] if labels else f"class {label}"
                self._draw(explained, image, number, epoch, truth)
                self._join(number)
        finally:
            for module, mode in modes:
                module.training = mode

    def _fixed(self, training: Any) -> list[tuple[Any, int]]:
        import numpy as np

        loader = training.validation_loader
        size = training.validation_source.size
        if training.validation_source.stream:
            batch = next(iter(loader))
            return [(batch.pixels[i].numpy(), int(batch.labels[i])) for i in range(min(self.count, len(batch.labels)))]
        places = np.linspace(0, size - 1, min(self.count, size)).round().astype(int).tolist()
        return [loader.dataset[0, place, 0][:2] for place in places]

    def _draw(self, explained: Any, image: Any, number: int, epoch: int, truth: str) -> None:
        from matplotlib.figure import Figure

        import viz_nodes

        target = self.folder / f"epoch_{epoch:04d}"
        target.mkdir(parents=True, exist_ok=True)
        viz_nodes.figure(explained, image).savefig(target / f"image_{number}.png", dpi=150)
        panels = self.folder / "panels"
        panels.mkdir(exist_ok=True)
        panel = Figure(figsize=(PANEL_INCHES, PANEL_INCHES * 1.14))
        axes = panel.add_axes((0.01, 0.01, 0.98, 0.98 / 1.14))
        viz_nodes.draw_graph(axes, explained, -1, image)
        odds, answer = explained.probabilities[0].max(0)
        right = explained.label(int(answer)) == truth
        panel.text(0.02, 0.985, f"epoch {epoch}", va="top", fontsize=7)
        panel.text(
            0.98,
            0.985,
            f"{explained.label(int(answer))} {100 * float(odds):.0f} %",
            va="top",
            ha="right",
            fontsize=7,
            color="black" if right else "#b2182b",
            parse_math=False,
        )
        panel.savefig(panels / f"image_{number}_epoch_{epoch:04d}.png", dpi=PANEL_DPI)

    def _join(self, number: int) -> None:
        """The strip and the animation of an image, from all panels there are, those of before a resume too."""
        from PIL import Image

        found = sorted((self.folder / "panels").glob(f"image_{number}_epoch_*.png"))
        found = [path for path in found if re.fullmatch(rf"image_{number}_epoch_\d+\.png", path.name)]
        panels = [Image.open(path).convert("RGB") for path in found]
        # A strip stays readable up to a dozen panels; the animation has them all.
        step = max(1, -(-len(panels) // 12))
        chosen = panels[::-1][::step][::-1]
        width, height = chosen[0].size
        strip = Image.new("RGB", (width * len(chosen), height), "white")
        for place, panel in enumerate(chosen):
            strip.paste(panel, (place * width, 0))
        strip.save(self.folder / f"image_{number}_strip.png")
        panels[0].save(
            self.folder / f"image_{number}.gif",
            save_all=True,
            append_images=panels[1:],
            loop=0,
            duration=[600] * (len(panels) - 1) + [2400],
        )

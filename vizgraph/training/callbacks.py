"""What may listen to a run, and one that does: a few fixed images explained every N epochs, the graph as it forms."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from vizgraph.data.images import as_seen

if TYPE_CHECKING:
    from vizgraph.training.loop import Training

PANEL_INCHES = 2.0
PANEL_DPI = 160
_MOST_IN_A_STRIP = 12


class Callback:
    """Listens to a run; derive from it what is of interest."""

    def on_update(self, training: Training) -> None:
        """After each update, on every rank; `training.progress` counts it already.

        What this draws from the generators is missed by the run.
        """

    def on_epoch(self, training: Training, epoch: int) -> None:
        """After each epoch, counted from 1, and with 0 before the first; on the main rank alone.

        What this draws from the generators is not missed by the run.
        """


class Callbacks(Callback):
    """Several as one, in their order."""

    def __init__(self, callbacks: Iterable[Callback]) -> None:
        self.all = tuple(callbacks)

    def on_update(self, training: Training) -> None:
        for callback in self.all:
            callback.on_update(training)

    def on_epoch(self, training: Training, epoch: int) -> None:
        for callback in self.all:
            callback.on_epoch(training, epoch)


class ExplainImages(Callback):
    """Explains the same validation images again and again.

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

    def on_epoch(self, training: Training, epoch: int) -> None:
        """Explain, draw and join where it is time."""
        if epoch % self.every and epoch != training.epochs:
            return
        import viz_nodes

        if self._samples is None:
            self._samples = self._fixed(training)
        labels, network = training.labels, training.state.finished
        modes = [(module, module.training) for module in network.modules()]
        network.eval()
        try:
            for number, (pixels, label) in enumerate(self._samples, start=1):
                image = as_seen(np.ascontiguousarray(pixels.transpose(1, 2, 0)))
                explained = viz_nodes.explain(network, training.normalize(torch.as_tensor(pixels)[None]), labels=labels)
                truth = labels[label] if labels else f"class {label}"
                self._draw(explained, image, number, epoch, truth)
                self._join(number)
        finally:
            for module, mode in modes:
                module.training = mode

    def _fixed(self, training: Training) -> list[tuple[Any, int]]:
        loader, source = training.validation_loader, training.validation_source
        if source.stream:
            batch = next(iter(loader))
            return [(batch.pixels[i].numpy(), int(batch.labels[i])) for i in range(min(self.count, len(batch.labels)))]
        places = np.linspace(0, source.size - 1, min(self.count, source.size)).round().astype(int).tolist()
        return [loader.dataset[0, place, 0][:2] for place in places]

    def _draw(self, explained: Any, image: Any, number: int, epoch: int, truth: str) -> None:
        from matplotlib.figure import Figure

        import viz_nodes
        from viz_nodes.draw.artists.text import without_latex

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
        without_latex(panel).savefig(panels / f"image_{number}_epoch_{epoch:04d}.png", dpi=PANEL_DPI)

    def _join(self, number: int) -> None:
        """The strip and the animation of an image, from all panels there are, those of before a resume too."""
        from PIL import Image

        paths = sorted((self.folder / "panels").glob(f"image_{number}_epoch_*.png"))
        paths = [path for path in paths if re.fullmatch(rf"image_{number}_epoch_\d+\.png", path.name)]
        panels = [Image.open(path).convert("RGB") for path in paths]
        # A strip stays readable up to a dozen panels; the animation has them all.
        step = max(1, -(-len(panels) // _MOST_IN_A_STRIP))
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

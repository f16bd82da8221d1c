"""Make the gallery: every picture here, by exactly the command that stands under it in README.md.

Run from the top of a checkout: `python viz_output/gallery/make_gallery.py`. It needs the bundled checkpoint only.
"""

from __future__ import annotations

import shlex
import shutil
import tempfile
import textwrap
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
DPI = 120
MOST_BYTES = 8_000_000

START = """\
import vizgraph, viz_nodes
from viz_nodes.draw import compare, depths, figure, networks, overview, panel, save_figure

model = vizgraph.load_model("gcn_demo", "demo")
sample = vizgraph.load_image("vizgraph/assets/samples/coffee_5.png", model)
exp = viz_nodes.explain(model, sample.pixels)
names = ("coffee_5", "cat_6", "palace_2")
samples = [vizgraph.load_image(f"vizgraph/assets/samples/{name}.png", model) for name in names]
exps = [viz_nodes.explain(model, each.pixels) for each in samples]
"""


@dataclass(frozen=True)
class Picture:
    """A picture of the gallery.

    Attributes:
        name: of its file, without ending.
        title: its heading.
        words: what to see in it.
        command: a `vizgraph` command line, or Python that leaves a figure in `fig`.
        made: the file that a command line writes, relative to its --out.
    """

    name: str
    title: str
    words: str
    command: str
    made: str = ""


PICTURES = (
    Picture(
        "figure",
        "The figure",
        "A column a layer: where the network looked (CAM), the patch it looked at most with its neighbors, "
        "the graph of their edges, and close-ups where patches stand too close to see them.",
        f"vizgraph render --ckpt demo --img vizgraph/assets/samples/coffee_5.png --dpi {DPI}",
        "gcn_demo/coffee_5/figure.png",
    ),
    Picture(
        "graph",
        "One graph, as large as a column",
        "Every edge runs from a neighbor, where it is wide, to the center. Width and color are its contribution to the "
        "class's score; those against the class are broken and their dots hollow, so that gray print keeps the sign. "
        "The ring is what the center takes from itself.",
        'fig = panel("graph", exp, -1, sample)',
    ),
    Picture(
        "neighbors",
        "The patch and its neighbors",
        "The patches at their true size, numbered as the key says; the rest is dimmed.",
        'fig = panel("neighbors", exp, -1, sample)',
    ),
    Picture(
        "cam",
        "Where the layer looked",
        "A perceptually uniform palette with raw values at the bar; opacity falls with the value.",
        'fig = panel("cam", exp, -1, sample)',
    ),
    Picture(
        "cam_release",
        "The same in the colors of the GraphConvNet release",
        "Jet, everywhere as opaque.",
        'fig = panel("cam", exp, -1, sample, palette="release", alpha=0.5, fade=False)',
    ),
    Picture(
        "contribution",
        "What is passed along the edges",
        "By share of channels: how much of what the center takes comes from each neighbor.",
        'fig = panel("graph", exp, -1, sample, k="all", order="share")',
    ),
    Picture(
        "hops",
        "Two hops",
        "The neighbors' own neighbors, one layer earlier, lighter: the heaviest eighteen of them.",
        'fig = panel("graph", exp, -1, sample, hops=2)',
    ),
    Picture(
        "centers",
        "Several centers",
        "Each in a color of its own, given by row and column; broken edges are against the class.",
        'fig = panel("graph", exp, -1, sample, center=[(2, 3), (7, 7), (11, 11)], k=6)',
    ),
    Picture(
        "contours",
        "For gray print",
        "Lines of equal value, which gray keeps, and colors that grow dark where the value grows.",
        'fig = panel("cam", exp, -1, sample, contours=True, palette="print")',
    ),
    Picture(
        "edges",
        "The strongest edges all over the picture",
        "Of the two percent of the layer's edges with the largest contributions those that can be told apart at this "
        "size, bundled where they run alike: orange for the class, blue and broken against it.",
        'fig = panel("edges", exp, -1, sample)',
    ),
    Picture(
        "regions",
        "Superpixels in place of patches",
        "Where nodes are no grid, each is drawn as the region that it is. (Made-up edges between real superpixels: no "
        "network of this kind is bundled.)",
        """\
import numpy as np
import torch
from dataclasses import replace
from viz_nodes.places import LabelMap

# Superpixels of 7 x 7 seeds: every pixel goes to the seed nearest in color and place.
ys, xs = np.mgrid[0:224, 0:224]
seeds = [(y, x) for y in range(16, 224, 32) for x in range(16, 224, 32)]
features = np.dstack([sample.image / 255.0 * 2.0, ys / 32, xs / 32])
away = np.stack([((features - features[seed]) ** 2).sum(-1) for seed in seeds])
places = LabelMap(away.argmin(0))
count = places.num_nodes
middle = torch.from_numpy(places.centers())
nearest = torch.cdist(middle, middle).argsort(1)[None, :, :8]
share = torch.softmax(torch.linspace(2, 0, 8), 0).expand(1, count, 8)
heat = torch.exp(-((middle - torch.tensor([110.0, 120.0])) ** 2).sum(1) / 3000).float().view(1, 1, count)
part = replace(
    exp.layer(-1),
    grid=(1, count),
    key_grid=(1, count),
    cam=heat,
    peak=heat.flatten(1).argmax(1),
    neighbors=nearest,
    share=share,
    contribution=share,
    distance=None,
    margin=None,
    skipped=None,
    rejected=None,
    rejected_distance=None,
    dilation=None,
    places=places,
    placed=None,
)
made_up = replace(exp, layers=(part,), model="made-up edges", extras={})
fig = figure(made_up, sample, kinds=["cam", "neighbors", "graph"], order="share")""",
    ),
    Picture(
        "hyperedges",
        "Hyperedges",
        "Where a layer's nodes aggregate from groups of nodes, those of the center are drawn as the sets they are. "
        "(A small network made here, untrained: its groups mean nothing.)",
        """\
from dataclasses import replace

import torch
from torch import nn


class Hypergraph(nn.Module):
    \"""Each patch joins the groups of the two centers that it is most like, and hears the groups it is in.\"""

    def __init__(self, width=48, groups=8):
        super().__init__()
        self.stem, self.out = nn.Conv2d(3, width, 16, stride=16), nn.Linear(width, width)
        self.centers, self.head = nn.Parameter(torch.randn(groups, width)), nn.Linear(width, 10)

    def forward(self, x):
        nodes = self.stem(x).flatten(2).mT
        near = torch.cdist(nodes, self.centers[None].expand(len(x), -1, -1)).topk(2, largest=False).indices
        inside = torch.zeros(*nodes.shape[:2], len(self.centers)).scatter(2, near, 1.0)
        groups = (inside / inside.sum(1, keepdim=True).clamp(min=1)).mT @ nodes
        heard = inside / inside.sum(2, keepdim=True) @ self.out(groups).relu()
        return self.head((nodes + heard).mean(1))


torch.manual_seed(0)
grouped = viz_nodes.explain(Hypergraph().eval(), sample.pixels)
grouped = replace(grouped, model="small hypergraph, untrained")
fig = figure(grouped, sample, kinds=["hyperedges"])""",
    ),
    Picture(
        "images",
        "A row an image",
        "The photograph, and what the last layer made of it.",
        'fig = overview(exps, samples, kinds=["photograph", "cam", "graph"])',
    ),
    Picture(
        "networks",
        "Two networks over several images",
        "Every map on a scale of its own: raw values of two networks cannot be compared.",
        """\
vig = vizgraph.load_model("vig_demo", "demo")
fig = networks({"gcn_demo": exps, "vig_demo": [viz_nodes.explain(vig, each.pixels) for each in samples]}, samples)""",
    ),
    Picture(
        "depths",
        "Two centers at an early and a late layer",
        "Early neighbors look alike, late ones belong together. The close-ups have the color of their center.",
        "fig = depths(exps[:2], samples[:2], center=[(0.4, 0.45), (0.8, 0.7)])",
    ),
    Picture(
        "layers",
        "All layers",
        "In as many rows as the width asks for, no higher than a page.",
        'fig = figure(exp, sample, layers="all", width="page")',
    ),
    Picture(
        "slide",
        "A slide",
        "Letters of a size that is read from the last row.",
        'fig = figure(exp, sample, layers=[3, 5], kinds=["cam", "graph"], width="slide", theme="dark")',
    ),
    Picture(
        "one_layer",
        "One layer",
        "Kinds of picture side by side, the close-up at the right.",
        "fig = figure(exp, sample, layers=[5])",
    ),
    Picture(
        "slide_of_one",
        "One layer on a slide",
        "Panels are as large as the slide has room for.",
        'fig = figure(exp, sample, layers=[5], width="slide")',
    ),
    Picture(
        "dark",
        "Dark",
        "For slides and screens.",
        'fig = figure(exp, sample, layers=[3, 5], kinds=["cam", "graph"], theme="dark")',
    ),
    Picture(
        "classes",
        "One row a class",
        "The three most probable classes, explained in one call, on one scale a layer.",
        """\
top = viz_nodes.explain(model, sample.pixels, target="top3")
fig = figure(top, sample, rows=[0, 1, 2], kinds=["cam"], normalize="layer")""",
    ),
    Picture(
        "compare_methods",
        "Two methods side by side",
        "Neighbors of the same place in both columns. Raw values of two methods cannot be compared, so each map has "
        "its own scale, and the difference says so.",
        f"vizgraph compare --ckpt demo --method gradcam --method layercam --layers 6 --width column "
        f"--img vizgraph/assets/samples/palace_2.png --dpi {DPI}",
        "compare/palace_2/compare.png",
    ),
    Picture(
        "compare_models",
        "Two networks side by side",
        "A GraphConvNet and a ViG of the same size, both trained on the bundled scenes. Left and middle: each "
        "network's map on its own scale, and its neighbors of the same place, the peak of the first. Right: the "
        "difference of the maps, and gray the edges that both have.",
        f"vizgraph compare --arch gcn_demo --arch vig_demo --layers 6 "
        f"--img vizgraph/assets/samples/palace_9.png --dpi {DPI}",
        "compare/palace_9/compare.png",
    ),
    Picture(
        "photograph",
        "A natural photograph in its own aspect",
        "The whole photograph, with the patches where they lie on it. (An untrained network: the place means nothing, "
        "and the figure says so. Photograph: danielbuechele, CC BY 2.0, from scikit-learn.)",
        """\
from sklearn.datasets import load_sample_image

untrained = vizgraph.load_model("vig_ti", "random")
china = vizgraph.load_image(load_sample_image("china.jpg"), untrained)
fig = figure(viz_nodes.explain(untrained, china.pixels), china, layers=[3, 11], kinds=["cam", "graph"])""",
    ),
    Picture(
        "natural",
        "Natural photographs, a row each",
        "Two centers of one's own choice at an early and a late layer. (An untrained network again, and called so. "
        "Photographs from scikit-image: Chelsea the cat by Stefan van der Walt, coffee by Rachel Michetti, both CC0.)",
        """\
from skimage import data

natural = [vizgraph.load_image(picture, untrained) for picture in (data.chelsea(), data.coffee())]
seen = [viz_nodes.explain(untrained, each.pixels, layers=[0, 11]) for each in natural]
fig = depths(seen, natural, center=[(0.35, 0.45), (0.65, 0.6)], width="page")""",
    ),
    Picture(
        "pyramid",
        "A pyramid",
        "3,136 nodes choose among 196 pooled key nodes, drawn at their true size. (An untrained Pyramid ViG: the place "
        "means nothing.)",
        """\
pyramid = vizgraph.load_model("pvig_ti", "random")
seen = vizgraph.load_image("vizgraph/assets/samples/coffee_5.png", pyramid)
fig = panel("graph", viz_nodes.explain(pyramid, seen.pixels, layers=[0]), 0, seen, center=(30, 20))""",
    ),
)


def main() -> None:
    """Make every picture, and README.md with the command under each."""
    import os

    os.chdir(CHECKOUT)
    names: dict = {}
    exec(START, names)  # the code shown is the code run
    for picture in PICTURES:
        target = HERE / f"{picture.name}.png"
        if picture.made:
            _run(picture, target)
        else:
            exec(picture.command, names)
            names["save_figure"](names["fig"], target, dpi=DPI)
        print(f"{target.name}: {target.stat().st_size / 1000:.0f} kB")
    (HERE / "README.md").write_text(_readme(), "utf-8")
    total = sum(path.stat().st_size for path in HERE.glob("*.png"))
    print(f"{len(PICTURES)} pictures, {total / 1e6:.2f} MB")
    if total > MOST_BYTES:
        raise SystemExit(f"the gallery must stay below {MOST_BYTES / 1e6:.0f} MB")


def _run(picture: Picture, target: Path) -> None:
    """Run a command line into a folder that is thrown away, and keep its picture."""
    from vizgraph.cli.main import main as vizgraph

    with tempfile.TemporaryDirectory() as folder:
        words = [*shlex.split(picture.command)[1:], "--out", folder]
        vizgraph(words, standalone_mode=False)
        shutil.copyfile(Path(folder) / picture.made, target)


def _readme() -> str:
    parts = [
        "# Gallery",
        "Made by `python viz_output/gallery/make_gallery.py`, with the bundled network and images. "
        "Each command here is the one that made the picture above it (with `--dpi 120` or `dpi=120`, to be small). "
        "The Python ones go on from:",
        f"```python\n{START}```",
        'and end with `save_figure(fig, "name.png", dpi=120)`, or `.pdf`, or `.svg`. What the marks mean: '
        "[docs/figures.md](../../docs/figures.md).",
    ]
    for picture in PICTURES:
        if picture.made:
            code = f"```sh\n{picture.command}\n```"
        else:
            code = f"```python\n{textwrap.dedent(picture.command)}\n```"
        parts += [f"## {picture.title}", f"![{picture.title}]({picture.name}.png)", picture.words, code]
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    main()

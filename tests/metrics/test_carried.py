"""What drawn edges carry is what cutting them together does; captions say it of these alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import viz_nodes
from builders.networks import seeded_net, seeded_pixels
from viz_nodes.batch.carry import with_carried
from viz_nodes.batch.options import RenderOptions
from viz_nodes.draw import figure, latex_of, panel


def cut_together(net, pixels, exp, layer, edges):
    with torch.no_grad():
        with viz_nodes.edit_edges(net, frozen=exp):
            before = float(net(pixels)[0, exp.target[0]])
        with viz_nodes.edit_edges(net, cut={layer: edges}, frozen=exp):
            return float(net(pixels)[0, exp.target[0]]) - before


def test_edges_are_cut_together_and_beside_them_as_many_at_random():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    layer = exp.layer(1)
    edges = torch.zeros(24, 4, dtype=torch.bool)
    edges[5] = edges[11] = True
    told = viz_nodes.carried(net, pixels, exp, 1, edges, draws=40, seed=3)
    assert told.count == 8
    assert told.effect == pytest.approx(cut_together(net, pixels, exp, 1, edges), abs=1e-12)
    assert told.score == float(exp.logits[0, exp.target[0]])
    # The random sets by hand: of all edges but those of nodes to themselves, each in a forward of the whole network.
    pool = (layer.neighbors[0] != torch.arange(24)[:, None]).flatten().nonzero().flatten()
    assert len(pool) == 72
    generator = torch.Generator().manual_seed(3)
    changes = []
    for _ in range(40):
        mask = torch.zeros(96, dtype=torch.bool)
        mask[pool[torch.randperm(72, generator=generator)[:8]]] = True
        changes.append(cut_together(net, pixels, exp, 1, mask.view(24, 4)))
    assert told.random == pytest.approx(np.mean(changes), abs=1e-12)
    assert (told.low, told.high) == pytest.approx(tuple(np.quantile(changes, (0.025, 0.975))), abs=1e-12)
    assert told == viz_nodes.carried(net, pixels, exp, 1, edges, draws=40, seed=3, batch=7)
    for wrong, words in (
        (edges[:3], "bool"),
        (torch.zeros_like(edges), "name 1 to 72"),
        (~torch.zeros_like(edges), "72"),
    ):
        with pytest.raises(ValueError, match=words):
            viz_nodes.carried(net, pixels, exp, 1, wrong)


def test_captions_say_it_of_the_edges_that_were_measured_and_of_no_others():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels, labels=["a", "b", "c", "d", "e"])
    options = RenderOptions(layers=(0, 2), carry=True, kinds=("graph", "edges"), k=2, part=10.0, centers=((0.4, 0.4),))
    told = with_carried(net, pixels, exp, options)
    assert [(each["layer"], each["kind"]) for each in told.extras["carried"]] == [
        (number, kind) for number in (1, 3) for kind in ("graph", "edges")
    ]
    centers = torch.zeros(24, 4, dtype=torch.bool)
    node = exp.layer(0).node((0.4, 0.4))
    size = exp.layer(0).contribution[0, node].abs().argsort(descending=True)[:2]
    centers[node, size] = exp.layer(0).neighbors[0, node, size] != node
    first = told.extras["carried"][0]
    assert first["effect"] == pytest.approx(cut_together(net, pixels, exp, 0, centers), abs=1e-6)
    image = np.zeros((240, 160, 3), np.uint8)
    how = {"layers": [0, 2], "kinds": ["graph", "edges"], "k": 2, "part": 10.0, "center": [(0.4, 0.4)]}
    made = figure(told, image, **how)
    label = exp.label(int(exp.target[0]))
    assert made.caption.count(f"cut together they move the score of {label} by ") == 4
    assert "Layer 1, the center's edges: cut together" in made.caption
    assert "as many edges of the same layer at random by" in latex_of(made, "x.pdf")
    assert "center's edges: cut" not in figure(told, image, **how | {"k": 1}).caption
    assert "cut together" not in figure(exp, image, **how).caption
    words = panel("edges", told, 2, image, part=10.0).caption
    assert "The strongest edges: cut together" in words


def test_a_run_keeps_it_in_manifest_and_archive(tmp_path):
    net = seeded_net(dtype=torch.float32)
    from PIL import Image

    Image.fromarray(np.zeros((24, 16, 3), np.uint8)).save(tmp_path / "a.png")
    pixels = seeded_pixels(1, dtype=torch.float32)
    run = viz_nodes.render_folder(
        net,
        tmp_path / "a.png",
        tmp_path / "out",
        load=lambda path: (pixels, np.zeros((24, 16, 3), np.uint8)),
        layers=(0,),
        carry=True,
        kinds=("graph",),
        dpi=60,
    )
    folder = run.root / run.rows[0].folder
    (told,) = json.loads((folder / "manifest.json").read_text())["carried"]
    assert (told["kind"], told["layer"], told["draws"]) == ("graph", 1, 100)
    held = viz_nodes.Explanation.load(folder).extras["carried"][0]
    assert {name: held[name] for name in told} == told
    assert "cut together they move" in (folder / "figure.tex").read_text().replace("\n", " ")

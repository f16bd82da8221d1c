"""An effect is what the score does when the edge is cut: nothing more, nothing less, whatever the way there."""

from __future__ import annotations

import pytest
import torch

import viz_nodes
from builders.networks import hooks_on, seeded_net, seeded_pixels

POOLED = {"reduction": 2, "k": 3, "positions": True}


def one_by_one(net, pixels, exp, layer, node, row=0):
    """The same by cutting through `edit_edges`, one forward an edge."""
    target, image = int(exp.target[row]), int(exp.source[row])
    own = exp.only(row)
    pixels = pixels[image : image + 1]
    shape = own.layer(layer).neighbors.shape[1:]
    with torch.no_grad(), viz_nodes.edit_edges(net, frozen=own):
        before = float(net(pixels)[0, target])
    found = []
    for rank in range(shape[1]):
        mask = torch.zeros(shape, dtype=torch.bool)
        mask[node, rank] = True
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={layer: mask}, frozen=own):
            found.append(float(net(pixels)[0, target]) - before)
    return torch.tensor(found, dtype=torch.float64)


@pytest.mark.parametrize("kind", ["mr", "edge", "sage", "gin"])
@pytest.mark.parametrize("options", [{}, POOLED])
@pytest.mark.parametrize("layer", [0, -1])
def test_an_effect_is_the_change_of_the_score_when_the_edge_is_cut(kind, options, layer):
    net, pixels = seeded_net(kind, **options), seeded_pixels()
    exp = viz_nodes.explain(net, pixels)
    peak = int(exp.layer(layer).peak[1])
    node = peak if peak >= 0 else 5  # a blank map has no peak
    effects = viz_nodes.effect(net, pixels, exp, layer, None if peak >= 0 else node, row=1)
    assert torch.allclose(effects, one_by_one(net, pixels, exp, layer, node, row=1), rtol=0, atol=1e-12)
    assert float(effects.abs().max()) > 1e-6
    assert hooks_on(net) == 0


def test_an_edge_without_share_has_no_effect_at_all():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    for node in range(24):
        idle = exp.layer(1).share[0, node] == 0
        assert (viz_nodes.effect(net, pixels, exp, 1, node)[idle] == 0).all()


def test_sets_are_cut_together_and_in_any_batch():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    sets = torch.rand(5, *exp.layer(0).neighbors.shape[1:], generator=torch.Generator().manual_seed(0)) < 0.3
    whole = viz_nodes.effect(net, pixels, exp, 0, edges=sets)
    for each, value in zip(sets, whole, strict=True):
        with torch.no_grad(), viz_nodes.edit_edges(net, cut={0: each}, frozen=exp):
            change = net(pixels)[0, exp.target[0]] - exp.logits[0, exp.target[0]]
        assert float(value) == pytest.approx(float(change), abs=1e-12)
    assert torch.allclose(viz_nodes.effect(net, pixels, exp, 0, edges=sets, batch=2), whole, rtol=0, atol=1e-12)
    node, sender = 3, int(exp.layer(0).neighbors[0, 3, 1])
    by_pair = viz_nodes.effect(net, pixels, exp, 0, edges=[[(sender, node)]])
    assert float(by_pair[0]) == pytest.approx(float(viz_nodes.effect(net, pixels, exp, 0, node)[1]), abs=1e-12)


def test_layers_before_the_cut_do_not_run_again():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    ran = []
    handle = net.stem.register_forward_hook(lambda module, args, output: ran.append(len(output)))
    inner = net.backbone[0][0].graph_conv.static.gconv.register_forward_hook(lambda *_: ran.append("layer 1"))
    viz_nodes.effect(net, pixels, exp, -1, edges=torch.ones(40, *exp.layer(-1).neighbors.shape[1:], dtype=torch.bool))
    handle.remove()
    inner.remove()
    assert ran.count("layer 1") <= 4  # the structure looked at, the layer's inputs learned; not once a batch


def test_what_cannot_be_measured_says_so():
    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels, layers=[0])
    with pytest.raises(ValueError, match="must explain all 3 graph layers"):
        viz_nodes.effect(net, pixels, exp, 0)
    exp = viz_nodes.explain(net, pixels)
    missing = next(j for j in range(24) if j not in exp.layer(0).neighbors[0, 3])
    with pytest.raises(ValueError, match="which is none"):
        viz_nodes.effect(net, pixels, exp, 0, edges=[[(missing, 3)]])
    with pytest.raises(ValueError, match=r"sets of edges \(S, N, k\)"):
        viz_nodes.effect(net, pixels, exp, 0, edges=torch.ones(24, 4, dtype=torch.bool))


def test_effects_of_chosen_centers_are_kept_in_the_explanation():
    net, pixels = seeded_net(), seeded_pixels()
    exp = viz_nodes.explain(net, pixels)
    assert all(layer.effect is None for layer in exp.layers)
    measured = viz_nodes.with_effects(net, pixels, exp, layers=[0, -1], nodes=[3, (2, 1)])
    assert [layer.effect is None for layer in measured.layers] == [False, True, False]
    for index in (0, 2):
        for row in range(2):
            values = measured.layer(index).effect[row]
            assert values[[3, 9]].isfinite().all()
            assert int(values.isfinite().any(1).sum()) == 2
            for node in (3, 9):
                wanted = one_by_one(net, pixels, exp, index, node, row)
                assert torch.allclose(values[node], wanted, rtol=0, atol=1e-12)
    more = viz_nodes.with_effects(net, pixels, measured, layers=0, nodes=[5], rows=1).layer(0).effect
    assert more[1, [3, 5, 9]].isfinite().all(), "what was measured before stays"
    assert not more[0, 5].isfinite().any()
    peaks = viz_nodes.with_effects(net, pixels, exp, layers=1).layer(1)
    assert [row.isfinite().any(1).nonzero().flatten().tolist() for row in peaks.effect] == [
        [] if peak < 0 else [peak] for peak in peaks.peak.tolist()
    ]
    assert exp.layer(0).effect is None, "a copy"


def test_effects_are_saved_and_in_tables_and_graphs(tmp_path):
    from viz_nodes.export import edges_table, to_graphml, to_json

    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    exp.save(tmp_path / "before")
    assert viz_nodes.Explanation.load(tmp_path / "before").layer(0).effect is None
    measured = viz_nodes.with_effects(net, pixels, exp, layers=0, nodes=[3])
    measured.save(tmp_path)
    again = viz_nodes.Explanation.load(tmp_path)
    assert torch.equal(again.layer(0).effect.nan_to_num(9), measured.layer(0).effect.nan_to_num(9))
    assert again.layer(1).effect is None
    assert again.only(0).layer(0).effect.shape == measured.layer(0).effect.shape
    table = edges_table(measured, layer=0).query("center == 3")
    assert table["effect"].tolist() == measured.layer(0).effect[0, 3].tolist()
    assert edges_table(measured, layer=0).query("center == 4")["effect"].isna().all()
    graph = measured.graph(0)
    sender = int(exp.layer(0).neighbors[0, 3, 1])
    assert graph.edges[sender, 3]["effect"] == float(measured.layer(0).effect[0, 3, 1])
    assert all("effect" in data for _, _, data in graph.in_edges(3, data=True))
    assert not any("effect" in data for _, _, data in graph.in_edges(4, data=True))
    import json

    import networkx as nx

    held = nx.read_graphml(to_graphml(measured, tmp_path / "g.graphml", layer=0))
    assert held.edges[str(sender), "3"]["effect"] == pytest.approx(graph.edges[sender, 3]["effect"])
    to_json(measured, tmp_path / "g.json", layer=0)
    text = (tmp_path / "g.json").read_text()
    json.loads(text, parse_constant=lambda word: pytest.fail(word))


def test_measured_effects_order_widen_and_color_edges():
    from matplotlib.figure import Figure

    from viz_nodes.draw import draw_graph

    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels)
    measured = viz_nodes.with_effects(net, pixels, exp, layers=0, nodes=[9])
    ax = Figure(figsize=(3, 3)).add_subplot()
    with pytest.raises(ValueError, match="needs `effect`"):
        draw_graph(ax, exp, 0, center=9, order="effect")
    with pytest.raises(ValueError, match="needs `effect`"):
        draw_graph(ax, measured, 0, center=10, order="effect")
    drawn = draw_graph(ax, measured, 0, center=9, order="effect", k=2, closeups=False, caption=True)
    values = measured.layer(0).effect[0, 9]
    strongest = values.abs().argsort(descending=True)[:2]
    at = exp.regions(0, 0).centers()[measured.layer(0).neighbors[0, 9][strongest].numpy()]
    assert {tuple(point) for point in drawn["edges"].lines[:, 0]} <= {tuple(point) for point in at}
    assert "effect" in drawn["caption"].get_text()


def test_the_widget_measures_what_it_shows():
    import numpy as np

    from viz_nodes.explorer.packing import unpack

    net, pixels = seeded_net(), seeded_pixels(1)
    exp = viz_nodes.explain(net, pixels, target="top2")
    image = np.zeros((24, 16, 3), np.uint8)
    explorer = viz_nodes.explore(exp, image, state={"layer": 1, "pins": [[0.4, 0.4]], "target": int(exp.target[1])})
    explorer.measure(net, pixels)
    rows = explorer.document["subjects"][0]["rows"]
    assert "effect" not in rows[0]["layers"][1]
    values = unpack(rows[1]["layers"][0]["effect"]).reshape(24, 4)
    node = exp.layer(0).node((0.4, 0.4))
    wanted = viz_nodes.effect(net, pixels, exp, 0, node, row=1).numpy()
    assert np.allclose(values[node], wanted, atol=np.abs(wanted).max() / 30000)
    assert np.isfinite(values).any(1).sum() == 1
    assert explorer.state["layer"] == 1

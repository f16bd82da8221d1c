"""What other edges change, held beside the whole network run by hand on the graph that each row names."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import viz_nodes
from builders.networks import hooks_on, seeded_net, seeded_pixels
from builders.planted import Planted, planted_pixels
from viz_nodes.capture import borrowed_neighbors, grid_neighbors, random_neighbors, self_neighbors
from viz_nodes.metrics.ablation import COLUMNS, Ablation, Plan, scopes
from viz_nodes.metrics.ablation_summary import ablation_summary, characterization
from viz_nodes.metrics.replay import Replay, Version


def by_hand(net, pixels, graphs):
    """Logits of a `SmallGNN` in whose layers a kNN that is patched hands out these graphs; others build their own."""
    knns = {at: net.backbone[at][0].graph_conv.knn for at in graphs}
    try:
        for at, knn in knns.items():
            centers = torch.arange(graphs[at].shape[0]).view(-1, 1).expand_as(graphs[at])
            made = torch.stack([graphs[at], centers])[:, None]
            knn.forward = lambda *_, edges=made: edges
        with torch.no_grad():
            return net(pixels)[0]
    finally:
        for knn in knns.values():
            knn.__dict__.pop("forward", None)


@pytest.fixture(scope="module")
def asked():
    net, pixels = seeded_net("sage", dilation=2, k=3), seeded_pixels(2)
    ablation = Ablation(net, Plan(orders=("share", "random"), steps=2, seed=5, batch=7))
    before = hooks_on(net)
    rows = ablation(pixels[:1], label=2, other=pixels[1:], index=3)
    assert hooks_on(net) == before
    return net, pixels, ablation, rows


def graphs_of(condition, exp, other, seed):
    made = {
        "self": lambda layer: self_neighbors(layer, row=0),
        "random": lambda layer: random_neighbors(layer, row=0, seed=seed * 1009 + layer.index),
        "undilated": lambda layer: viz_nodes.capture.undilated_neighbors(layer, row=0),
        "other": lambda layer: borrowed_neighbors(layer, other.layer(layer.index), row=0, other_row=0),
    }
    return {layer.index: made[condition](layer) for layer in exp.layers}


@pytest.mark.parametrize("condition", ["self", "random", "undilated", "other"])
def test_every_row_is_the_network_on_that_graph(asked, condition):
    net, pixels, ablation, rows = asked
    exp, other = viz_nodes.explain(net, pixels[:1]), viz_nodes.explain(net, pixels[1:])
    graphs, target, seen = graphs_of(condition, exp, other, 5 * 1_000_003 + 3), int(exp.target[0]), 0
    for row in (row for row in rows if (row["kind"], row["name"]) == ("condition", condition)):
        assert set(row) == set(COLUMNS)
        layers = {
            "layer": [row["layer"] - 1],
            "up to": list(range(row["layer"])),
            "all": [0, 1, 2],
        }[row["scope"]]
        held = {layer.index: layer.neighbors[0] for layer in exp.layers} if row["graphs"] == "frozen" else {}
        logits = by_hand(net, pixels[:1], held | {at: graphs[at] for at in layers})
        assert row["score"] == pytest.approx(float(logits[target]), abs=1e-9)
        assert row["probability"] == pytest.approx(float(logits.softmax(0)[target]), abs=1e-9)
        assert row["true_probability"] == pytest.approx(float(logits.softmax(0)[2]), abs=1e-9)
        assert row["predicted"] == int(logits.argmax())
        assert row["correct"] == (int(logits.argmax()) == 2)
        assert row["flip"] == (int(logits.argmax()) != int(exp.logits[0].argmax()))
        seen += 1
    assert seen == 2 * len(scopes(3)) == 12
    assert ablation.left_out == {}


def test_without_edges_and_with_the_grid_as_edit_edges_has_it(asked):
    net, pixels, _, rows = asked
    exp = viz_nodes.explain(net, pixels[:1])
    for condition in ("none", "grid"):
        for row in (row for row in rows if row["name"] == condition and row["scope"] == "layer"):
            at = row["layer"] - 1
            edits = (
                {"cut": {at: lambda neighbors: torch.ones_like(neighbors, dtype=torch.bool)}}
                if condition == "none"
                else {"replace": {at: grid_neighbors(exp.layer(at), row=0)}}
            )
            with torch.no_grad(), viz_nodes.edit_edges(net, **edits, frozen=exp if row["graphs"] == "frozen" else None):
                logits = net(pixels[:1])[0]
            assert row["score"] == pytest.approx(float(logits[int(exp.target[0])]), abs=1e-9)


def test_orders_start_and_end_with_all_edges_and_none(asked):
    table = pd.DataFrame(asked[-1])
    whole = float(table[table["kind"] == "untouched"]["score"].iloc[0])
    empty = table[(table["name"] == "none") & (table["scope"] == "all") & (table["graphs"] == "frozen")]
    for name in ("share", "random"):
        for mode in ("frozen", "rebuilt"):
            part = table[(table["name"] == name) & (table["graphs"] == mode) & (table["kind"] == "order")]
            for curve, first, last in (("deletion", whole, empty), ("insertion", empty, whole)):
                ends = part[part["curve"] == curve].sort_values("fraction")["score"].to_numpy()
                for found, known in ((ends[0], first), (ends[-1], last)):
                    known = known if isinstance(known, float) else float(known["score"].iloc[0])
                    assert found == pytest.approx(known, abs=1e-9)
                assert len(ends) == 3
    assert len(set(table[(table["name"] == "random") & (table["fraction"] == 0.5)]["score"])) > 1


def test_rows_depend_on_the_image_its_number_and_the_seed_alone(asked):
    net, pixels, _, rows = asked
    plan = Plan(orders=("share", "random"), steps=2, seed=5, batch=7)
    again = Ablation(net, plan)
    again(pixels[1:], index=1)
    assert again(pixels[:1], label=2, other=pixels[1:], index=3) == rows
    drawn = [row for row in again(pixels[:1], label=2, other=pixels[1:], index=4) if row["name"] == "random"]
    assert drawn != [row for row in rows if row["name"] == "random"]


def test_what_a_network_does_not_allow_is_left_out_and_said(monkeypatch):
    net, pixels = seeded_net(), seeded_pixels(1)
    ablation = Ablation(net, Plan(orders=("rank",), steps=1, rebuilt=False))
    rows = ablation(pixels)
    assert ablation.left_out == {"undilated": "every layer has a dilation of 1"}
    assert {row["name"] for row in rows} == {"untouched", "none", "self", "random", "grid", "rank"}  # no other image
    assert {row["correct"] for row in rows} == {None}
    monkeypatch.setattr(Replay, "replaceable", lambda self, layer: False)
    stiff = Ablation(net, Plan(orders=(), rebuilt=True))
    found = [row for row in stiff(pixels) if row["kind"] == "condition"]
    assert set(stiff.left_out) == {"self", "random", "grid", "undilated"}
    assert "cannot be given others" in stiff.left_out["random"]
    cut = {(row["scope"], row["layer"]): row["score"] for row in found if row["graphs"] == "frozen"}
    known = {(row["scope"], row["layer"]): row["score"] for row in rows if row["name"] == "none"}
    assert cut == pytest.approx(known)


def test_equal_versions_run_once_and_rebuilding_nothing_is_holding_all(asked, monkeypatch):
    net, pixels, _, _ = asked
    exp = viz_nodes.explain(net, pixels[:1])
    replay, sizes = Replay(net, pixels[:1], exp, batch=3), []
    run = replay._run
    monkeypatch.setattr(replay, "_run", lambda versions, frozen: sizes.append(len(versions)) or run(versions, frozen))
    graphs = {layer.index: self_neighbors(layer, row=0) for layer in exp.layers}
    last = {2: graphs[2]}
    versions = [Version(), Version(graphs), Version(graphs, frozen=False), Version(last), Version(last, frozen=False)]
    answers = replay(versions)
    assert sizes == [3]
    assert float(answers.score[1]) == float(answers.score[2]) != float(answers.score[0])
    assert float(answers.score[3]) == float(answers.score[4])
    assert answers.score.shape == (5,)
    assert not replay.settled(Version({0: graphs[0], 2: graphs[2]}, frozen=False)).frozen  # layer 2 builds its own
    assert Version({0: graphs[0]}, frozen=False).key != Version({0: graphs[0]}).key


def test_the_contribution_tells_the_planted_path_and_the_dice_does_not():
    net, pixels = Planted().double(), planted_pixels(2)
    rows = []
    for image in range(2):
        ablation = Ablation(net, Plan((), ("contribution", "random"), steps=4, rebuilt=False))
        rows += [{"image": image} | row for row in ablation(pixels[image : image + 1], label=0, index=image)]
    means = ablation_summary(pd.DataFrame(rows)).set_index(["measure", "name"])["mean"]
    assert means["difference", "contribution"] > means["difference", "random"] + 0.2


def run_row(image, curve, fraction, probability, flip, correct):
    return {
        "image": image,
        "kind": "order",
        "name": "share",
        "graphs": "frozen",
        "scope": "all",
        "layer": 1,
        "curve": curve,
        "fraction": fraction,
        "predicted": 0,
        "probability": probability,
        "true_probability": None,
        "correct": correct,
        "flip": flip,
        "score": 0.0,
    }


def test_means_areas_and_fidelity_by_hand():
    rows = []
    for image, (half_gone, half_there, lost, kept) in enumerate([(0.5, 0.9, True, True), (0.3, 0.7, False, True)]):
        whole = dict.fromkeys(COLUMNS) | run_row(image, None, None, 1.0, False, True)
        rows.append(whole | {"kind": "untouched", "name": "untouched"})
        for curve, half, flip in (("deletion", half_gone, lost), ("insertion", half_there, not kept)):
            ends = (1.0, 0.0) if curve == "deletion" else (0.0, 1.0)
            rows.append(run_row(image, curve, 0.0, ends[0], ends[0] == 0, ends[0] == 1))
            rows.append(run_row(image, curve, 0.5, half, flip, not flip))
            rows.append(run_row(image, curve, 1.0, ends[1], ends[1] == 0, ends[1] == 1))
    table = ablation_summary(pd.DataFrame(rows))

    def mean(measure, fraction=None, curve=None):
        part = table[(table["measure"] == measure) & (table["kind"] == "order")]
        part = part[part["fraction"].isna()] if fraction is None else part[part["fraction"] == fraction]
        part = part[part["curve"].isna()] if curve is None else part[part["curve"] == curve]
        (line,) = part.to_dict("records")
        assert line["n"] == 2
        return line["mean"]

    deletion, insertion = ((1 / 4 + 0.5 / 2) + (1 / 4 + 0.3 / 2)) / 2, ((0.9 / 2 + 1 / 4) + (0.7 / 2 + 1 / 4)) / 2
    assert mean("deletion") == pytest.approx(deletion)
    assert mean("insertion") == pytest.approx(insertion)
    assert mean("difference") == pytest.approx(insertion - deletion)
    assert mean("difference_accuracy") == pytest.approx(((0.75 - 0.25) + (0.75 - 0.75)) / 2)
    assert mean("fidelity_plus", 0.5) == 0.5
    assert mean("fidelity_minus", 0.5) == 0.0
    assert mean("characterization", 0.5) == pytest.approx(1 / (0.5 / 0.5 + 0.5 / 1.0))
    assert mean("probability", 0.5, "deletion") == pytest.approx(0.4)
    assert mean("accuracy", 0.5, "deletion") == 0.5
    assert mean("accuracy_drop", 0.5, "deletion") == 0.5
    line = table[(table["measure"] == "difference")].iloc[0]
    assert line["low"] <= line["mean"] <= line["high"]
    assert "true_probability" not in set(table["measure"])


@pytest.mark.parametrize(("plus", "minus"), [(0.4, 0.1), (1.0, 0.0), (0.05, 0.9)])
def test_characterization_is_pytorch_geometrics(plus, minus):
    metric = pytest.importorskip("torch_geometric.explain.metric")
    theirs = metric.characterization_score(torch.tensor(plus), torch.tensor(minus))
    assert characterization(plus, minus) == pytest.approx(float(theirs), rel=1e-6)


def test_characterization_in_its_limits():
    assert characterization(0.0, 0.0) == characterization(1.0, 1.0) == 0.0


def test_a_plan_that_cannot_be_meant_is_refused():
    with pytest.raises(ValueError, match=r"`conditions` must be among none, self.*got 'nothing'"):
        Plan(conditions=("nothing",))
    with pytest.raises(ValueError, match=r"`orders` must be among rank.*got 'best'"):
        Plan(orders=("best",))
    with pytest.raises(ValueError, match="`steps` must be at least 1"):
        Plan(steps=0)


def test_the_cost_counts_the_forwards_that_will_run(monkeypatch):
    net, pixels = seeded_net(), seeded_pixels(1)
    ablation = Ablation(net, Plan(("none", "random"), ()))
    cost = ablation.cost(pixels)
    sizes, run = [], Replay._run
    monkeypatch.setattr(
        Replay, "_run", lambda self, versions, frozen: sizes.append(len(versions)) or run(self, versions, frozen)
    )
    ablation(pixels)
    assert abs(sum(sizes) - cost.forwards) <= 3
    assert cost.seconds > 0
    assert np.isfinite(cost.seconds)

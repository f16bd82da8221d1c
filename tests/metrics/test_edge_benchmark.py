"""Methods side by side, for nodes and for edges: every figure against arithmetic by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

import viz_nodes
from builders.networks import seeded_net, seeded_pixels
from viz_nodes.metrics.benchmark import MapScores, Measures
from viz_nodes.metrics.edge_benchmark import EdgeBenchmark
from viz_nodes.metrics.edge_curves import area, edge_curves
from viz_nodes.metrics.edge_scores import edge_scores
from viz_nodes.metrics.infidelity import complexity, infidelity, taken_away
from viz_nodes.metrics.localization import pointing_game
from viz_nodes.metrics.stability import displacement, edge_numbers, jaccard, noisy
from viz_nodes.metrics.verdicts import compared

FEW = Measures(steps=2, samples=6, draws=1, timing=False, seed=3)


def test_infidelity_is_what_the_best_scale_leaves():
    lost = np.array([1.0, 2.0, -1.0])
    assert infidelity(lost * 7, lost) == pytest.approx(0)
    assert infidelity(-lost, lost) == 1  # no scale below 0
    assert infidelity(np.zeros(3), lost) == 1
    # said (1, 1): the scale is (1 + 3) / 2 = 2, and 1 + 1 of 10 is left.
    assert infidelity([1.0, 1.0], [1.0, 3.0]) == pytest.approx(2 / 10)
    assert np.isnan(infidelity([1.0, 1.0], [0.0, 0.0]))
    with pytest.raises(ValueError, match=r"\(S,\) both"):
        infidelity([1.0], [1.0, 2.0])


def test_complexity_is_the_entropy_as_a_fraction():
    assert complexity([0.0, 3.0, 0.0]) == 0
    assert complexity([1.0, -1.0, 1.0, 1.0]) == pytest.approx(1)
    assert complexity([0.5, 0.25, 0.25, float("nan")]) == pytest.approx(1.5 * np.log(2) / np.log(3))
    assert np.isnan(complexity([0.0, 0.0]))


def test_noise_and_what_is_compared_under_it():
    pixels = seeded_pixels(1)
    one, two = noisy(pixels, 2, seed=4, size=0.1)
    assert float((one - pixels).std()) == pytest.approx(0.1 * float(pixels.std()), rel=0.1)
    assert not torch.equal(one, two)
    assert torch.equal(one, next(noisy(pixels, 1, seed=4, size=0.1)))
    assert jaccard([1, 2, 2, 3], [3, 4]) == 0.25
    assert np.isnan(jaccard([], []))
    both = torch.cat([pixels, two])
    exp, other = (viz_nodes.explain(seeded_net(), each, method="layercam") for each in (both, two))
    mask = torch.zeros(24, 4, dtype=torch.bool)
    mask[5, 1] = mask[6, 0] = True
    chosen = edge_numbers(exp, {0: mask, 2: mask})
    assert len(set(chosen.tolist())) == 4
    assert jaccard(chosen, edge_numbers(exp, {0: mask})) == 0.5
    assert displacement(exp, exp, -1) == 0
    # Patches of 4 pixels on 24 x 16: from (row, col) to (row, col).
    (a, b), (c, d) = (divmod(int(each.layer(-1).peak[0]), 4) for each in (exp, other))
    assert displacement(exp, other, -1) == pytest.approx(4 * np.hypot(a - c, b - d) / np.hypot(24, 16))


@pytest.mark.parametrize("reduction", [1, 2])
def test_figures_of_edges_are_those_of_networks_run_one_by_one(reduction):
    net, pixels = seeded_net(reduction=reduction), seeded_pixels(1)
    mask = np.zeros((24, 16), dtype=bool)
    mask[:9] = True
    methods = ("rank", "share", "contribution")
    lines = EdgeBenchmark(net, FEW).lines(pixels, methods, label=1, mask=mask, number=2)
    assert [line["method"] for line in lines] == list(methods)
    exp = viz_nodes.explain(net, pixels)
    target, seed = int(exp.target[0]), 3 + 7919 * 2
    scores = {name: {at: edge_scores(net, pixels, exp, at, name)[name] for at in range(3)} for name in methods}
    curves = edge_curves(net, pixels, exp, scores, label=1, fractions=(0, 0.5, 1))
    gone = {at: taken_away((24, 4), 6, seed + at) for at in range(3)}
    lost = []
    for sample in range(6):
        cut = {at: gone[at][sample] for at in gone}
        with torch.no_grad(), viz_nodes.edit_edges(net, cut=cut, frozen=exp):
            lost.append(float(exp.logits[0, target] - net(pixels)[0, target]))
    copy = next(noisy(pixels, 1, seed))
    other = viz_nodes.explain(net, copy, target=target)
    for line in lines:
        name, own = line["method"], curves[line["method"]]
        assert line["deletion"] == pytest.approx(own.deletion.area)
        assert line["faithfulness"] == pytest.approx(own.insertion.area - own.deletion.area)
        assert line["accuracy_deletion"] == area(own.deletion.fractions, own.deletion.classes == 1)
        assert np.isnan(line["seconds"])
        theirs = {at: edge_scores(net, copy, other, at, name)[name] for at in range(3)}
        sets = []  # the first of each node's four edges, as (layer, center, neighbor)
        for one, values in ((exp, scores[name]), (other, theirs)):
            chosen = set()
            for at in range(3):
                for center, row in enumerate(values[at].tolist()):
                    best = max(range(4), key=lambda rank, row=row: (row[rank], -rank))
                    chosen.add((at, center, int(one.layer(at).neighbors[0, center, best])))
            sets.append(chosen)
        assert line["stability"] == pytest.approx(len(sets[0] & sets[1]) / len(sets[0] | sets[1]))
        if name == "rank":
            assert np.isnan(line["infidelity"])
            assert np.isnan(line["inside"])
            continue
        said = [sum(float(scores[name][at][gone[at][sample]].sum()) for at in range(3)) for sample in range(6)]
        assert line["infidelity"] == pytest.approx(infidelity(said, lost))
        assert line["complexity"] == pytest.approx(complexity(torch.stack(list(scores[name].values()))))
        rows = 6 // reduction
        on = [key // (4 // reduction) < rows * 9 / 24 - 0.5 for key in range(rows * 4 // reduction)]
        hits, parts = [], []
        for at in range(3):
            senders = torch.tensor(on)[exp.layer(at).neighbors[0]]
            values = scores[name][at]
            hits.append(float(senders[values == values.max()].double().mean()))
            parts.append(float(values.abs()[senders].sum() / values.abs().sum()))
        assert line["pointing"] == pytest.approx(np.mean(hits))
        assert line["inside"] == pytest.approx(np.mean(parts))
    assert len({line["stability"] for line in lines}) > 1


def test_a_method_that_a_network_cannot_answer_is_left_out_and_said():
    net, pixels = seeded_net(), seeded_pixels(1)

    bench = EdgeBenchmark(net, FEW)
    bench.left_out["share"] = "because"
    lines = bench.lines(pixels, ("share", "rank"))
    assert [line["method"] for line in lines] == ["rank"]
    with pytest.raises(ValueError, match="must be among"):
        bench.lines(pixels, ("sharp",))
    with pytest.raises(ValueError, match="one class"):
        bench.lines(pixels, ("rank",), target="top2")


def test_figures_of_maps():
    net, pixels = seeded_net(), seeded_pixels(1)
    scoring = MapScores(net, ("layercam", "random"), (-1,), FEW)
    (line,) = scoring.lines(pixels, "layercam", label=1, number=2)
    exp = viz_nodes.explain(net, pixels, method="layercam")
    cam, target, seed = exp.layer(-1).cam[0].double(), int(exp.target[0]), 3 + 7919 * 2
    gone = taken_away((24,), 6, seed + 2)
    lost = []
    for sample in gone:
        hidden = sample.view(6, 4).repeat_interleave(4, 0).repeat_interleave(4, 1)
        with torch.no_grad():
            lost.append(float(exp.logits[0, target] - net(pixels.masked_fill(hidden, 0))[0, target]))
    assert line["infidelity"] == pytest.approx(infidelity((gone * cam.flatten()).sum(1), lost))
    assert line["complexity"] == pytest.approx(complexity(cam))
    other = viz_nodes.explain(net, next(noisy(pixels, 1, seed)), target=target, method="layercam")
    assert line["displacement"] == displacement(exp, other, -1)
    assert line["stability"] == viz_nodes.metrics.rank_correlation(cam, other.layer(-1).cam[0])
    (random,) = scoring.lines(pixels, "random", number=2)
    assert np.isnan(random["stability"])
    assert 0 < random["infidelity"] <= 1
    mask = np.zeros((24, 16), dtype=bool)
    mask[:12] = True
    (seen,) = scoring.lines(pixels, "layercam", mask=mask)
    assert seen["pointing"] == pointing_game(exp, mask, -1, tolerance=0.5)[0]


def test_ties_are_called_ties():
    lines = []
    for image in range(8):
        for method, low in (("a", 0.1), ("b", 0.12), ("c", 0.9)):
            value = low + 0.1 * (image % 4)
            lines.append({"of": "edges", "layer": "all", "image": image, "method": method, "deletion": value})
    table = pd.DataFrame(lines).assign(insertion=1.0 - pd.DataFrame(lines).deletion, complexity=0.5)
    table.loc[0, "insertion"] = float("nan")
    means = compared(table).set_index("method")
    assert means.deletion_best.tolist() == ["best", "tie", ""]
    assert means.insertion_best.tolist() == ["tie", "best", ""]  # the best value of "a" is missing
    assert means.complexity_best.tolist() == ["", "", ""]
    assert means.loc["a", "deletion"] == pytest.approx(0.25)
    assert means.loc["a", "insertion"] == pytest.approx((8 * 0.75 - 0.9) / 7)
    assert means.loc["a", "deletion_low"] < 0.25 < means.loc["a", "deletion_high"]
    alone = compared(table[table.image == 0]).set_index("method")
    assert alone.deletion_best.tolist() == ["best", "tie", "tie"]  # one image tells nothing apart

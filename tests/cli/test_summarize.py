"""Aggregates over a folder of explanations, with numbers that can be worked out by hand."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from builders import explanations as builders
from viz_nodes.batch import manifest
from viz_nodes.batch.aggregates import EVERY, Aggregates, coverage


def explanation(target, neighbors, cam=None, share=None):
    """Two classes on a grid of 2 x 2 with one graph layer; `neighbors` (4, k)."""
    neighbors = torch.tensor(neighbors)[None]
    share = torch.full(neighbors.shape, 1 / neighbors.shape[2]) if share is None else share
    logits = torch.zeros(1, 2)
    logits[0, target] = 5.0
    return builders.explanation(
        builders.layer(0, (2, 2), neighbors, share, cam=cam),
        target=target,
        logits=logits,
        image_size=(32, 32),
        model="tiny",
    )


def made(size=(4, 4)):
    return {"arch": "tiny", "image": {"relative": "x.png", "size": list(size), "view": [0.0, 0.0, size[1], size[0]]}}


@pytest.mark.parametrize(
    ("mask", "grid", "view", "expected"),
    [
        ([[1, 0], [0, 0]], (2, 2), None, [[1, 0], [0, 0]]),
        ([[1, 1, 0, 0]] * 4, (2, 2), None, [[1, 0], [1, 0]]),
        ([[1, 0, 0]] * 3, (1, 2), None, [[2 / 3, 0]]),
        ([[0, 0, 1, 1]] * 4, (1, 1), [2.0, 0.0, 4.0, 4.0], [[1]]),
        ([[0, 1, 0, 0]] * 4, (1, 2), [1.0, 1.0, 3.0, 3.0], [[1, 0]]),
    ],
)
def test_coverage_is_the_part_of_each_patch_that_the_mask_covers(mask, grid, view, expected):
    assert coverage(np.array(mask, bool), grid, view) == pytest.approx(np.array(expected, float))


def test_edge_lengths_leave_out_a_node_that_is_its_own_neighbor():
    aggregates = Aggregates()
    # 0 -> right neighbor (1 patch), 1 -> diagonal (sqrt 2), 2 and 3 only themselves
    aggregates.add(explanation(0, [[0, 1], [1, 2], [2, 2], [3, 3]]), made())
    (row,) = [row for row in aggregates.rows() if row["class"] == 0]
    assert row["edge_length"] == pytest.approx((1 + 2**0.5) / 2, abs=1e-6)
    assert row["self_share"] == pytest.approx(6 / 8)


def test_mean_maps_weigh_every_image_alike_and_count_blank_ones():
    aggregates = Aggregates()
    for cam in ([2, 0, 0, 0], [0, 0, 0, 8], [0, 0, 0, 0]):
        aggregates.add(explanation(1, [[0], [1], [2], [3]], cam), made())
    sums = aggregates.sums["tiny", 1, 1, "dog"]
    assert (sums.cam / sums.images).ravel() == pytest.approx([1 / 3, 0, 0, 1 / 3])
    assert sums.blank == 1


def test_hubs_are_the_nodes_chosen_most_on_average():
    aggregates = Aggregates()
    aggregates.add(explanation(0, [[3], [3], [3], [3]]), made())
    aggregates.add(explanation(1, [[3], [3], [1], [1]]), made())
    assert aggregates.sums["tiny", 1, EVERY, "all classes"].hubs()[:2] == [(1, 1, 3.0), (0, 1, 1.0)]


def test_edges_that_stay_on_the_object_are_counted_and_weighed_by_wins():
    aggregates = Aggregates()
    mask = np.zeros((4, 4), bool)
    mask[:2] = True  # the upper two patches
    share = [[0.75, 0.25], [0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]
    aggregates.add(explanation(0, [[1, 2], [0, 3], [0, 1], [0, 1]], share=share), made(), mask)
    (row,) = [row for row in aggregates.rows() if row["class"] == 0]
    assert (row["on_object"], row["on_object_wins"], row["object_area"]) == (0.5, 0.625, 0.5)


def test_classes_are_kept_apart_and_together():
    aggregates = Aggregates()
    for target in (0, 1, 1):
        aggregates.add(explanation(target, [[0], [1], [2], [3]]), made())
    assert [(row["label"], row["images"]) for row in aggregates.rows()] == [("all classes", 3), ("cat", 1), ("dog", 2)]
    assert aggregates.classes("tiny") == [(1, "dog", 2), (0, "cat", 1)]


def write_item(folder, exp, relative):
    exp.save(folder)
    size = (folder / "explanation.npz").stat().st_size
    about = {
        **manifest.identity("tiny", {}, {}),
        "image": {"relative": relative, "size": [4, 4], "view": [0.0, 0.0, 4.0, 4.0]},
        "outputs": {"explanation.npz": {"bytes": size}},
    }
    (folder / "manifest.json").write_text(json.dumps(about))


def test_the_command_writes_a_table_and_figures_and_passes_over_what_is_broken(run, tmp_path):
    root = tmp_path / "tiny"
    for number in range(3):
        write_item(root / f"{number}", explanation(number % 2, [[1], [0], [3], [2]], [1, 0, 0, 0]), f"{number}.png")
    write_item(root / "broken", explanation(0, [[1], [0], [3], [2]]), "broken.png")
    data = bytearray((root / "broken/explanation.npz").read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    (root / "broken/explanation.npz").write_bytes(data)
    (root / "unfinished").mkdir()
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.full((4, 4), 255, np.uint8)).save(masks / "0.png")
    result = run("summarize", root, "--masks", masks, "--format", "png,pdf", "--dpi", 60)
    assert result.exit_code == 1, result.stderr
    assert "broken.png" in result.stderr
    with open(root / "aggregates.csv", newline="") as file:
        rows = {row["label"]: row for row in csv.DictReader(file)}
    assert {label: row["images"] for label, row in rows.items()} == {"all classes": "3", "cat": "2", "dog": "1"}
    assert float(rows["cat"]["on_object"]) == 1.0
    assert rows["dog"]["on_object"] == ""
    names = {path.name for path in root.iterdir() if path.is_file()}
    assert names == {"aggregates.csv"} | {
        f"tiny_{what}.{form}" for what in ("edges", "mean_maps") for form in ("png", "pdf")
    }


def test_a_folder_without_explanations_is_a_usage_error(run, tmp_path):
    assert run("summarize", tmp_path).exit_code == 2
    assert run("summarize", tmp_path / "missing").exit_code == 2


def test_no_words_of_the_figures_are_cut_off():
    from viz_nodes.batch.aggregate_figures import edges_by_depth, mean_maps
    from viz_nodes.batch.aggregates import EVERY, Aggregates, Sums
    from viz_nodes.draw.files import pixels_of

    found = Aggregates()
    for layer in (1, 2):
        for of_class, label in ((EVERY, "all classes"), *((index, f"class {index}") for index in range(12))):
            sums = found.sums["net", layer, of_class, label] = Sums((4, 4), (4, 4), images=1)
            sums.put("edge_length", 2.0)
            if of_class != 3:
                sums.put("on_object", 0.5)
                sums.put("object_area", 0.25)
    for make in (mean_maps, edges_by_depth):
        fig = make(found, "net")
        page = pixels_of(fig, 100)[..., :3]
        for border in (page[:, 0], page[:, -1], page[0], page[-1]):
            assert (border == 255).all(), "nothing runs over the edge"
    words = {text.get_text() for text in mean_maps(found, "net").texts}
    assert "1 image" in words
    legend = [text.get_text() for text in edges_by_depth(found, "net").axes[1].get_legend().get_texts()]
    assert "class 3" not in legend, "no image of this class has a mask"


def test_the_mean_of_what_stays_on_objects_is_over_images_not_over_edges():
    """1 of 2 edges in one image, 4 of 4 in the other: 0.75, where all edges together would give 5 of 6."""
    aggregates = Aggregates()
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    aggregates.add(explanation(0, [[2], [0], [2], [3]]), made(), mask)
    aggregates.add(explanation(0, [[1, 0], [0, 1], [0, 1], [0, 1]]), made(), mask)
    (row,) = [row for row in aggregates.rows() if row["class"] == 0]
    assert row["on_object"] == pytest.approx(0.75)
    assert row["object_area"] == 0.5
    assert row["masks"] == 2


def deep(target, layers, grids=None):
    """An explanation of these layers of a network of four."""
    found = [
        builders.layer(
            index, grid, torch.zeros(1, grid[0] * grid[1], 1, dtype=torch.int64), torch.ones(1, grid[0] * grid[1], 1)
        )
        for index, grid in zip(layers, grids or [(2, 2)] * len(layers), strict=True)
    ]
    logits = torch.zeros(1, 2)
    logits[0, target] = 5.0
    return builders.explanation(*found, target=target, logits=logits, image_size=(32, 32), model="tiny", depth=4)


def test_folders_that_hold_different_layers_and_classes_are_summarized_together(run, tmp_path):
    for number, (target, layers) in enumerate(((0, [0]), (1, [1, 3]), (0, [3]))):
        write_item(tmp_path / f"{number}", deep(target, layers), f"{number}.png")
    done = run("summarize", tmp_path, "--dpi", 50)
    assert done.exit_code == 0, done.stderr
    with open(tmp_path / "aggregates.csv", newline="") as file:
        rows = {(row["label"], row["layer"]): row["images"] for row in csv.DictReader(file)}
    assert rows == {
        ("all classes", "1"): "1",
        ("all classes", "2"): "1",
        ("all classes", "4"): "2",
        ("cat", "1"): "1",
        ("cat", "4"): "1",
        ("dog", "2"): "1",
        ("dog", "4"): "1",
    }
    head, *lines = done.stdout.splitlines()[:4]
    assert head.split("  ")[0] == "architecture"
    assert len({len(line.split()) for line in lines}) == 1
    assert len(head.replace("edge length", "x").replace("largest hub", "x").replace("on object", "x").split()) == len(
        lines[0].split()
    )


def test_an_image_with_another_grid_is_named_and_nothing_of_it_is_counted():
    aggregates = Aggregates()
    aggregates.add(deep(0, [0, 1]), made())
    with pytest.raises(ValueError, match="layer 2 has a grid of"):
        aggregates.add(deep(0, [0, 1], [(2, 2), (4, 4)]), made())
    assert {sums.images for sums in aggregates.sums.values()} == {1}


def test_damaged_items_are_named_and_lead_nowhere_outside(run, tmp_path):
    """Whatever somebody has written into manifests: the whole ones are counted, the others are named, exit code 1."""
    root = tmp_path / "results"
    write_item(root / "good", explanation(0, [[1], [0], [3], [2]]), "good.png")
    write_item(root / "bad", explanation(0, [[1], [0], [3], [2]]), "bad.png")
    path = root / "bad" / "manifest.json"
    about, before = json.loads(path.read_text()), set(tmp_path.rglob("*"))
    for change in (
        {"arch": "../../outside"},
        {"arch": str(tmp_path / "outside")},
        {"arch": ["x"]},
        {"image": [1]},
        {"image": {**about["image"], "relative": "../../etc/passwd"}},
        {"image": {**about["image"], "size": "large"}},
        {"image": {**about["image"], "view": [1.0, 1.0, 1.0, 1.0]}},
        {"outputs": {"explanation.npz": {"bytes": "many"}}},
        {"options": None},
    ):
        path.write_text(json.dumps({**about, **change}))
        done = run("summarize", root, "--dpi", 40, "--masks", tmp_path)
        assert done.exit_code == 1, (change, done.stderr)
        assert "manifest.json" in done.stderr
        assert {each.parent for each in set(tmp_path.rglob("*")) - before} <= {root}
    path.write_text("[" * 100_000)
    assert run("summarize", root, "--dpi", 40).exit_code == 0, "that is no manifest of ours"
    path.write_text(json.dumps(about))
    data = bytearray((root / "bad/explanation.npz").read_bytes())
    for at in range(0, len(data), max(1, len(data) // 12)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        (root / "bad/explanation.npz").write_bytes(changed)
        assert run("summarize", root, "--dpi", 30).exit_code in (0, 1)

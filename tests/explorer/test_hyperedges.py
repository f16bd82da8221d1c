"""Hyperedges in the explorer: handed on as they are, drawn as sets in the place of edges, said in words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from builders.explanations import explanation, layer
from viz_nodes import write_page
from viz_nodes.explorer import build_document
from viz_nodes.explorer.packing import unpack

GRID = (2, 3)
EXPLORER = "document.querySelector('.vge').explorer"


@pytest.fixture
def exp():
    """Six nodes, three groups; node 0, the peak, hears group 1 by two heads, and group 0; node 3 hears none."""
    groups = torch.full((1, 3, 6), -1.0)
    groups[0, 0, :2], groups[0, 1, [2, 5]], groups[0, 1, 1] = torch.tensor([0.25, 0.75]), 0.5, 0.0
    heard = torch.full((1, 6, 3), -1)
    heard[0, 0] = torch.tensor([1, 0, 1])
    share = torch.zeros(1, 6, 3)
    share[0, 0] = torch.tensor([0.2, 0.5, 0.3])
    asked = np.array([[1, 2], [0, 0], [0, 0], [4, 5], [0, 0], [0, 0]])
    shares = np.array([[0.5, 0.5]] * 6)
    more = {"groups": groups, "heard": heard, "heard_share": share, "conv": "sum>max"}
    return explanation(layer(0, GRID, asked, shares, cam=[5.0, 1, 1, 1, 1, 1], **more), image_size=(20, 30))


@pytest.fixture
def white():
    return np.full((20, 30, 3), 255, np.uint8)


def test_groups_and_who_hears_them_come_back(exp, white):
    ((packed,),) = (subject["layers"] for subject in build_document(exp, white)["subjects"])
    (own,) = exp.layers
    parts = unpack(packed["groups"]).reshape(3, 6)
    assert np.array_equal(np.isnan(parts), own.groups[0].numpy() < 0)
    np.testing.assert_allclose(np.nan_to_num(parts), own.groups[0].clamp(min=0), atol=1e-4)
    assert unpack(packed["heard"]).reshape(6, 3).tolist() == own.heard[0].tolist()
    np.testing.assert_allclose(unpack(packed["heard_share"]).reshape(6, 3), own.heard_share[0], atol=1e-4)


def test_another_network_with_other_groups_is_a_subject_of_its_own(exp, white):
    (own,) = exp.layers
    other = dataclasses.replace(exp, layers=(dataclasses.replace(own, groups=own.groups.flip(1)),), method="layercam")
    assert len(build_document([exp, dataclasses.replace(exp, method="layercam")], white)["subjects"]) == 1
    assert len(build_document([exp, other], white)["subjects"]) == 2


@pytest.mark.browser
def test_sets_are_drawn_in_the_place_of_edges_and_can_be_let_be(visit, exp, white, tmp_path):
    page = visit(write_page(exp, white, tmp_path / "page.html"))
    root = page.locator(".vge")
    assert root.get_attribute("data-sets") == "2"
    assert "2 of 2 hyperedges that it hears drawn" in page.evaluate(f"{EXPLORER}.text()")
    words = page.locator(".vge-key").inner_text()
    assert words.replace("\N{NO-BREAK SPACE}", " ").count("2 patches, 50 % of what it hears") == 2
    svg = page.evaluate(f"{EXPLORER}.svg()")
    assert "stroke-dasharray" in svg
    assert "data-from" not in svg
    page.get_by_role("tab", name="Look").click()
    page.get_by_label("hyperedges as sets").uncheck()
    page.evaluate(f"{EXPLORER}.flush()")
    assert root.get_attribute("data-sets") == "0"
    assert "2 of 2 neighbors drawn" in page.evaluate(f"{EXPLORER}.text()")
    page.evaluate(f"{EXPLORER}.update({{ sets: true, pins: [[0.1, 0.9]] }})")
    page.evaluate(f"{EXPLORER}.flush()")
    assert root.get_attribute("data-sets") == "0"  # a node that hears no group has its edges

"""The picture that stands in for a widget: the view's own layer, patches and edges."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from viz_nodes.explorer import build_document
from viz_nodes.explorer.packing import pack_indices, pack_signed, pack_unsigned, unpack
from viz_nodes.explorer.still import still


@pytest.fixture
def drawn(monkeypatch):
    """What is handed to the painter."""
    import viz_nodes.draw

    real, calls = viz_nodes.draw.panel, []

    def panel(kind, exp, layer, image, **options):
        calls.append((exp, layer, image, options))
        return real(kind, exp, layer, image, **options)

    monkeypatch.setattr(viz_nodes.draw, "panel", panel)
    return calls


def test_the_view_s_layer_class_patches_and_hops_are_drawn(make, photograph, drawn):
    exp = make(layers=4)
    state = {"layer": 3, "target": 3, "pins": [[0.5, 0.25], [0.99, 0.99]], "hops": 2, "k": 5}
    picture = Image.open(io.BytesIO(still(build_document(exp, photograph), state)))
    assert min(picture.size) > 250
    ((seen, layer, image, options),) = drawn
    assert layer == 2
    assert np.array_equal(image, photograph)
    assert (options["center"], options["k"], options["hops"]) == ([3 * 14 + 7, 195], 5, 2)
    for index in (1, 2):
        for name in ("neighbors", "share", "contribution"):
            mine, theirs = getattr(seen.layer(index), name)[0], getattr(exp.layer(index), name)[1]
            assert np.allclose(mine, theirs, atol=1e-4), name


def test_a_view_of_nothing_in_particular_draws_the_last_layer_s_peak(make, photograph, drawn):
    exp = make(layers=3)
    assert still(build_document(exp, photograph), {"layer": 77, "target": 99, "subject": 5}) is not None
    ((seen, layer, _, options),) = drawn
    assert (layer, options["center"], options["hops"]) == (2, None, 1)
    assert int(seen.layer(2).peak[0]) == int(exp.layer(2).peak[0])


def test_a_blank_map_without_a_kept_patch_has_no_picture(make, with_layer, photograph):
    exp = make(layers=2, targets=(2,))
    last = exp.layers[1]
    document = build_document(with_layer(exp, 1, cam=last.cam * 0, peak=last.peak * 0 - 1), photograph)
    assert still(document, {}) is None
    assert still(document, {"pins": [[0.5, 0.5]]}) is not None


def test_hops_stop_where_a_layer_was_not_explained(make, photograph, drawn):
    import dataclasses

    exp = make(layers=4)
    some = dataclasses.replace(exp, layers=(exp.layers[0], exp.layers[3]))
    assert still(build_document(some, photograph), {"hops": 3}) is not None
    assert drawn[0][3]["hops"] == 1


def test_pyramids_with_key_nodes_are_drawn_too(make_pyramid, photograph):
    document = build_document(make_pyramid(), photograph)
    assert still(document, {"layer": 1, "hops": 3, "pins": [[0.5, 0.5]]}) is not None
    assert still(document, {"layer": 7, "hops": 3}) is not None


def test_what_was_packed_comes_back(make):
    import torch

    values = torch.tensor([-2.0, 0.5, float("nan"), 3.0])
    assert unpack(pack_signed(values)).tolist() == pytest.approx([-2, 0.5, float("nan"), 3], abs=1e-4, nan_ok=True)
    assert unpack(pack_unsigned(values.abs()))[[0, 1, 3]].tolist() == pytest.approx([2, 0.5, 3], abs=1e-4)
    assert unpack(pack_indices(torch.tensor([40000, -1]))).tolist() == [40000, -1]

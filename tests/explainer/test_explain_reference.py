"""The toolkit on the published networks, against what their own implementations measured."""

from __future__ import annotations

import numpy as np
import pytest
import timm
import torch

import viz_nodes
import vizgraph  # noqa: F401  (registers the networks)
from viz_nodes.explanation import NO_PEAK


def measured(arch, reference, fill):
    """The network with the reference's weights, and what the reference computed with them."""
    facts = np.load(reference / "graphconvnet" / f"{arch}.npz")
    model = fill.fill(timm.create_model(arch), int(facts["fill_seed"]))
    state = model.state_dict()
    for key in facts.files:
        if key.startswith("bn/"):
            state[key.removeprefix("bn/")].copy_(torch.from_numpy(facts[key]))
    return model.double(), facts


@pytest.fixture(scope="module", params=["graphconvnet_ti", "graphconvnetp_ti"])
def published(request, reference, fill):
    model, facts = measured(request.param, reference, fill)
    seed = int(facts["images"][0])
    return model, facts, seed, fill.image(seed).double()


@pytest.mark.parametrize("image", [0, 1])
@pytest.mark.parametrize("arch", ["graphconvnet_ti", "graphconvnet_s", "graphconvnetp_ti", "vig_ti"])
def test_maps_graphs_and_edges_are_the_published_ones(arch, image, reference, fill):
    model, facts = measured(arch, reference, fill)
    seed = int(facts["images"][image])
    pixels = fill.image(seed).double()
    exp = viz_nodes.explain(model, pixels)
    assert exp.target.tolist() == [int(facts[f"{seed}/class"])]
    assert exp.depth == len(facts["layers"])
    np.testing.assert_allclose(exp.logits[0], facts[f"{seed}/logits"], rtol=0, atol=1e-9)
    for layer in exp.layers:
        wanted = facts[f"{seed}/cam/{layer.index}"]
        assert np.abs(layer.cam[0].numpy() - wanted).max() <= 1e-9 * max(np.abs(wanted).max(), 1e-30)
        assert np.array_equal(layer.neighbors[0], facts[f"{seed}/neighbors/{layer.index}"])
        assert layer.peak[0] == (wanted.argmax() if wanted.max() > 0 else NO_PEAK)
        assert (layer.conv, layer.exact) == ("mr", True)
        assert layer.distance is not None
        assert (layer.share.sum(-1) - 1).abs().max() < 1e-12
    if f"{seed}/other_class" in facts.files:
        other = viz_nodes.explain(model, pixels, target=int(facts[f"{seed}/other_class"]))
        for layer in other.layers:
            wanted = facts[f"{seed}/other_cam/{layer.index}"]
            assert np.abs(layer.cam[0].numpy() - wanted).max() <= 1e-9 * max(np.abs(wanted).max(), 1e-30)


def test_every_convolution_is_proven(published):
    model, _, _, pixels = published
    proofs = viz_nodes.verify(model.float(), pixels.float())
    model.double()
    assert len(proofs) == 12
    assert all(proof.proven and proof.error == 0 for proof in proofs)


def test_edges_without_share_are_idle_in_single_precision(published):
    model, _, _, pixels = published
    exp = viz_nodes.explain(model.float(), pixels.float())
    cut = {layer.index: layer.share == 0 for layer in exp.layers}
    with torch.no_grad(), viz_nodes.edit_edges(model, cut=cut) as gone:
        logits = model(pixels.float())
    model.double()
    assert torch.equal(logits, exp.logits)
    assert sum(gone.values()) > 0


@pytest.mark.parametrize("conv", ["edge", "sage", "gin"])
def test_the_other_graph_convolutions_are_exact_too(conv):
    model = timm.create_model("gcn_demo", conv=conv).eval()
    pixels = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    exp = viz_nodes.explain(model, pixels)
    assert {(layer.conv, layer.exact) for layer in exp.layers} == {(conv, True)}
    with torch.no_grad(), viz_nodes.edit_edges(model, cut={layer.index: layer.share == 0 for layer in exp.layers}):
        assert torch.equal(model(pixels), exp.logits)

"""On a GPU the explanation is the one of the CPU, and the edges are as true."""

from __future__ import annotations

import pytest
import timm
import torch

import viz_nodes
import vizgraph  # noqa: F401  (registers the networks)
from viz_nodes.cams import METHODS
from viz_nodes.metrics.perturbation import edge_curve, node_curve, ranking
from vizgraph.models import ARCHITECTURES

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture
def pixels():
    return torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))


def network(arch, **options):
    """With weights of its own seed and statistics of noise, without which the features grow beyond bounds."""
    torch.manual_seed(0)
    model = timm.create_model(arch, **options).train()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(2, 3, 224, 224))
    return model.eval()


@pytest.mark.parametrize("arch", [arch for arch in ARCHITECTURES if arch[-2:] != "_b"])
def test_every_network_is_explained_as_on_the_cpu(arch, pixels):
    model = network(arch).double()
    pixels = pixels.double()
    here = viz_nodes.explain(model, pixels)
    there = viz_nodes.explain(model.cuda(), pixels.cuda())
    torch.testing.assert_close(there.logits, here.logits, rtol=1e-9, atol=1e-9)
    assert torch.equal(there.target, here.target)
    for one, other in zip(here.layers, there.layers, strict=True):
        assert other.cam.device.type == other.share.device.type == "cpu"
        assert torch.equal(other.neighbors, one.neighbors)
        assert torch.equal(other.peak, one.peak)
        scale = float(one.cam.abs().max()) or 1.0
        torch.testing.assert_close(other.cam, one.cam, rtol=0, atol=1e-9 * scale)
        torch.testing.assert_close(other.share, one.share, rtol=0, atol=1e-9)
        scale = float(one.contribution.abs().max()) or 1.0
        torch.testing.assert_close(other.contribution, one.contribution, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("method", [method for method in METHODS if method != "randomcam"])
def test_every_method_gives_the_map_of_the_cpu(method, pixels):
    model, pixels = network("gcn_demo").double(), pixels.double()
    options = {"layers": [2, -1], "method": method}
    here = viz_nodes.explain(model, pixels, **options)
    there = viz_nodes.explain(model.cuda(), pixels.cuda(), **options)
    for one, other in zip(here.layers, there.layers, strict=True):
        scale = float(one.cam.abs().max()) or 1.0
        torch.testing.assert_close(other.cam, one.cam, rtol=0, atol=1e-7 * scale)


@pytest.mark.parametrize("arch", ["graphconvnet_ti", "pvig_ti"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_layers_are_proven_and_edges_without_share_are_idle(arch, dtype, pixels):
    model, pixels = network(arch).to("cuda", dtype), pixels.to("cuda", dtype)
    proofs = viz_nodes.verify(model, pixels)
    assert proofs
    assert all(proof.proven and proof.error == 0 for proof in proofs)
    exp = viz_nodes.explain(model, pixels)
    cut = {layer.index: layer.share == 0 for layer in exp.layers}
    with torch.no_grad():
        plain = model(pixels)
        with viz_nodes.edit_edges(model, cut=cut) as gone:
            edited = model(pixels)
    assert torch.equal(edited, plain)
    assert sum(gone.values()) > 0


@pytest.mark.parametrize("conv", ["edge", "sage", "gin"])
def test_the_other_graph_convolutions(conv, pixels):
    model, pixels = network("gcn_demo", conv=conv).double().cuda(), pixels.double().cuda()
    assert all(proof.proven for proof in viz_nodes.verify(model, pixels))
    exp = viz_nodes.explain(model, pixels)
    with torch.no_grad(), viz_nodes.edit_edges(model, cut={layer.index: layer.share == 0 for layer in exp.layers}):
        torch.testing.assert_close(model(pixels).cpu(), exp.logits, rtol=0, atol=1e-10)


@pytest.mark.parametrize("amp", [torch.bfloat16, torch.float16])
def test_a_network_under_autocast_is_explained_with_its_own_edges(amp, pixels):
    model, pixels = network("gcn_demo").cuda(), pixels.cuda()
    with torch.autocast("cuda", amp):
        exp = viz_nodes.explain(model, pixels)
        proofs = viz_nodes.verify(model, pixels)
    assert all(proof.proven for proof in proofs)
    assert all(torch.isfinite(layer.cam).all() for layer in exp.layers)
    assert all((layer.share.sum(-1) - 1).abs().max() < 1e-2 for layer in exp.layers)


def test_curves_files_and_figures_come_from_a_gpu_too(pixels, tmp_path):
    model, pixels = network("gcn_demo").cuda(), pixels[:1].cuda()
    exp = viz_nodes.explain(model, pixels)
    last = exp.layer(-1)
    whole = exp.logits.softmax(1)[0, int(exp.target[0])]
    nodes = node_curve(model, pixels, ranking(last.cam[0]), int(exp.target[0]), grid=last.grid, steps=4)
    edges = edge_curve(model, pixels, exp, -1, steps=4)
    for curve in (nodes, edges):
        assert curve.scores[0] == pytest.approx(float(whole), abs=1e-4)
    exp.save(tmp_path)
    again = viz_nodes.Explanation.load(tmp_path)
    assert torch.equal(again.layer(-1).cam, exp.layer(-1).cam)
    image = (pixels[0].cpu().clamp(-1, 1) * 127 + 128).byte().permute(1, 2, 0).numpy()
    viz_nodes.figure(exp, image).savefig(tmp_path / "figure.png")
    viz_nodes.write_page(exp, image, tmp_path / "page.html")


def test_memory_is_given_back(pixels):
    model, pixels = network("graphconvnet_ti").cuda(), pixels.cuda()
    viz_nodes.explain(model, pixels)
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    for _ in range(5):
        viz_nodes.explain(model, pixels)
    torch.cuda.synchronize()
    assert torch.cuda.memory_allocated() <= before + 2**20

"""One suite over every registered architecture, and the options a timm user expects."""

from __future__ import annotations

import subprocess
import sys

import pytest
import timm
import torch
from torchvision.ops import StochasticDepth

import viz_nodes
import vizgraph
from vizgraph.checkpoints.catalog import WITH_BUNDLED
from vizgraph.data import bundled_images, bundled_truth
from vizgraph.layers import EdgeConv, GINConv, GraphSAGEConv, MRConv
from vizgraph.models import SHORT_NAMES, resolve


def graphs(model: torch.nn.Module, pixels: torch.Tensor) -> list[torch.Tensor]:
    caught = []
    handles = [
        module.register_forward_hook(lambda _m, inputs, _o: caught.append(inputs[1]))
        for name, module in model.named_modules()
        if name.endswith("gconv")
    ]
    with torch.inference_mode():
        model.eval()(pixels)
    for handle in handles:
        handle.remove()
    return caught


def test_short_names():
    assert {resolve(short) for short in SHORT_NAMES} == set(vizgraph.list_models()[:4])


def test_unknown_architecture_names_the_near_ones():
    with pytest.raises(ValueError, match="gcn_ti"):
        resolve("gcn_tj")


@pytest.mark.parametrize("arch", ["graphconvnet_ti", "graphconvnetp_ti", "vig_ti", "pvig_ti", "gcn_demo"])
def test_timm_face(arch):
    model = timm.create_model(arch, num_classes=7, drop_path_rate=0.1, drop_rate=0.2).eval()
    pixels = torch.randn(1, 3, 224, 224)
    with torch.inference_mode():
        features = model.forward_features(pixels)
        assert features.shape[1] == model.num_features == model.feature_info[-1]["num_chs"]
        assert model.forward_head(features, pre_logits=True).shape == (1, model.head_hidden_size)
        assert model(pixels).shape == (1, 7)
        model.reset_classifier(5)
        assert model.forward_head(features).shape == (1, 5)
        assert model.get_classifier().out_channels == 5
        model.reset_classifier(0)
        assert model.forward_head(features).shape == (1, 1024)
    assert model.pretrained_cfg["input_size"] == (3, 224, 224)


@pytest.mark.parametrize("size", [(224, 224), (256, 192), (320, 320)])
@pytest.mark.parametrize("arch", ["gcn_demo", "graphconvnetp_ti"])
def test_other_sizes_square_or_not(arch, size):
    model = timm.create_model(arch)
    layers = graphs(model, torch.randn(1, 3, *size))
    first = (size[0] // 4) * (size[1] // 4) if arch != "gcn_demo" else (size[0] // 16) * (size[1] // 16)
    assert layers[0].shape[2] == first
    if arch != "gcn_demo":
        assert layers[0][0].max() < first // 16 <= layers[0][1].max()


def test_a_model_made_for_another_size_has_its_positions():
    model = timm.create_model("pvig_ti", img_size=(128, 192))
    assert model.pos_embed.shape == (1, 48, 32, 48)
    assert model.backbone[0][0].grapher.relative_pos.shape == (1, 32 * 48, 8 * 12)


def test_too_few_nodes_names_layer_nodes_k_and_dilation():
    model = timm.create_model("gcn_demo").eval()
    said = r"layer 3: k \* d must not exceed the 4 key nodes \(got k = 5, d = 1, N = 4\)"
    with pytest.raises(ValueError, match=said):
        model(torch.randn(1, 3, 32, 32))


@pytest.mark.parametrize(
    ("conv", "kind"), [("mr", MRConv), ("edge", EdgeConv), ("sage", GraphSAGEConv), ("gin", GINConv)]
)
@pytest.mark.parametrize("arch", ["gcn_demo", "pvig_ti"])
def test_every_graph_convolution_runs_and_learns(arch, conv, kind):
    model = timm.create_model(arch, conv=conv, num_classes=3)
    assert any(isinstance(module, kind) for module in model.modules())
    model(torch.randn(2, 3, 192, 192)).sum().backward()
    missing = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert not missing


@pytest.mark.parametrize("norm", ["batch", "instance", "none"])
@pytest.mark.parametrize("act", ["gelu", "relu", "leakyrelu", "silu", "hswish"])
def test_norms_and_activations(norm, act):
    model = timm.create_model("gcn_demo", norm=norm, act=act, in_chans=4).eval()
    assert model(torch.randn(1, 4, 96, 96)).isfinite().all()


@pytest.mark.parametrize("option", [{"conv": "gat"}, {"norm": "layer"}, {"act": "swoosh"}, {"k": 0}])
def test_unknown_options_are_refused(option):
    with pytest.raises(ValueError, match=next(iter(option))):
        timm.create_model("gcn_demo", **option)


def test_k_sets_the_neighbors():
    layers = graphs(timm.create_model("gcn_demo", k=5), torch.randn(1, 3, 224, 224))
    assert [edges.shape[-1] for edges in layers] == [5, 6, 7, 8, 9, 10]


def test_drop_path_really_drops_and_only_in_training():
    model = timm.create_model("gcn_demo", drop_path_rate=0.9)
    rates = [module.p for module in model.modules() if isinstance(module, StochasticDepth)]
    assert rates[0] == 0
    assert rates[-1] == pytest.approx(0.9)
    pixels = torch.randn(1, 3, 224, 224)
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(pixels), model(pixels))
        for module in model.modules():
            if isinstance(module, StochasticDepth):
                module.train()
        assert not torch.equal(model(pixels), model(pixels))


def test_stochastic_neighbors_only_in_training():
    model = timm.create_model("gcn_demo", use_dilation=True, use_stochastic=True, epsilon=1.0)
    knn = model.backbone[5].grapher.graph_conv.knn
    assert knn.dilation == 2
    x = torch.randn(1, 64, 196, 1)
    nearest = knn.eval()(x)
    drawn = knn.train()(x)
    assert not torch.equal(nearest, drawn)
    wide = type(knn)(knn.k * knn.dilation)(x)
    assert (drawn[0][..., None] == wide[0][..., None, :]).any(-1).all()  # all of them among the k * d nearest


def test_rank_zero_is_the_node_itself():
    edges = graphs(timm.create_model("gcn_demo"), torch.randn(1, 3, 224, 224))[0]
    assert torch.equal(edges[0, ..., 0], edges[1, ..., 0])


def test_gradients_of_the_max_go_to_the_winner():
    conv = MRConv(2, 4)
    conv.nn = torch.nn.Identity()
    y = torch.tensor([1.0, 5.0, 3.0], requires_grad=True)
    x = torch.tensor([10.0, 20.0])
    edges = torch.tensor([[0, 1], [0, 2]])
    out = conv(x.view(1, 1, 2, 1), torch.stack([edges, torch.tensor([[0, 0], [1, 1]])])[:, None], y.view(1, 1, 3, 1))
    assert out.flatten().tolist() == [10.0, 20.0, -5.0, -17.0]  # x_0, x_1 then max - x, channels interleaved
    (out[:, 1].flatten() * torch.tensor([1.0, 100.0])).sum().backward()
    assert y.grad.tolist() == [0.0, 1.0, 100.0]


def test_autocast_keeps_distances_in_float32():
    model = timm.create_model("gcn_demo").eval()
    seen = []
    knn = model.backbone[0].grapher.graph_conv.knn
    original = type(knn)._distance
    knn._distance = lambda *args: seen.append(original(*args)) or seen[-1]
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        model(torch.randn(1, 3, 96, 96))
    assert seen[0].dtype == torch.float32


def test_the_demo_networks_are_small_and_a_pair():
    gcn, vig = timm.create_model("gcn_demo"), timm.create_model("vig_demo")
    assert 4e5 < sum(p.numel() for p in vig.parameters()) < sum(p.numel() for p in gcn.parameters()) < 5e5
    assert vig.layout == gcn.layout
    shapes = [[edges.shape for edges in graphs(model, torch.randn(1, 3, 224, 224))] for model in (gcn, vig)]
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("arch", WITH_BUNDLED)
def test_the_bundled_weights_name_the_bundled_objects_and_look_at_them(arch):
    model = vizgraph.load_model(arch, device="cpu")
    truth = bundled_truth()
    for path in bundled_images():
        exp = viz_nodes.explain(model, vizgraph.load_image(path, model).pixels, layers=-1)
        known, last = truth[path.name], exp.layer(-1)
        assert exp.labels[int(exp.target[0])] == known.name
        top, left = (16 * place for place in divmod(int(last.peak[0]), last.grid[1]))
        assert known.mask[top : top + 16, left : left + 16].any(), path.name


@pytest.mark.parametrize("order", ["import timm, vizgraph", "import vizgraph, timm", "import vizgraph.layers, timm"])
def test_import_registers_with_timm_in_either_order(order):
    code = f"{order}; print(timm.is_model('graphconvnet_ti'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"
    assert done.stderr == ""


def test_import_is_quick_and_quiet():
    code = "import sys, vizgraph, viz_nodes; print(sorted({'torch', 'timm', 'matplotlib'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


def test_pretrained_weights_that_cannot_be_had_are_refused_unless_a_file_follows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    pixels = torch.randn(1, 3, 224, 224)
    model = timm.create_model("graphconvnet_ti", pretrained=True).eval()
    with pytest.raises(ValueError, match="GraphConvNet_Ti_77_1"):
        model(pixels)
    torch.save({"state_dict": timm.create_model("graphconvnet_ti").state_dict()}, tmp_path / "file.pth.tar")
    model = timm.create_model("graphconvnet_ti", pretrained=True, checkpoint_path=str(tmp_path / "file.pth.tar")).eval()
    assert model(pixels).shape == (1, 1000)

"""timm's contract, held to by every architecture: heads, pools, features, sources of weights, channels, devices."""

from __future__ import annotations

import subprocess
import sys

import pytest
import timm
import torch
from torch import nn

import vizgraph
from vizgraph.errors import CheckpointError

ARCHITECTURES = vizgraph.list_models()
SIZE = 96
"""Pixels of an input here: the smallest with nodes enough for k = 2."""


def small(arch, **kwargs):
    """An architecture whose graphs fit a small input; nothing else about it is small."""
    options = {"k": 2, "use_dilation": False, "img_size": SIZE, **kwargs}
    return timm.create_model(arch, **options).eval()


@pytest.fixture(autouse=True)
def _quick_weights(monkeypatch):
    monkeypatch.setattr(nn.init, "kaiming_normal_", lambda weight: nn.init.normal_(weight, 0, 0.02))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_heads_pools_features_and_names_of_every_architecture(arch):
    model = small(arch, num_classes=7)
    pixels = torch.randn(2, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    cfg = model.pretrained_cfg
    with torch.inference_mode():
        features = model.forward_features(pixels)
        stages = model.forward_intermediates(pixels, intermediates_only=True)
        pyramid = len(model.layout.blocks) > 1
        assert features.shape[1:] == (model.num_features, *(2 * (SIZE // (32 if pyramid else 16),)))
        assert model.forward_head(features, pre_logits=True).shape == (2, model.head_hidden_size)
        assert model.forward_head(features).shape == (2, 7)
        # features: what feature_info says, one a stage, or one a block where there is one stage
        assert len(stages) == len(model.feature_info) == (4 if pyramid else model.layout.depth)
        for stage, info in zip(stages, model.feature_info, strict=True):
            assert stage.shape[1] == info["num_chs"]
            assert stage.shape[2] == SIZE // info["reduction"]
            assert dict(model.named_modules())[info["module"]] is not None
        assert torch.equal(stages[-1], features)
        # heads
        model.reset_classifier(0)
        assert model.forward_head(features).shape == (2, model.head_hidden_size)
        model.reset_classifier(0, "")
        assert model.forward_head(features).shape[2:] == features.shape[2:]
        model.reset_classifier(3, "max")
        assert model.forward_head(features).shape == (2, 3)
    assert (model.num_classes, model.get_classifier().out_channels) == (3, 3)
    keys = set(model.state_dict())
    assert {f"{cfg['first_conv']}.weight", f"{cfg['classifier']}.weight"} <= keys
    assert cfg["pool_size"] == ((7, 7) if pyramid else (14, 14))
    assert model.no_weight_decay() <= keys
    model.set_grad_checkpointing()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_backbone_of_every_architecture(arch):
    whole = small(arch)
    count = len(whole.feature_info)
    last = count - 1
    pixels = torch.randn(1, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    backbone = timm.create_model(arch, features_only=True, k=2, use_dilation=False, img_size=SIZE).eval()
    usual = list(range(count)) if count == 4 else list(range(count - 3, count))
    assert backbone.feature_info.out_indices == tuple(usual) or list(backbone.feature_info.out_indices) == usual
    chosen = timm.create_model(
        arch, features_only=True, out_indices=(0, -2), k=2, use_dilation=False, img_size=SIZE
    ).eval()
    chosen.model.load_state_dict(whole.state_dict(), strict=False)
    with torch.inference_mode():
        outputs = backbone(pixels)
        assert [o.shape[1] for o in outputs] == backbone.feature_info.channels()
        assert [SIZE // o.shape[2] for o in outputs] == backbone.feature_info.reduction()
        wanted = whole.forward_intermediates(pixels, indices=[0, last - 1], intermediates_only=True)
        assert all(torch.equal(a, b) for a, b in zip(chosen(pixels), wanted, strict=True))
    # what comes after the last one chosen, and the head, are gone
    assert not [key for key in chosen.model.state_dict() if key.startswith("prediction")]
    assert len(chosen.model.backbone) == whole._stage_ends[last - 1] + 1


@pytest.mark.parametrize("arch", ["pvig_ti", "graphconvnetp_ti"])
def test_a_backbone_trains_as_that_of_a_unet(arch):
    """What segmentation-models-pytorch does with "tu-pvig_ti": its features by scale, merged from coarse to fine."""
    torch.manual_seed(0)
    backbone = timm.create_model(
        arch, in_chans=3, pretrained=False, out_indices=(0, 1, 2, 3), features_only=True, k=2, img_size=SIZE
    )
    assert backbone.feature_info.reduction() == [4, 8, 16, 32]
    merge = nn.ModuleList([nn.Conv2d(channels, 8, 1) for channels in backbone.feature_info.channels()])
    pixels, mask = torch.rand(2, 3, SIZE, SIZE), torch.rand(2, SIZE // 4, SIZE // 4).round()

    def loss():
        features = [layer(feature) for layer, feature in zip(merge, backbone(pixels), strict=True)]
        total = sum(nn.functional.interpolate(feature, mask.shape[-2:]) for feature in features).mean(1)
        return nn.functional.binary_cross_entropy_with_logits(total, mask)

    parameters = [*backbone.parameters(), *merge.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    losses = []
    for _ in range(8):
        losses.append(loss())
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.95 * losses[0]
    unused = [name for name, p in backbone.named_parameters() if p.requires_grad and p.grad is None]
    assert unused == []


@pytest.mark.parametrize("indices", [(4,), (-5,), 0, 5, ()])
def test_indices_that_are_none(indices):
    with pytest.raises(ValueError, match="`indices`"):
        small("pvig_ti").forward_intermediates(torch.randn(1, 3, SIZE, SIZE), indices=indices)


def test_the_last_so_many_and_any_order():
    model, pixels = small("gcn_demo"), torch.randn(1, 3, SIZE, SIZE)
    with torch.inference_mode():
        final, stages = model.forward_intermediates(pixels)
        assert torch.equal(final, stages[-1])
        last = model.forward_intermediates(pixels, indices=2, intermediates_only=True)
        assert torch.equal(last[0], stages[4])
        turned = model.forward_intermediates(pixels, indices=[-1, 0], intermediates_only=True, stop_early=True)
        assert torch.equal(turned[0], stages[5])
        assert torch.equal(turned[1], stages[0])


@pytest.mark.parametrize("how", ["device", "context"])
@pytest.mark.parametrize("arch", ["vig_ti", "pvig_m"])
def test_a_network_without_memory(arch, how):
    if how == "device":
        model = timm.create_model(arch, device="meta")
    else:
        with torch.device("meta"):
            model = timm.create_model(arch)
    assert {tensor.device.type for tensor in model.state_dict().values()} == {"meta"}
    plain = timm.create_model(arch)
    assert {k: v.shape for k, v in model.state_dict().items()} == {k: v.shape for k, v in plain.state_dict().items()}
    model.load_state_dict(plain.state_dict(), assign=True)
    assert [knn.k for knn in model.modules() if hasattr(knn, "dilation") and hasattr(knn, "k")][-1] > 0
    assert timm.create_model("gcn_demo", dtype=torch.float64).pos_embed.dtype == torch.float64


@pytest.mark.parametrize("pool", ["avg", "max", "avgmax"])
def test_pools(pool):
    model, x = small("gcn_demo", global_pool=pool, num_classes=0), torch.randn(2, 64, 6, 6)
    flat = x.flatten(2)
    wanted = {"avg": flat.mean(-1), "max": flat.amax(-1), "avgmax": (flat.mean(-1) + flat.amax(-1)) / 2}[pool]
    with torch.inference_mode():
        torch.testing.assert_close(model.forward_head(x), model.prediction(wanted[..., None, None]).flatten(1))
        dense = small("gcn_demo", global_pool="", num_classes=5).forward_head(x)
    assert dense.shape == (2, 5, 6, 6)
    with pytest.raises(ValueError, match="`global_pool` must be one of 'avg', 'max', 'avgmax', ''"):
        timm.create_model("gcn_demo", global_pool="catavgmax")


# Sources of weights, as timm's own.


def to_official(state):
    import re

    renamed = {re.sub(r"^(backbone\.\d+)(?:\.0)?\.grapher\.", r"\1.0.", k): v for k, v in state.items()}
    return {re.sub(r"^(backbone\.\d+)(?:\.0)?\.FFN\.", r"\1.1.", k): v for k, v in renamed.items()}


@pytest.fixture
def saved(tmp_path):
    """A file of `vig_demo` in the official layout, after a prefix, and its weights."""
    torch.manual_seed(1)
    state = timm.create_model("vig_demo").state_dict()
    torch.save({"state_dict": {f"net.{k}": v for k, v in to_official(state).items()}}, tmp_path / "x.pth")
    return tmp_path / "x.pth", state


def test_an_overlay_s_file_is_what_is_loaded(saved):
    path, state = saved
    overlay = {"file": str(path)}
    model = timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay)
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())
    bundled = timm.create_model("vig_demo", pretrained=True)
    assert not torch.equal(bundled.pos_embed, model.pos_embed)
    by_dict = timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay={"state_dict": state})
    assert torch.equal(by_dict.pos_embed, model.pos_embed)


def test_an_overlay_s_file_meets_other_classes_channels_and_sizes(saved):
    path, state = saved
    overlay = {"file": str(path)}
    other = timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay, num_classes=3, in_chans=1)
    assert other.get_classifier().out_channels == 3
    assert torch.equal(other.state_dict()["stem.convs.0.weight"], state["stem.convs.0.weight"].sum(1, keepdim=True))
    assert torch.equal(other.pos_embed, state["pos_embed"])
    large = timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay, img_size=320)
    assert large.pos_embed.shape[-2:] == (20, 20)
    features = timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay, features_only=True)
    assert torch.equal(features.model.pos_embed, state["pos_embed"])


def test_a_file_of_another_network_is_not_loaded_in_part(tmp_path):
    state = timm.create_model("vig_demo").state_dict()
    del state["backbone.2.FFN.fc1.0.weight"]
    torch.save(state, tmp_path / "x.pth")
    overlay = {"file": str(tmp_path / "x.pth")}
    for classes in (10, 3):  # timm loads loosely where the classes differ
        with pytest.raises(CheckpointError, match=r"do not fit: 1 key missing \(backbone.2.FFN.fc1.0.weight\)"):
            timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay, num_classes=classes)
    gcn = timm.create_model("gcn_demo").state_dict()
    torch.save(gcn, tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="keys left over"):
        timm.create_model("vig_demo", pretrained=True, pretrained_cfg_overlay=overlay)


@pytest.mark.parametrize("arch", ["gcn_demo", "vig_demo"])
def test_published_weights_meet_other_classes_channels_sizes_and_features(arch):
    plain = vizgraph.load_model(arch, device="cpu").state_dict()
    one = timm.create_model(arch, pretrained=True, in_chans=1, num_classes=3)
    assert torch.allclose(one.state_dict()["stem.convs.0.weight"], plain["stem.convs.0.weight"].sum(1, keepdim=True))
    assert torch.equal(one.state_dict()["prediction.0.weight"], plain["prediction.0.weight"])
    assert one.pretrained_cfg["num_classes"] == 3
    large = timm.create_model(arch, pretrained=True, img_size=288)
    assert large.pos_embed.shape[-1] == 18
    features = timm.create_model(arch, pretrained=True, features_only=True, out_indices=(1,))
    assert torch.equal(features.model.state_dict()["pos_embed"], plain["pos_embed"])
    assert features.pretrained_cfg["mean"] == one.pretrained_cfg["mean"]
    assert "file" not in one.pretrained_cfg


REGISTERED = "print(timm.is_model('pvig_ti'), timm.is_model('graphconvnet_ti'))"


@pytest.mark.parametrize(
    "code",
    [
        "import vizgraph, importlib.util as u; [u.find_spec('timm').loader.get_filename('timm') for _ in 'abc']",
        "import vizgraph.models.vision_gnn",
        "import vizgraph, timm, inspect, importlib; inspect.getsource(timm); importlib.reload(timm)",
    ],
)
def test_the_registration_survives(code):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", f"{code}; import timm; {REGISTERED}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout.strip(), done.stderr) == ("True True", "")


def test_names_cost_no_torch():
    code = (
        "import sys, vizgraph; from vizgraph.models import resolve\n"
        "try: resolve('gcn_tj')\n"
        "except ValueError as error: print('gcn_ti' in str(error), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True False"

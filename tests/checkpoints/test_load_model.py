"""`load_model`: every layout and wrapper ends in the same network; what does not fit is refused by name and count."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import warnings

import pytest
import timm
import torch
from safetensors.torch import save_file

import vizgraph
from vizgraph.checkpoints import CheckpointError, load_published, locate, resolve_device
from vizgraph.checkpoints.catalog import WITH_BUNDLED

DEMO = "gcn_demo"


def load(arch, path=None, **kwargs):
    return vizgraph.load_model(arch, path, device="cpu", **kwargs)


def refused(match, arch, path, **kwargs):
    with pytest.raises(CheckpointError, match=match) as error:
        load(arch, path, **kwargs)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith((str(path), arch))
    return message


def equal(model, state):
    loaded = model.state_dict()
    return list(loaded) == list(state) and all(torch.equal(loaded[key], state[key]) for key in state)


@pytest.mark.parametrize("layout", ["project", "official", "mmpretrain"])
@pytest.mark.parametrize("arch", ["vig_ti", "pvig_ti"])
def test_every_layout_becomes_the_same_network(arch, layout, state_of, renamed, tmp_path):
    state = state_of(arch)
    if layout == "mmpretrain":  # positions by another implementation; the file's are what counts
        state = {k: v + 3e-7 if k.endswith("relative_pos") else v for k, v in state.items()}
    path = tmp_path / f"graphconvnet_ti.{layout}.pth.tar"  # names mean nothing
    torch.save({"meta": {}, "state_dict": renamed[layout](state)}, path)
    model = load(arch, path)
    assert equal(model, state)
    assert not model.training
    info = model.checkpoint_info
    assert (info.arch, info.source, info.path, info.num_classes) == (arch, "file", path, 1000)
    assert info.layout.startswith(layout)
    assert len(info.sha256) == 64
    assert model.pretrained_cfg["mean"] == model.pretrained_cfg["std"] == (0.5, 0.5, 0.5)
    assert model.default_cfg is model.pretrained_cfg


OFFICIAL = ["vig_ti", "vig_s", "vig_b", "pvig_ti", "pvig_s", "pvig_m", "pvig_b"]


@pytest.mark.parametrize("arch", OFFICIAL)
def test_every_official_file_goes_in_whole(arch, reference, shapes_of, renamed, tmp_path, monkeypatch):
    """Its keys and shapes from the reference; values cut from one small array, which keeps the file small."""
    shapes = shapes_of(reference / "official" / f"{arch}_224_gelu.json")
    pool = torch.rand(max(torch.Size(shape).numel() for shape in shapes.values()))
    official = {
        key: torch.tensor(3) if key.endswith("tracked") else pool[: torch.Size(shape).numel()].view(shape)
        for key, shape in shapes.items()
    }
    path = tmp_path / "x.pth"
    torch.save(official, path)
    monkeypatch.setattr(torch.nn.init, "kaiming_normal_", lambda weight: weight)  # written over anyway, and slow
    model = load(arch, path)
    back = renamed["official"](model.state_dict())
    assert list(back) == list(official)
    assert all(torch.equal(back[key], value) for key, value in official.items())
    assert model.pretrained_cfg["crop_pct"] == (0.95 if arch == "pvig_b" else 0.9)


def test_short_names_and_the_release_preprocessing(tmp_path):
    state = timm.create_model("graphconvnet_ti").state_dict()
    torch.save(
        {"arch": "graphconvnet_ti", "state_dict": state, "args": argparse.Namespace(lr=2e-3)}, tmp_path / "x.pth.tar"
    )
    model = load("gcn_ti", tmp_path / "x.pth.tar")
    assert model.pretrained_cfg["mean"] == (0.485, 0.456, 0.406)
    assert model.pretrained_cfg["std"] == (0.229, 0.224, 0.225)
    assert model.pretrained_cfg["crop_pct"] == 0.9


def test_half_and_double_precision_files(demo_file, state_of):
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        state = {k: v.to(dtype) if v.is_floating_point() else v for k, v in state_of(DEMO).items()}
        loaded = load(DEMO, demo_file(state)).state_dict()
        assert all(torch.equal(loaded[k], v.float() if v.is_floating_point() else v) for k, v in state.items())


def test_averaged_weights_are_preferred_and_said(demo_file, state_of):
    averaged, raw = state_of(DEMO), {k: v + 1 for k, v in state_of(DEMO).items()}
    path = demo_file({"state_dict": raw, "state_dict_ema": averaged})
    model = load(DEMO, path)
    assert equal(model, averaged)
    assert model.checkpoint_info.ema is True
    assert "EMA" in model.checkpoint_info.notes[0]
    assert "--no-ema" in model.checkpoint_info.notes[0]
    assert "EMA weights" in str(model.checkpoint_info)
    model = load(DEMO, path, ema=False)
    assert equal(model, raw)
    assert model.checkpoint_info.ema is False
    assert "weights without EMA" in str(model.checkpoint_info)
    assert load(DEMO, demo_file()).checkpoint_info.notes == ()


def test_classes_come_from_the_head(tmp_path):
    for name, rename in (("a", dict), ("b", lambda s: s)):
        torch.save(rename(timm.create_model("vig_ti", num_classes=17).state_dict()), tmp_path / name)
        model = load("vig_ti", tmp_path / name)
        assert model.num_classes == model.pretrained_cfg["num_classes"] == model.checkpoint_info.num_classes == 17
    assert load("vig_ti", tmp_path / "a", num_classes=17).num_classes == 17
    refused(r"has a head of 17 classes, not 5; .*reset_classifier\(5\)", "vig_ti", tmp_path / "a", num_classes=5)


def test_missing_and_left_over_keys_are_counted_and_named(demo_file, state_of):
    state = state_of(DEMO)
    gone = [key for key in state if key.startswith("backbone.2.FFN.fc1")]
    for key in gone:
        del state[key]
    state["backbone.2.extra.weight"] = torch.zeros(1)
    state["criterion.weight"] = torch.zeros(1)
    message = refused("does not fit", DEMO, demo_file(state))
    assert f"{len(gone) - 1} keys missing ({gone[0]}, {gone[1]}, {gone[2]}, ...)" in message
    assert "1 key left over (backbone.2.extra.weight)" in message
    assert "beside criterion.* (1)" in message
    assert "project layout" in message


def test_a_key_too_many_is_refused_by_itself(demo_file, state_of):
    message = refused("does not fit", DEMO, demo_file({**state_of(DEMO), "backbone.7.bn.weight": torch.ones(64)}))
    assert "1 key left over (backbone.7.bn.weight)" in message
    assert "missing" not in message


def test_a_headless_file_names_the_head(demo_file, state_of):
    state = {k: v for k, v in state_of(DEMO).items() if not k.startswith("prediction.4")}
    assert "2 keys missing (prediction.4.weight, prediction.4.bias)" in refused("does not fit", DEMO, demo_file(state))


def test_shapes_are_compared_before_values(demo_file, state_of):
    state = state_of(DEMO)
    state["prediction.0.bias"] = torch.full((7,), float("nan"))
    refused(r"1 key of another shape \(prediction.0.bias \(file \(7,\), network \(1024,\)\)\)", DEMO, demo_file(state))


@pytest.mark.parametrize(("value", "kind"), [("nan", "NaN"), ("inf", "infinity"), ("-inf", "infinity")])
def test_values_that_are_no_numbers(value, kind, demo_file, state_of):
    state = state_of(DEMO)
    state["backbone.1.bn.running_var"] = state["backbone.1.bn.running_var"].clone()
    state["backbone.1.bn.running_var"][3] = float(value)
    refused(rf"'backbone.1.bn.running_var' holds {kind} \(1 of 64 values\)", DEMO, demo_file(state))


def test_whole_numbers_for_weights(demo_file, state_of):
    state = {**state_of(DEMO), "backbone.1.bn.weight": torch.ones(64, dtype=torch.int64)}
    refused("'backbone.1.bn.weight' holds whole numbers", DEMO, demo_file(state))


def test_another_architecture_is_told_by_name(state_of, renamed, tmp_path):
    for arch, layout in (("vig_ti", "official"), ("pvig_ti", "mmpretrain"), (DEMO, "project")):
        path = tmp_path / "x.pth"
        torch.save(renamed[layout](state_of(arch)), path)
        refused(
            rf"looks like {arch} \(.*\), not vig_s \(a ViG of 16 blocks, 320 channels\); use --arch {arch}",
            "vig_s",
            path,
        )


def test_a_file_of_another_network_altogether(tmp_path):
    torch.save(torch.nn.Sequential(torch.nn.Linear(2, 2)).state_dict(), tmp_path / "x.pth")
    refused(r"its 2 keys \(0.weight, 0.bias, ...\) are not those of", "vig_ti", tmp_path / "x.pth")


def test_what_shows_in_the_shapes_is_built(tmp_path):
    for number, options in enumerate(({"conv": "sage"}, {"conv": "gin"}, {"in_chans": 1}, {"img_size": (96, 160)})):
        made = timm.create_model(DEMO, num_classes=3, **options)
        torch.save(made.state_dict(), tmp_path / f"{number}.pth")
        model = load(DEMO, tmp_path / f"{number}.pth")
        assert equal(model, made.state_dict())
    assert model.pretrained_cfg["input_size"] == (3, 96, 160)


def test_a_pyramid_for_another_input_size(tmp_path):
    made = timm.create_model("pvig_ti", num_classes=2, img_size=(96, 64))
    torch.save(made.state_dict(), tmp_path / "x.pth")
    model = load("pvig_ti", tmp_path / "x.pth")
    assert equal(model, made.state_dict())
    assert model.pretrained_cfg["input_size"] == (3, 96, 64)


def test_a_claimed_input_size_allocates_nothing(state_of, tmp_path):
    """Positions of a grid of a million nodes would take a pyramid terabytes; the file must bring its own."""
    state = {**state_of("pvig_ti"), "pos_embed": torch.zeros(1, 48, 1000, 1000, dtype=torch.float16)}
    torch.save(state, tmp_path / "x.pth")
    refused(r"of another shape \(pos_embed", "pvig_ti", tmp_path / "x.pth")


OWN = {
    "arch": DEMO,
    "model_kwargs": {"k": 5, "conv": "edge", "drop_path_rate": 0.1},
    "num_classes": 3,
    "label_names": ["ant", "bee", "cat"],
    "data": {
        "mean": [0.1, 0.2, 0.3],
        "std": [0.4, 0.5, 0.6],
        "crop_pct": 1.0,
        "interpolation": "bilinear",
        "input_size": [3, 224, 224],
    },
}


@pytest.mark.parametrize("form", ["pth.tar", "safetensors"])
def test_our_own_files_bring_options_labels_and_preprocessing(form, tmp_path):
    made = timm.create_model(DEMO, num_classes=3, k=5, conv="edge")
    path = tmp_path / f"last.{form}"
    if form == "safetensors":
        save_file(made.state_dict(), path, metadata={"vizgraph": json.dumps(OWN)})
    else:
        torch.save({"epoch": 3, "state_dict": made.state_dict(), "vizgraph": OWN}, path)
    model = load(DEMO, path)
    assert equal(model, made.state_dict())
    pixels = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(model(pixels), made.eval()(pixels))  # k and conv do not show in the shapes
    cfg = model.pretrained_cfg
    assert cfg["label_names"] == ("ant", "bee", "cat")
    assert (cfg["mean"], cfg["std"], cfg["crop_pct"]) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6), 1.0)
    assert (cfg["interpolation"], cfg["input_size"], cfg["num_classes"]) == ("bilinear", (3, 224, 224), 3)
    resolved = timm.data.resolve_data_config(pretrained_cfg=cfg, model=model)
    assert resolved["mean"] == (0.1, 0.2, 0.3)
    assert model.checkpoint_info.ema is None
    assert load(DEMO, path, conv="mr").backbone[0].grapher.graph_conv.gconv.__class__.__name__ == "MRConv"
    refused("holds gcn_demo, not graphconvnet_ti; use --arch gcn_demo", "graphconvnet_ti", path)


def test_sizes_are_the_tensors_not_what_the_entry_claims(state_of, tmp_path):
    told = {"arch": DEMO, "model_kwargs": {"img_size": [448, 448], "in_chans": 5, "k": 7}}
    torch.save({"state_dict": state_of(DEMO), "vizgraph": told}, tmp_path / "x.pth")
    model = load(DEMO, tmp_path / "x.pth")
    assert equal(model, state_of(DEMO))
    assert model.backbone[0].grapher.graph_conv.knn.k == 7


@pytest.mark.parametrize(("said", "ema"), [('{"ema": true}', True), ('{"ema": 1}', None), ("[", None), ("[1]", None)])
def test_an_export_may_say_that_it_is_averaged(said, ema, state_of, tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(state_of(DEMO), path, metadata={"training": said})
    info = load(DEMO, path).checkpoint_info
    assert info.ema is ema
    assert info.notes == ()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"arch": "resnet50"}, "names no architecture"),
        ({"arch": None}, "names no architecture"),
        ({"model_kwargs": {"checkpoint_path": "/etc/passwd"}}, "no network here takes .*checkpoint_path"),
        ({"model_kwargs": {"pretrained": True}}, "no network here takes"),
        ({"model_kwargs": {"k": {9: 9}}}, "no plain values"),
        ({"model_kwargs": {"k": [9]}}, "a k that cannot be"),
        ({"model_kwargs": {"k": "nine"}}, "a k that cannot be"),
        ({"model_kwargs": {"conv": "os.system"}}, "a conv that cannot be"),
        ({"model_kwargs": [1]}, "no dict"),
        ({"label_names": "ant"}, "no list of strings"),
        ({"label_names": ["a"] * 4, "num_classes": 4}, "names 4 labels for 3 classes"),
        ({"label_names": ["a", "b"]}, "names 2 labels for 3 classes"),
        ({"data": {"std": [0, 1, 1]}}, "a std that cannot be"),
        ({"data": {"mean": [float("nan"), 0, 0]}}, "a mean that cannot be"),
        ({"data": {"crop_pct": 3}}, "a crop_pct that cannot be"),
        ({"data": {"interpolation": "magic"}}, "an? interpolation that cannot be"),
        ({"data": 3}, "no dict"),
    ],
)
def test_our_own_entry_is_as_hostile_as_the_rest(change, says, tmp_path):
    state = timm.create_model(DEMO, num_classes=3).state_dict()
    path = tmp_path / "x.pth.tar"
    torch.save({"state_dict": state, "vizgraph": {**OWN, "model_kwargs": {}, **change}}, path)
    refused(says, DEMO, path)


def test_options_of_the_caller(demo_file):
    model = load(DEMO, demo_file(), k=4, drop_rate=0.5)
    assert model.drop_rate == 0.5
    assert model.backbone[0].grapher.graph_conv.knn.k == 4
    with pytest.raises(TypeError, match="no_such_option"):
        load(DEMO, demo_file(), no_such_option=1)


def test_random_weights_warn():
    with pytest.warns(UserWarning, match="untrained") as caught:
        model = load("gcn_demo", "random", num_classes=4)
    assert caught[0].filename == __file__.replace(".pyc", ".py")  # the caller's line, through `load` above
    assert not model.training
    assert model.checkpoint_info.source == "random"
    assert model.checkpoint_info.path is None
    assert str(model.checkpoint_info) == "untrained weights"
    assert model.num_classes == 4


def test_unknown_architecture():
    with pytest.raises(ValueError, match="did you mean gcn_ti"):
        load("gcn_tii", "random")


def test_wrong_devices_are_said_before_anything_is_read():
    for device, says in (
        ("cudaa", "must be auto, cpu"),
        ("vulkan", "must be auto, cpu"),
        ("cuda:99", "not on this machine"),
    ):
        with pytest.raises(ValueError, match=says):
            vizgraph.load_model(DEMO, "no such file", device=device)
    assert resolve_device("cpu") == resolve_device(torch.device("cpu")) == torch.device("cpu")
    assert resolve_device("auto").type in ("cpu", "cuda", "mps")


def test_the_pin_is_passed_on(demo_file):
    path = demo_file()
    digest = load(DEMO, path).checkpoint_info.sha256
    assert load(DEMO, path, sha256=digest[:8]).checkpoint_info.sha256 == digest
    refused("not the file that was pinned", DEMO, path, sha256="0" * 8)
    with pytest.warns(UserWarning, match="untrained"), pytest.raises(ValueError, match="pins a file"):
        load(DEMO, "random", sha256=digest)


def test_published_weights_are_found_in_ckpt_then_in_the_cache(state_of, renamed, tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    cache.mkdir()
    torch.save(renamed["mmpretrain"](state_of("vig_ti")), cache / "vig-tiny_3rdparty_in1k_20230117-6414c684.pth")
    model = load("vig_ti")
    assert model.checkpoint_info.path.parent == cache
    assert model.checkpoint_info.origin == "mmpretrain"
    assert "SHA-256" in model.checkpoint_info.notes[0]  # it is not the published file, of course

    os.mkdir("ckpt")
    torch.save(renamed["official"](state_of("vig_ti")), "ckpt/vig_ti_74.5.pth")
    assert load("vig_ti").checkpoint_info.layout == "official ViG"
    torch.save(state_of("vig_ti"), "ckpt/vig_ti.pth.tar")  # named after the architecture: first of all
    assert load("vig_ti").checkpoint_info.layout == "project"
    shutil.rmtree("ckpt")

    checkout = tmp_path / "checkout"
    (checkout / "ckpt").mkdir(parents=True)
    (checkout / "pyproject.toml").touch()
    monkeypatch.setattr(locate, "__file__", str(checkout / "vizgraph" / "checkpoints" / "locate.py"))
    assert locate.folders()[1] == checkout / "ckpt"


def test_what_only_a_person_can_fetch_is_said_in_one_message(tmp_path):
    message = refused("needs a person and a login", "graphconvnet_ti", None)
    for part in ("GraphConvNet_Ti_77_1.pth.tar", "https://pan.baidu.com/s/1_yCwQnPhneGnho6AaT-cBw?pwd=5eri", "--ckpt"):
        assert part in message
    assert str(tmp_path / "cache") in message
    assert os.path.join(os.getcwd(), "ckpt") in message
    assert "under the name graphconvnetp_s.pth.tar" in refused("baidu", "graphconvnetp_s", None)


@pytest.mark.parametrize("arch", WITH_BUNDLED)
def test_demo_is_the_bundled_file(arch, state_of, tmp_path, monkeypatch):
    path = tmp_path / f"{arch}.safetensors"
    save_file(state_of(arch), path)
    monkeypatch.setattr(locate, "bundled_file", lambda arch: tmp_path / f"{arch}.safetensors")
    for checkpoint in (None, "demo"):
        info = load(arch, checkpoint).checkpoint_info
        assert (info.source, info.path, info.origin) == ("bundled", path, "bundled")
    with pytest.raises(CheckpointError, match="of gcn_demo and vig_demo, none of vig_ti; use --arch gcn_demo"):
        load("vig_ti", "demo")
    path.unlink()
    with pytest.raises(CheckpointError, match="install the package again"):
        load(arch)


@pytest.mark.parametrize("arch", ["gcn_demo", "vig_demo"])
def test_relation_is_bundled_too_and_tells_pairs_of_digits(arch):
    from vizgraph.data import prepare
    from vizgraph.data.scenes import RELATION_CLASSES, make_relation

    model = load(arch, "relation")
    assert tuple(model.pretrained_cfg["label_names"]) == RELATION_CLASSES
    scenes = [make_relation("val", 1, index) for index in range(40)]
    with torch.no_grad():
        named = model(torch.cat([prepare(scene.image, model).pixels for scene in scenes])).argmax(1)
    right = sum(int(one) == scene.label for one, scene in zip(named, scenes))
    assert right >= 35  # each is right in 96 to 99 of 100; "different" alone would be in 20
    with pytest.raises(CheckpointError, match="relation: there are checkpoints of gcn_demo and vig_demo, none of"):
        load("vig_ti", "relation")


def test_pretrained_as_timm_users_ask_for_it(state_of, renamed):
    os.mkdir("ckpt")
    torch.save(renamed["official"](state_of("vig_ti")), "ckpt/vig_ti_74.5.pth")
    model = timm.create_model("vig_ti", pretrained=True)
    assert equal(model, state_of("vig_ti"))
    assert model.checkpoint_info.origin == "official ViG release"
    other = timm.create_model("vig_ti", pretrained=True, num_classes=4)
    assert other.num_classes == other.pretrained_cfg["num_classes"] == 4
    own, published = other.state_dict(), state_of("vig_ti")
    assert all(torch.equal(own[k], published[k]) for k in published if not k.startswith("prediction.4"))
    assert own["prediction.4.weight"].std() > 0.01  # newly made


def test_pretrained_that_a_person_must_fetch():
    with pytest.raises(CheckpointError, match="needs a person"):
        load_published(timm.create_model("graphconvnet_ti"), "gcn_ti")
    model = timm.create_model("graphconvnet_ti", pretrained=True)  # timm may load a file into it yet
    with pytest.raises(CheckpointError, match="needs a person"):
        model(torch.zeros(1, 3, 32, 32))


def test_loading_is_quiet(demo_file, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(DEMO, demo_file())
        load(DEMO, demo_file(_use_new_zipfile_serialization=False))
    assert capfd.readouterr() == ("", "")

"""Prefixes, things beside the network, folders, shards, the hub, other inputs, class names: read, and said how."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

import vizgraph
from vizgraph.checkpoints import CheckpointError, hub
from vizgraph.data import imagenet_names, labels_of
from vizgraph.models._filter import remap

DEMO = "vig_demo"


def load(path, arch=DEMO, **kwargs):
    return vizgraph.load_model(arch, path, device="cpu", **kwargs)


def equal(model, state):
    loaded = model.state_dict()
    return list(loaded) == list(state) and all(torch.equal(loaded[key], state[key]) for key in state)


def prefixed(prefix, state):
    return {prefix + key: value for key, value in state.items()}


PREFIXES = [
    "net.",
    "model.",
    "backbone.",
    "encoder.",
    "vig.",
    "timm_model.",
    "module.net.",
    "_orig_mod.net.",
    "net._orig_mod.",
    "model.module.student_net.",
]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("layout", ["project", "official", "mmpretrain"])
def test_any_one_prefix_before_all_keys(prefix, layout, state_of, renamed, demo_file):
    state = state_of(DEMO)
    path = demo_file({"state_dict": prefixed(prefix, renamed[layout](state)), "pytorch-lightning_version": "2.4.0"})
    model = load(path)
    assert equal(model, state)
    info = model.checkpoint_info
    assert info.layout.startswith(layout)
    plain = ".".join(part for part in prefix.split(".") if part not in ("module", "_orig_mod"))
    assert info.prefix == plain
    assert f"after {plain!r}" in str(info)
    assert any(f"read as {info.layout} layout after {plain!r}" in note for note in info.notes)


@pytest.mark.parametrize(
    ("arch", "layout"), [("pvig_ti", "official"), ("pvig_ti", "mmpretrain"), ("pvig_ti", "project")]
)
def test_a_prefix_before_a_pyramid(arch, layout, state_of, renamed):
    remapped = remap(prefixed("backbone.", renamed[layout](state_of(arch))))
    assert remapped.prefix == "backbone."
    assert list(remapped.state) == list(state_of(arch))


def test_what_stands_beside_the_network_is_left_out_and_named(state_of, demo_file):
    state = state_of(DEMO)
    counted = {
        f"net.{key.rpartition('.')[0]}.total_ops": torch.zeros(1, dtype=torch.float64) for key in list(state)[:9]
    }
    content = {
        **prefixed("net.", state),
        **counted,
        "net.total_params": torch.zeros(1),
        "criterion.weight": torch.ones(3),
        "criterion.mask": torch.ones(3, dtype=torch.bool),
        "queue": torch.zeros(2, 2),
        "epoch": 7,
    }
    model = load(demo_file({"state_dict": content}))
    assert equal(model, state)
    left_out = model.checkpoint_info.left_out
    assert {"criterion.* (2)", "queue", "epoch"} <= set(left_out)
    assert any("counters of a profiler" in name for name in left_out)
    note = next(note for note in model.checkpoint_info.notes if note.startswith("left out"))
    assert "criterion.* (2)" in note


def test_thop_counters_alone(state_of, demo_file):
    state = state_of(DEMO)
    counters = {
        f"{key.rpartition('.')[0]}.total_params": torch.zeros(1, dtype=torch.float64) for key in list(state)[:9]
    }
    model = load(demo_file({**state, **counters, "total_ops": torch.zeros(1)}))
    assert equal(model, state)


def test_of_two_copies_the_averaged_one_is_taken_and_others_are_refused(state_of, demo_file):
    averaged, raw = state_of(DEMO), {key: value + 1 for key, value in state_of(DEMO).items()}
    both = {**prefixed("model.", raw), **prefixed("ema_model.", averaged)}
    model = load(demo_file(both))
    assert equal(model, averaged)
    assert model.checkpoint_info.ema is True
    assert "--no-ema" in model.checkpoint_info.notes[0]
    assert equal(load(demo_file(both), ema=False), raw)
    with pytest.raises(CheckpointError, match=r"holds 2 networks \('encoder_k.', 'encoder_q.'\)"):
        load(demo_file({**prefixed("encoder_q.", raw), **prefixed("encoder_k.", averaged)}))


def test_files_older_than_batch_norm_s_counters(state_of, demo_file):
    state = state_of(DEMO)
    model = load(demo_file({key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}))
    assert equal(model, {k: torch.zeros_like(v) if k.endswith("tracked") else v for k, v in state.items()})
    assert "counters of batches" in model.checkpoint_info.notes[-1]


@pytest.mark.parametrize("arch", [DEMO, "pvig_ti"])
def test_another_input_size_resizes_positions_and_computes_what_the_network_would(arch, state_of, tmp_path):
    torch.save(state_of(arch), tmp_path / "x.pth")
    small, large = load(tmp_path / "x.pth", arch), load(tmp_path / "x.pth", arch, img_size=288)
    grid = large.pos_embed.shape[-1]
    assert grid == {DEMO: 18, "pvig_ti": 72}[arch]
    assert large.pretrained_cfg["input_size"] == (3, 288, 288)
    assert any(f"resized to {grid}x{grid}" in note for note in large.checkpoint_info.notes)
    pixels = torch.rand(1, 3, 288, 288, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        torch.testing.assert_close(large(pixels), small(pixels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 4])
def test_other_channels_adapt_the_first_convolution_as_timm_does(channels, state_of, demo_file):
    from timm.models import adapt_input_conv

    model = load(demo_file(state_of(DEMO)), in_chans=channels)
    wanted = adapt_input_conv(channels, state_of(DEMO)["stem.convs.0.weight"])
    assert torch.equal(model.state_dict()["stem.convs.0.weight"], wanted)
    assert model.pretrained_cfg["input_size"] == (channels, 224, 224)
    assert any("first convolution" in note for note in model.checkpoint_info.notes)
    with torch.inference_mode():
        assert model(torch.rand(1, channels, 224, 224)).shape == (1, model.num_classes)


def shards(folder: Path, state, **index):
    """Two safetensors files and their index, as the hub lays them out."""
    folder.mkdir(exist_ok=True)
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    keys = list(state)
    places = {key: names[place >= len(keys) // 2] for place, key in enumerate(keys)}
    for name in names:
        save_file({key: state[key] for key in keys if places[key] == name}, folder / name)
    content = {"metadata": {}, "weight_map": places, **index}
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    return folder / "model.safetensors.index.json"


def test_shards_are_read_by_their_index(state_of, tmp_path):
    index = shards(tmp_path / "sharded", state_of(DEMO))
    assert equal(load(index), state_of(DEMO))
    model = load(index.parent)
    assert equal(model, state_of(DEMO))
    digest = model.checkpoint_info.sha256
    assert equal(load(index, sha256=digest[:16]), state_of(DEMO))
    shard = next(index.parent.glob("model-00001*"))
    content = bytearray(shard.read_bytes())
    content[-5] ^= 1
    shard.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="not the file that was pinned"):
        load(index, sha256=digest)
    shard.unlink()
    with pytest.raises(CheckpointError, match="there is no such file"):
        load(index)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weight_map": {}}, "has no weight_map"),
        ({"weight_map": []}, "has no weight_map"),
        ({"weight_map": {"pos_embed": "../../etc/x.safetensors"}}, "no .safetensors beside it"),
        ({"weight_map": {"pos_embed": "/etc/passwd"}}, "no .safetensors beside it"),
        ({"weight_map": {"nothing": "model-00001-of-00002.safetensors"}}, "does not hold 'nothing'"),
    ],
)
def test_an_index_is_as_hostile_as_the_rest(change, says, state_of, tmp_path):
    with pytest.raises(CheckpointError, match=says):
        load(shards(tmp_path / "s", state_of(DEMO), **change))


CONFIG = {
    "architecture": DEMO,
    "num_classes": 10,
    "label_names": [f"kind {number}" for number in range(10)],
    "model_args": {"k": 5, "img_size": 224, "something": [1]},
    "pretrained_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5], "crop_pct": 0.8, "interpolation": "bilinear"},
}


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin", "weights.safetensors", "shards"])
def test_a_folder_with_a_config_as_timm_writes_it(name, state_of, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    if name == "shards":
        shards(folder, state_of(DEMO))
    elif name.endswith(".bin"):
        torch.save(state_of(DEMO), folder / name)
    else:
        save_file(state_of(DEMO), folder / name)
    for checkpoint in (folder, f"local-dir:{folder}"):
        model = load(checkpoint)
        assert equal(model, state_of(DEMO))
        cfg = model.pretrained_cfg
        assert (cfg["mean"], cfg["crop_pct"], cfg["interpolation"]) == ((0.1, 0.2, 0.3), 0.8, "bilinear")
        assert labels_of(model) == tuple(CONFIG["label_names"])
        assert model.checkpoint_info.labels == "its config.json"
        assert model.backbone[0].grapher.graph_conv.knn.k == 5
    with pytest.raises(CheckpointError, match="holds vig_demo, not vig_ti; use --arch vig_demo"):
        load(folder, "vig_ti")


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({"id2label": {str(number): f"kind {number}" for number in range(10)}}, CONFIG["label_names"]),
        ({"label2id": {f"kind {number}": number for number in reversed(range(10))}}, CONFIG["label_names"]),
        ({"id2label": {str(number): f"LABEL_{number}" for number in range(10)}}, None),
        ({"id2label": {"0": "x", "1": "y"}}, None),
    ],
)
def test_class_names_of_a_config_as_transformers_writes_it(names, labels, state_of, tmp_path):
    folder = tmp_path / "saved"
    folder.mkdir()
    plain = {name: value for name, value in CONFIG.items() if name not in ("label_names", "num_classes")}
    (folder / "config.json").write_text(json.dumps(plain | names))
    save_file(state_of(DEMO), folder / "model.safetensors")
    assert labels_of(load(folder)) == (None if labels is None else tuple(labels))


def test_what_timm_itself_writes_is_read_back(tmp_path):
    from timm.models import save_for_hf

    torch.manual_seed(0)
    model = timm.create_model(DEMO, num_classes=4, k=3).eval()
    save_for_hf(model, tmp_path / "saved", safe_serialization=True)
    again = load(tmp_path / "saved")
    by_timm = timm.create_model(f"local-dir:{tmp_path / 'saved'}", pretrained=True).eval()
    pixels = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert torch.equal(again(pixels), model(pixels))
        assert torch.equal(by_timm(pixels), model(pixels))


def test_the_hub_is_asked_for_config_and_weights(state_of, tmp_path, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import EntryNotFoundError

    folder = tmp_path / "snapshot"
    shards(folder, state_of(DEMO))
    (folder / "config.json").write_text(json.dumps({**CONFIG, "model_args": {}}))
    asked = []

    def download(repository, name, revision=None):
        asked.append((repository, name, revision))
        if not (folder / name).is_file():
            raise EntryNotFoundError(name)
        return str(folder / name)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    model = load("hf-hub:someone/vig-demo@v2")
    assert equal(model, state_of(DEMO))
    assert asked[0] == ("someone/vig-demo", "config.json", "v2")
    assert [name for _, name, _ in asked].count("model-00002-of-00002.safetensors") == 1
    (folder / "model.safetensors.index.json").unlink()
    with pytest.raises(CheckpointError, match=r"hf-hub:a/b: holds none of model.safetensors"):
        load("hf-hub:a/b")
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_a, **_k: (_ for _ in ()).throw(OSError("offline")))
    with pytest.raises(CheckpointError, match=r"hf-hub:a/b: could not be fetched \(OSError: offline\)"):
        load("hf-hub:a/b")
    for address in ("hf-hub:", "hf-hub:a", "hf-hub:a/b/c", "hf-hub:../x"):
        with pytest.raises(CheckpointError, match="no address of the hub"):
            hub.fetch(address)


def test_nobody_has_no_home(tmp_path):
    with pytest.raises(CheckpointError, match=r"~nobodyhere/x.pth: nobody of that name has a home folder"):
        load("~nobodyhere/x.pth")


LABELS = ("benign", "malignant")


@pytest.mark.parametrize(
    ("beside", "place"),
    [
        ({"meta": {"dataset_meta": {"classes": list(LABELS)}}}, "meta.dataset_meta.classes"),
        ({"meta": {"CLASSES": LABELS}}, "meta.CLASSES"),
        ({"class_to_idx": {"malignant": 1, "benign": 0}}, "class_to_idx"),
        ({"idx_to_class": {0: "benign", 1: "malignant"}}, "idx_to_class"),
        ({"id2label": {"0": "benign", "1": "malignant"}}, "id2label"),
        ({"hyper_parameters": {"class_names": list(LABELS)}}, "hyper_parameters.class_names"),
        ({"classes": list(LABELS)}, "classes"),
    ],
)
def test_class_names_of_other_projects_are_used(beside, place, demo_file):
    state = timm.create_model(DEMO, num_classes=2).state_dict()
    model = load(demo_file({"state_dict": state, **beside}))
    assert labels_of(model) == LABELS
    assert model.checkpoint_info.labels == f"its {place}"


@pytest.mark.parametrize(
    "names", [["a"], ["a", "b", "c"], {"a": 0, "b": 2}, ["a", 3], ["a", "\ud800"], ["a", "x" * 400]]
)
def test_class_names_that_cannot_be_the_network_s_are_not_used(names, demo_file):
    state = timm.create_model(DEMO, num_classes=2).state_dict()
    model = load(demo_file({"state_dict": state, "classes": names}))
    assert labels_of(model) is None
    assert model.checkpoint_info.labels == ""


def test_imagenet_s_names_only_for_weights_known_to_be_of_it(state_of, renamed, tmp_path):
    state = renamed["official"](state_of("vig_ti"))
    torch.save(state, tmp_path / "identities.pth")
    model = load(tmp_path / "identities.pth", "vig_ti")
    assert model.num_classes == 1000
    assert labels_of(model) is None
    assert "tag" not in model.pretrained_cfg
    assert labels_of(vizgraph.load_model("vig_ti", tmp_path / "identities.pth", device="cpu")) is None

    Path("ckpt").mkdir()
    torch.save(state, "ckpt/vig_ti_74.5.pth")
    published = load(None, "vig_ti")
    assert labels_of(published) == imagenet_names()
    assert published.checkpoint_info.labels.startswith("ImageNet-1k")
    torch.save(state_of("graphconvnet_ti"), tmp_path / "GraphConvNet_Ti_77_1.pth.tar")
    assert labels_of(load(tmp_path / "GraphConvNet_Ti_77_1.pth.tar", "graphconvnet_ti")) == imagenet_names()
    with pytest.warns(UserWarning, match="untrained"):
        assert labels_of(load("random", "vig_ti")) is None

"""What is saved comes back bit for bit, other programs can read it, and hostile files are refused in one sentence."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import re
import zipfile
from xml.etree import ElementTree

import networkx as nx
import numpy as np
import pytest
import torch

from viz_nodes import export
from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.export import archive


def made(dtype=torch.float32, rows=2, **more):
    """Random, two layers of which the second pools its keys; only the first has distances, and some places no edge."""
    generator = torch.Generator().manual_seed(5)
    layers = []
    for index, key_grid in ((2, (3, 4)), (5, (1, 2))):
        keys = key_grid[0] * key_grid[1]
        neighbors = torch.rand(rows, 12, keys, generator=generator).argsort(-1)[..., :2]
        share = torch.rand(rows, 12, 2, generator=generator, dtype=dtype)
        optional = {}
        if index == 2:
            neighbors[0, 3, 1] = -1
            optional = {
                "distance": torch.rand(rows, 12, 2, generator=generator, dtype=dtype),
                "margin": torch.rand(rows, 12, 2, generator=generator, dtype=dtype),
                "skipped": torch.randint(0, keys, (rows, 12, 3), generator=generator),
                "rejected": torch.randint(0, keys, (rows, 12, 5), generator=generator),
                "rejected_distance": torch.rand(rows, 12, 5, generator=generator, dtype=dtype),
            }
        cam = torch.rand(rows, 3, 4, generator=generator, dtype=dtype)
        layers.append(
            LayerExplanation(
                index=index,
                name=f"backbone.{index}.gconv",
                grid=(3, 4),
                key_grid=key_grid,
                cam=cam,
                peak=cam.flatten(1).argmax(1),
                neighbors=neighbors,
                share=share / share.sum(-1, keepdim=True),
                contribution=torch.randn(rows, 12, 2, generator=generator, dtype=dtype),
                exact=index == 2,
                conv="mr",
                dilation=index,
                **optional,
            )
        )
    fields = {
        "logits": torch.randn(rows, 3, generator=generator, dtype=dtype),
        "target": torch.tensor([1, -1]),
        "layers": tuple(layers),
        "method": "gradcam++",
        "image_size": (48, 64),
        "depth": 6,
        "versus": torch.tensor([2, 0]),
        "source": torch.tensor([0, 0]),
        "labels": ("Katze", "犬", "a<b>&\x07c"),
        "model": "dummy",
        "extras": {"weights": torch.arange(3.0, dtype=dtype), "note": {"seed": [1, 2.5, None]}},
    }
    return Explanation(**(fields | more))


def equal(a, b):
    if isinstance(a, torch.Tensor):
        return (
            isinstance(b, torch.Tensor)
            and a.dtype == b.dtype
            and a.shape == b.shape
            and (a.contiguous().view(torch.uint8).equal(b.contiguous().view(torch.uint8)))
        )
    return type(a) is type(b) and a == b


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_save_and_load_give_back_every_bit(tmp_path, dtype):
    exp = made(dtype)
    exp.layers[0].contribution[0, 0] = torch.tensor([float("nan"), -0.0], dtype=dtype)
    exp.save(tmp_path / "new" / "folder")
    back = Explanation.load(tmp_path / "new" / "folder")
    for name in vars(exp):
        if name not in ("layers", "extras"):
            assert equal(getattr(exp, name), getattr(back, name)), name
    assert len(back.layers) == 2
    for one, two in zip(exp.layers, back.layers):
        for name in vars(one):
            assert equal(getattr(one, name), getattr(two, name)), name
    assert equal(exp.extras["weights"], back.extras["weights"])
    assert back.extras["note"] == exp.extras["note"]
    assert back.layers[1].distance is None


def test_absent_things_stay_absent(tmp_path):
    export.save(made(versus=None, labels=None, extras={}), tmp_path)
    back = export.load(tmp_path / "explanation.npz")
    assert back.versus is None
    assert back.labels is None
    assert back.extras == {}


def test_the_same_explanation_is_the_same_file(tmp_path):
    one, two = (export.save(made(), tmp_path / name).read_bytes() for name in "ab")
    assert one == two


def test_the_file_is_small(tmp_path):
    neighbors = torch.rand(1, 196, 196, generator=torch.Generator().manual_seed(0)).argsort(-1)[..., :9]
    zero = torch.zeros(1, 196, 9)
    layer = LayerExplanation(
        0, "g", (14, 14), (14, 14), torch.zeros(1, 14, 14), torch.tensor([-1]), neighbors, zero, zero
    )
    exp = Explanation(torch.zeros(1, 2), torch.tensor([0]), (layer,), "gradcam", (224, 224), 1)
    assert export.save(exp, tmp_path).stat().st_size < 4500
    assert torch.equal(export.load(tmp_path).layers[0].neighbors, neighbors)


@pytest.mark.parametrize("largest", [127, 128, 32767, 32768, 2**31 - 1, 2**31, 2**62])
def test_whole_numbers_of_any_size_come_back(tmp_path, largest):
    numbers = torch.tensor([-largest - 1, 0, largest])
    made(extras={"numbers": numbers}).save(tmp_path)
    assert equal(export.load(tmp_path).extras["numbers"], numbers)


def test_extras_that_cannot_be_saved_are_named_and_nothing_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"extras\['model'\]"):
        made(extras={"model": torch.nn.Linear(1, 1)}).save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = export.save(made(), tmp_path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        made(method="layercam").save(tmp_path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def rewrite(path, change):
    """The saved file with some members changed: name -> bytes, None to leave one out."""
    members = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            members[name] = archive.read(name)
    members |= change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)


def npy(array, allow_pickle=False):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=allow_pickle)
    return buffer.getvalue()


def about(members, **change):
    found = json.loads(np.load(io.BytesIO(members["about.npy"])).tobytes())
    return npy(np.frombuffer(json.dumps(found | change).encode(), np.uint8))


class Bomb:
    def __reduce__(self):
        return (print, ("a pickle was executed",))


HOSTILE = {
    "a pickle": lambda m: {"logits.npy": npy(np.array([Bomb()], dtype=object), allow_pickle=True)},
    "a missing array": lambda m: {"layers/2/cam.npy": None},
    "no header": lambda m: {"about.npy": None},
    "another header": lambda m: {"about.npy": npy(np.frombuffer(b'{"format": "x"}', np.uint8))},
    "a header that is no JSON": lambda m: {"about.npy": npy(np.frombuffer(b"{", np.uint8))},
    "a header that is a list": lambda m: {"about.npy": npy(np.frombuffer(b"[]", np.uint8))},
    "a later version": lambda m: {"about.npy": about(m, version=2)},
    "layers that are numbers": lambda m: {"about.npy": about(m, layers=[1, 2])},
    "a size of three": lambda m: {"about.npy": about(m, image_size=[1, 2, 3])},
    "a negative size": lambda m: {"about.npy": about(m, image_size=[-1, 2])},
    "an unknown dtype": lambda m: {"about.npy": about(m, dtypes={"logits": "object"})},
    "neighbors outside the key grid": lambda m: {"layers/5/neighbors.npy": npy(np.full((2, 12, 2), 9, np.int8))},
    "a map of another shape": lambda m: {"layers/5/cam.npy": npy(np.zeros((2, 4, 3), np.float32))},
    "words for numbers": lambda m: {"logits.npy": npy(np.array([["a", "b", "c"]] * 2))},
    "fractions for node numbers": lambda m: {"layers/5/peak.npy": npy(np.array([0.5, 1.5]))},
    "an array cut short": lambda m: {"layers/2/cam.npy": m["layers/2/cam.npy"][:-7]},
    "an array that claims to be large": lambda m: {
        "layers/2/cam.npy": npy(np.zeros((2, 3, 4), np.float32)).replace(b"(2, 3, 4), }", b"(999999999, 9999), }")[:300]
    },
    "a peak outside the grid": lambda m: {"layers/5/peak.npy": npy(np.array([12, 0], np.int8))},
    "a share above 1": lambda m: {"layers/5/share.npy": npy(np.full((2, 12, 2), 2, np.float32))},
    "a target that is no class": lambda m: {"target.npy": npy(np.array([3, 0], np.int8))},
    "a label that is a number": lambda m: {"about.npy": about(m, labels=[1, 2, 3])},
    "a depth that is true": lambda m: {"about.npy": about(m, depth=True)},
    "deep nesting": lambda m: {"about.npy": npy(np.frombuffer(b"[" * 100_000, np.uint8))},
    "rubbish for an array": lambda m: {"layers/2/cam.npy": b"\x93NUMPY\x01\x00 rubbish"},
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_files_are_refused_in_one_sentence(tmp_path, capsys, what):
    path = export.save(made(), tmp_path)
    rewrite(path, HOSTILE[what])
    with pytest.raises(export.BrokenExplanation, match=r"explanation.npz: not a readable explanation: ."):
        export.load(tmp_path)
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize("data", [b"", b"not a zip", b"PK\x03\x04" + b"\0" * 200])
def test_files_that_are_no_archive_are_refused(tmp_path, data):
    (tmp_path / "explanation.npz").write_bytes(data)
    with pytest.raises(export.BrokenExplanation, match="not a readable explanation"):
        export.load(tmp_path)


@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9, 0.999])
def test_a_file_cut_short_is_refused(tmp_path, kept):
    path = export.save(made(), tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(export.BrokenExplanation):
        export.load(tmp_path)


def test_an_archive_that_unpacks_too_large_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    export.save(made(), tmp_path)
    monkeypatch.setattr(archive, "LARGEST", 5000)
    monkeypatch.setattr(archive, "_unpack", lambda *a, **k: pytest.fail("it was unpacked"))
    with pytest.raises(export.BrokenExplanation, match="unpacks to"):
        export.load(tmp_path)


def test_nothing_there_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        export.load(tmp_path)


def test_graphml_comes_back_into_networkx(tmp_path):
    exp = made()
    path = export.to_graphml(exp, tmp_path / "graph.graphml", layer=2)
    back = nx.read_graphml(path, node_type=int)
    graph = exp.graph(2)
    assert set(back.nodes) == set(graph.nodes)
    assert set(back.edges) == set(graph.edges)
    for pair in graph.edges:
        for name in ("rank", "share", "contribution", "distance", "margin"):
            assert back.edges[pair][name] == pytest.approx(graph.edges[pair][name], rel=1e-12)
    for node in graph:
        assert graph.nodes[node].items() <= back.nodes[node].items()
    assert back.nodes[5]["label"] == "(1, 1)"
    assert back.graph["label"] == "犬"


def test_graphml_holds_all_layers_and_key_nodes(tmp_path):
    back = nx.read_graphml(export.to_graphml(made(), tmp_path / "graph.graphml"))
    assert len(back) == 12 + 12 + 2
    assert {data["layer"] for _, data in back.nodes(data=True)} == {3, 6}
    assert back.nodes["layer_6_key_1"]["key"]
    assert back.nodes["layer_3_node_7"]["row"] == 1
    assert nx.number_of_edges(back) == 12 * 2 - 1 + 12 * 2
    assert all(a[:7] == b[:7] and a[:7] in ("layer_3", "layer_6") for a, b in back.edges)


def test_graphml_is_plain_enough_for_gephi(tmp_path):
    exp = made(target=torch.tensor([2, 2]))
    exp.layers[0].share[0, 0, 0] = 0
    with pytest.warns(UserWarning, match="label: characters"):
        path = export.to_graphml(exp, tmp_path / "graph.graphml", layer=2)
    text = path.read_text(encoding="utf-8")
    assert "a&lt;b&gt;&amp;c" in text
    back = nx.read_graphml(path)
    kinds = {type(value) for _, data in back.nodes(data=True) for value in data.values()}
    kinds |= {type(value) for *_, data in back.edges(data=True) for value in data.values()}
    assert kinds <= {int, float, str, bool}
    weights = [data.get("weight") for *_, data in back.edges(data=True)]
    assert weights.count(None) == 1
    assert all(weight is None or weight > 0 for weight in weights)


def test_ego_graphs_are_written_too(tmp_path):
    exp = made()
    ego = exp.ego_graph(5, 0)
    back = nx.read_graphml(export.to_graphml(ego, tmp_path / "ego.graphml"))
    assert set(back.nodes) == {"0", "key_0", "key_1"}
    assert back.edges["key_0", "0"]["weight"] == pytest.approx(ego.edges[("key", 0), 0]["weight"])


def test_json_is_read_by_networkx_and_is_strict(tmp_path):
    exp = made()
    data = export.to_json(exp, tmp_path / "graph.json", layer=5)
    text = (tmp_path / "graph.json").read_text()
    assert json.loads(text, parse_constant=lambda name: pytest.fail(name)) == data
    back = nx.node_link_graph(data, edges="edges")
    graph = exp.graph(5)
    assert back.is_directed()
    assert {("key", int(a.split("_")[1])) if isinstance(a, str) else a for a in back} == set(graph)
    assert back.edges["key_1", 3]["share"] == graph.edges[("key", 1), 3]["share"]


def test_pyg_data_carries_edges_and_key_nodes():
    pytest.importorskip("torch_geometric", reason="the extra `pyg` is not installed")
    exp = made()
    data = export.to_pyg(exp, 5)
    data.validate()
    assert data.num_nodes == 12 + 2
    assert data.edge_index.shape == (2, 24)
    assert data.is_key.tolist() == [False] * 12 + [True] * 2
    layer = exp.layer(5)
    for (sender, center), (share, contribution), rank in zip(data.edge_index.T, data.edge_attr, data.rank):
        assert layer.neighbors[0, center, rank] == sender - 12
        assert layer.share[0, center, rank] == share
        assert layer.contribution[0, center, rank] == contribution
    assert data.pos[13].tolist() == [48.0, 24.0]
    assert data.y.tolist() == [1]


def test_pyg_missing_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_geometric.data", None)
    with pytest.raises(ImportError, match=r"vizgraph\[pyg\]"):
        export.to_pyg(made(), 5)


def test_edges_table_has_a_line_for_each_edge():
    exp = made()
    table = export.edges_table(exp)
    assert len(table) == 2 * (24 + 24) - 1
    one = table.query("image == 1 and layer == 5 and center == 7 and rank == 1").iloc[0]
    key = int(exp.layer(5).neighbors[1, 7, 1])
    assert one.neighbor == key
    assert (one.center_row, one.center_col, one.neighbor_row, one.neighbor_col) == (1, 3, 0, key)
    assert one.share == exp.layer(5).share[1, 7, 1].item()
    assert np.isnan(one.distance)
    assert len(export.edges_table(exp, 2, 0)) == 23
    assert "distance" not in export.edges_table(exp, 5)


def test_nodes_table_has_a_line_for_each_node():
    exp = made()
    table = export.nodes_table(exp)
    assert len(table) == 2 * (12 + 12 + 2)
    peaks = table[table.peak]
    assert peaks.node.tolist() == [int(exp.layer(i).peak[r]) for r in (0, 1) for i in (2, 5)]
    keys = table[table.key]
    assert keys.cam.isna().all()
    assert keys.query("image == 0").in_degree.sum() == 24
    assert table.query("layer == 2 and image == 0").in_degree.sum() == 23


def test_every_field_of_the_records_is_in_the_file(tmp_path):
    exp = made()
    one = exp.layers[0]
    rows, nodes = len(exp), one.num_nodes
    groups = {"groups": torch.full((rows, 1, nodes), 1 / nodes), "heard": torch.zeros(rows, nodes, 1).long()}
    ones = torch.ones(rows, nodes, 1)
    one = dataclasses.replace(one, **groups, heard_share=ones, effect=torch.zeros_like(one.share))
    exp = dataclasses.replace(exp, layers=(one, *exp.layers[1:]))
    members = np.load(export.save(exp, tmp_path))
    again = export.load(tmp_path).layers[0]
    assert all(torch.equal(getattr(again, name), array) for name, array in groups.items())
    header = json.loads(members["about"].tobytes())
    saved = set(header["layers"][0]) | {name.split("/")[2] for name in members.files if name.startswith("layers/2/")}
    assert saved == {field.name for field in dataclasses.fields(LayerExplanation)}
    known = {"format", "version", "dtypes", "places", "about"}
    saved = (set(header) | {name for name in members.files if "/" not in name}) - known
    assert saved == {field.name for field in dataclasses.fields(Explanation)} - {
        "scored_by"
    }  # a function of the network


@pytest.mark.parametrize("layer", [None, [2], [5, 2]])
def test_files_count_layers_from_1_in_names_and_attributes_alike(tmp_path, layer):
    exp = made()
    written = nx.read_graphml(export.to_graphml(exp, tmp_path / "graph.graphml", layer=layer))
    linked = nx.node_link_graph(export.to_json(exp, layer=layer), edges="edges")
    for graph in (written, linked):
        assert all(name.startswith(f"layer_{layer}_") for name, layer in graph.nodes(data="layer"))
        assert all(f"layer_{layer}_" in a and f"layer_{layer}_" in b for a, b, layer in graph.edges(data="layer"))
    assert {layer for _, layer in export.to_networkx(exp, layer).nodes(data="layer")} <= {2, 5}


def test_the_layer_of_one_graph_counts_from_1_in_files_too(tmp_path):
    exp = made()
    assert nx.read_graphml(export.to_graphml(exp, tmp_path / "graph.graphml", layer=2)).graph["layer"] == 3
    ego = exp.ego_graph(5, 0)
    assert {layer for _, layer in nx.node_link_graph(export.to_json(ego), edges="edges").nodes(data="layer")} == {6}
    assert ego.graph["layer"] == 5


@pytest.mark.parametrize("label", ["\ud800 x", "x\udfff", "\ufffe", "\uffff", "a\x00b\x1b", "\x0c"])
def test_labels_no_file_can_hold_are_written_without_those_characters_and_it_is_said(tmp_path, label):
    exp = made(labels=(label, label, label))
    kept = "".join(letter for letter in label if letter in "xab ")
    with pytest.warns(UserWarning, match="label: characters .* left out"):
        path = export.to_graphml(exp, tmp_path / "graph.graphml")
    assert nx.read_graphml(path).graph.get("label", "").strip() == kept.strip()
    with pytest.warns(UserWarning, match="label: characters"):
        export.to_json(exp, tmp_path / "graph.json")
    assert json.loads((tmp_path / "graph.json").read_text())["graph"]["label"] == kept
    exp.save(tmp_path)
    assert Explanation.load(tmp_path).labels == (label, label, label)


def test_a_small_file_that_unpacks_large_is_refused_unless_allowed(tmp_path):
    """Zeros shrink a thousandfold; whole numbers stand in a file as a byte and in memory as eight."""
    path = export.save(made(), tmp_path)
    rewrite(path, lambda m: {"layers/5/peak.npy": npy(np.zeros(90_000_000, np.int8))})
    with zipfile.ZipFile(path) as archive:
        packed = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in packed.items():
            archive.writestr(name, data)
    assert path.stat().st_size < 200_000
    with pytest.raises(export.BrokenExplanation, match=r"unpacks to 0\.67 GiB, more than 0\.5"):
        export.load(path)
    with pytest.raises(export.BrokenExplanation, match="`peak` must have shape"):
        export.load(path, most=2**30)


def test_a_field_that_an_earlier_file_lacks_has_its_default(tmp_path):
    path = export.save(made(), tmp_path)

    def older(members):
        layers = json.loads(np.load(io.BytesIO(members["about.npy"])).tobytes())["layers"]
        for layer in layers:
            del layer["placed"]
        return {"about.npy": about(members, layers=layers)}

    rewrite(path, older)
    assert [layer.placed for layer in export.load(path).layers] == [None, None]


@pytest.mark.parametrize("placed", [True, False, None])
@pytest.mark.parametrize("dilation", [2, None])
def test_what_is_known_of_a_layer_comes_back_and_what_is_unknown_stays_unknown(tmp_path, placed, dilation):
    exp = made()
    exp = dataclasses.replace(exp, layers=(dataclasses.replace(exp.layers[0], placed=placed, dilation=dilation),))
    exp.save(tmp_path)
    back = Explanation.load(tmp_path).layers[0]
    assert (back.placed, back.dilation) == (placed, dilation)


def test_every_damaged_file_is_a_broken_explanation_or_a_whole_one(tmp_path):
    """Bytes flipped, cut out, doubled and zeroed all over the file, 400 times."""
    path = export.save(made(), tmp_path)
    whole, dice = path.read_bytes(), np.random.default_rng(0)
    broken = 0
    for _ in range(400):
        data = bytearray(whole)
        start, length = int(dice.integers(len(data))), int(dice.integers(1, 40))
        match int(dice.integers(4)):
            case 0:
                data[start] ^= 1 << int(dice.integers(8))
            case 1:
                del data[start : start + length]
            case 2:
                data[start:start] = data[start : start + length]
            case 3:
                data[start : start + length] = bytes(length)
        path.write_bytes(data)
        try:
            export.load(path)
        except export.BrokenExplanation:
            broken += 1
    assert broken > 250


@pytest.mark.parametrize("layer", [2, 5, None, "ego"])
def test_graphml_keeps_the_rules_of_its_schema(layer, tmp_path):
    """Keys first and each used where it may be, names that are NMTOKENs and unique, edges between nodes that exist."""
    exp = made()
    source = exp.ego_graph(exp.layers[-1].index, 0, hops=1) if layer == "ego" else exp
    path = export.to_graphml(source, tmp_path / "x.graphml", layer=None if layer == "ego" else layer)
    space = "{http://graphml.graphdrawing.org/xmlns}"
    root = ElementTree.parse(path).getroot()
    assert root.tag == space + "graphml"
    *keys, graph = root
    assert [part.tag for part in keys] == [space + "key"] * len(keys)
    assert graph.tag == space + "graph"
    assert graph.get("edgedefault") in ("directed", "undirected")
    known = {key.get("id"): key for key in keys}
    assert len(known) == len(keys)
    for key in keys:
        assert key.get("attr.type") in {"boolean", "int", "long", "float", "double", "string"}
        assert key.get("for") in {"all", "graph", "node", "edge"}
    names = [node.get("id") for node in graph.iter(space + "node")]
    assert names
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[\w.:-]+", name) for name in names)
    for kind in ("node", "edge"):
        for part in graph.iter(space + kind):
            used = [data.get("key") for data in part.iter(space + "data")]
            assert len(set(used)) == len(used)
            assert all(known[key].get("for") in (kind, "all") for key in used)
    for edge in graph.iter(space + "edge"):
        assert {edge.get("source"), edge.get("target")} <= set(names)

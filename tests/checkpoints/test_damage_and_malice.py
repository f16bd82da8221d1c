"""Damage that a file's own checksums show, pickles that would never end, entries that claim what cannot be."""

from __future__ import annotations

import io
import pickle
import pickletools
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

import vizgraph
from vizgraph.checkpoints import CheckpointError
from vizgraph.checkpoints.pickle_size import _Walk, require_bounded
from vizgraph.checkpoints.read import read

DEMO = "gcn_demo"


def records(path):
    """(name, where its bytes begin, how many) of each entry of a zip."""
    content = path.read_bytes()
    for entry in zipfile.ZipFile(path).infolist():
        at = entry.header_offset
        start = at + 30 + int.from_bytes(content[at + 26 : at + 28], "little")
        yield entry.filename, start + int.from_bytes(content[at + 28 : at + 30], "little"), entry.file_size


def flipped(path, place, bit=6):
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("part", ["data/3", "data.pkl", "byteorder", "version"])
def test_one_flipped_bit_of_any_entry_is_refused(part, tmp_path):
    path = tmp_path / "x.pth"
    torch.save({f"w{n}": torch.rand(50) for n in range(5)}, path)
    read(path)
    _, start, size = next(record for record in records(path) if record[0].endswith("/" + part))
    flipped(path, start + size // 2)
    with pytest.raises(CheckpointError, match=r"damaged.*CRC-32|cut short or damaged|refused"):
        read(path)


def test_mutated_zips_load_the_same_weights_or_not_at_all(demo_file, tmp_path):
    """Bytes changed at random, anywhere in the file: never other weights in silence."""
    path = demo_file({"state_dict": {f"backbone.{n}": torch.arange(40.0) + n for n in range(6)}, "epoch": 3})
    good, wanted = path.read_bytes(), read(path).data["state_dict"]
    rng, loaded = np.random.default_rng(0), 0
    for _ in range(400):
        bad = bytearray(good)
        for place in rng.integers(0, len(bad), rng.integers(1, 4)):
            bad[place] = rng.integers(256)
        path.write_bytes(bytes(bad))
        try:
            found = read(path).data
        except CheckpointError:
            continue
        loaded += 1
        assert list(found["state_dict"]) == list(wanted)
        assert all(torch.equal(found["state_dict"][key], wanted[key]) for key in wanted)
    assert loaded > 20  # what lies between entries means nothing


def test_an_entry_marked_as_a_folder_is_damage(demo_file):
    """One bit of an entry's attributes, which no checksum covers, made torch give memory that it never filled."""
    path = demo_file({"state_dict": {"backbone.0": torch.arange(40.0)}, "epoch": 3})
    data = bytearray(path.read_bytes())
    header = data.index(b"PK\x01\x02")
    data[header + 38] |= 0x10
    path.write_bytes(bytes(data))
    with pytest.raises(CheckpointError, match="marked as a folder"):
        read(path)


def test_files_written_without_checksums_are_read(demo_file):
    from torch.serialization import get_crc32_options, set_crc32_options

    before = get_crc32_options()
    set_crc32_options(False)
    try:
        path = demo_file()
    finally:
        set_crc32_options(before)
    assert not any(entry.CRC for entry in zipfile.ZipFile(path).infolist())
    vizgraph.load_model(DEMO, path, device="cpu")


def test_two_entries_of_one_name(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"w": torch.rand(5)}, path)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as archive:
        archive.writestr(next(n for n in archive.namelist() if n.endswith("data/0")), bytes(20))
    with pytest.raises(CheckpointError, match="two entries of one name"):
        read(path)


def nested(depth=60):
    value = ()
    for _ in range(depth):
        value = (value, value)
    return value


def lists_within_lists(depth=60):
    """Filled from the outside in, so that none is large when it is put into another."""
    outer = current = []
    for _ in range(depth):
        inner = []
        current += [inner, inner]
        current = inner
    return outer


def as_key() -> bytes:
    """{nested: 1}, written without hashing it."""
    body = pickle.dumps(nested(), protocol=2)[:-1]
    return b"\x80\x02}" + body[2:] + b"K\x01s."


ENDLESS = {
    "a key": as_key(),
    "a value": pickle.dumps({"a": nested()}, protocol=2),
    "lists": pickle.dumps({"a": lists_within_lists()}, protocol=2),
    "a set": b"\x80\x02c__builtin__\nset\n(" + pickle.dumps([nested()], protocol=2)[2:-1] + b"tR.",
    "bytes": b"\x80\x02c__builtin__\nbytearray\nJ\xff\xff\xff\x7f\x85R.",
}


def as_zip(content: bytes) -> bytes:
    buffer, small = io.BytesIO(), io.BytesIO()
    torch.save({"w": torch.zeros(1)}, small)
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(buffer, "w") as archive:
        for entry in source.infolist():
            archive.writestr(entry.filename, content if entry.filename.endswith("data.pkl") else source.read(entry))
    return buffer.getvalue()


def test_a_pickle_that_would_never_end_ends_at_once(tmp_path):
    """In a process of its own: one that hashes such a value cannot be asked to stop."""
    paths = []
    for kind, content in ENDLESS.items():
        for wrap in (bytes, as_zip):
            paths.append(tmp_path / f"{kind} {wrap.__name__}.pth")
            paths[-1].write_bytes(wrap(content))
            assert paths[-1].stat().st_size < 3000
    code = (
        "import sys; from vizgraph.checkpoints import CheckpointError\n"
        "from vizgraph.checkpoints.read import read\n"
        "for path in sys.argv[1:]:\n"
        "    try: read(path)\n"
        "    except CheckpointError as error: print(error)"
    )
    command = [sys.executable, "-c", code, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert len(done.stdout.splitlines()) == len(paths)
    assert all("more parts than any network has" in line for line in done.stdout.splitlines())


def test_honest_files_are_far_below_the_bound(tmp_path):
    import timm

    model = timm.create_model(DEMO, num_classes=3)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.rand(2, 3, 96, 96)).sum().backward()
    optimizer.step()
    path = tmp_path / "x.pth"
    shared = {"lr": 1.0}
    content = {"state_dict": model.state_dict(), "optimizer": optimizer.state_dict(), "args": [shared] * 500}
    torch.save(content, path)
    with zipfile.ZipFile(path) as archive:
        data = archive.read(next(name for name in archive.namelist() if name.endswith("data.pkl")))
    walk = _Walk()
    walk.through(io.BytesIO(data))
    assert walk.operations == len(list(pickletools.genops(data)))
    assert max(walk._sizes(10**9)) < 2 * walk.operations
    assert not walk.is_endless()
    require_bounded(path, io.BytesIO(data))


@pytest.mark.parametrize(
    "value", [1, [1, [2, (3,)]], {"a": {"b": {1, 2}}}, {(1, 2): "x"}, b"bytes", 2**200, (1.5, None, True, "text")]
)
@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_the_walk_follows_every_protocol(value, protocol):
    walk = _Walk()
    walk.through(io.BytesIO(pickle.dumps(value, protocol=protocol)))
    assert not walk.is_endless()
    assert len(walk._stack) == 1


CLAIMS = [
    {"data": {"input_size": [3, 9999, 9999]}},
    {"data": {"input_size": [3, 4000, 224]}},
    {"data": {"input_size": [10**6, 224, 224]}},
    {"data": {"input_size": [3, 224.5, 224]}},
    {"data": {"crop_pct": 1e-9}},
    {"data": {"std": [1e-300] * 3}},
    {"data": {"mean": [1e300] * 3}},
    {"model_kwargs": {"k": 10**9}},
    {"model_kwargs": {"k": 150}},
    {"model_kwargs": {"k": 0}},
    {"model_kwargs": {"k": True}},
    {"model_kwargs": {"k": 4.5}},
    {"model_kwargs": {"drop_rate": 2.0}},
    {"model_kwargs": {"epsilon": float("nan")}},
    {"model_kwargs": {"use_dilation": 3}},
    {"model_kwargs": {"img_size": 10**6}},
    {"model_kwargs": {"in_chans": 10**9}},
    {"label_names": ["x" * 2_000_000] * 10},
    {"label_names": ["x" * 301] * 10},
    {"label_names": ["\ud800 x"] * 10},
    {"label_names": ["a"] * 10, "num_classes": 10**12},
]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: str(claim)[:50])
def test_a_hostile_entry_is_refused_before_anything_is_allocated(claim, demo_file, state_of, monkeypatch):
    import timm

    path = demo_file({"state_dict": state_of(DEMO), "vizgraph": {"arch": DEMO, "model_kwargs": {}, **claim}})
    monkeypatch.setattr(timm, "create_model", lambda *_a, **_k: pytest.fail("it was built"))
    with pytest.raises(CheckpointError, match="not written by this version's training") as error:
        vizgraph.load_model(DEMO, path, device="cpu")
    assert len(str(error.value)) < 500
    assert "\n" not in str(error.value)


def test_an_entry_near_what_the_network_is_for_is_taken(demo_file, state_of):
    entry = {"arch": DEMO, "model_kwargs": {"k": 12}, "data": {"input_size": [3, 288, 320], "crop_pct": 0.875}}
    model = vizgraph.load_model(DEMO, demo_file({"state_dict": state_of(DEMO), "vizgraph": entry}), device="cpu")
    assert model.pretrained_cfg["input_size"] == (3, 288, 320)
    assert model.pretrained_cfg["crop_pct"] == 0.875


def test_tensors_of_a_file_that_share_memory_do_not_share_it_in_the_network(demo_file, state_of):
    state, pool = state_of(DEMO), torch.rand(10**6)
    for key, value in state.items():
        if value.is_floating_point():
            state[key] = pool[: value.numel()].view(value.shape)
    model = vizgraph.load_model(DEMO, demo_file(state), device="cpu")
    places = [parameter.data_ptr() for parameter in model.parameters()]
    assert len(set(places)) == len(places)
    assert all(parameter.is_contiguous() for parameter in model.parameters())
    assert model.pos_embed.requires_grad


def test_loading_leaves_the_random_numbers_as_they_are(demo_file):
    path = demo_file()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    vizgraph.load_model(DEMO, path, device="cpu")
    assert torch.equal(torch.get_rng_state(), before)

"""Files are hostile until shown otherwise: what is read, what is refused, and that nothing in them ever runs."""

from __future__ import annotations

import argparse
import collections
import datetime
import io
import os
import pathlib
import pickle
import struct
import sys
import tempfile
import threading
import types
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vizgraph.checkpoints import CheckpointError
from vizgraph.checkpoints.pickles import INERT_NAMES, Inert
from vizgraph.checkpoints.read import read
from vizgraph.checkpoints.wrappers import choose
from vizgraph.models._filter import remap

WEIGHTS = {"backbone.0.grapher.fc1.0.weight": torch.ones(2, 2, 1, 1), "pos_embed": torch.zeros(3)}


class Calls:
    """Pickles as a call, the way an attacker writes it."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def saved(tmp_path, content, name="x.pth", **kwargs):
    torch.save(content, tmp_path / name, **kwargs)
    return tmp_path / name


def one_line(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


def refused(path, match):
    with pytest.raises(CheckpointError, match=match) as error:
        choose(read(path))
    assert str(path) in one_line(error)


ATTACKS = {
    "os.system": lambda canary: Calls(os.system, f"touch '{canary}'"),
    "eval": lambda canary: Calls(eval, f"open({str(canary)!r}, 'w')"),
    "exec": lambda canary: Calls(exec, f"open({str(canary)!r}, 'w')"),
    "open": lambda canary: Calls(open, str(canary), "w"),
    "subprocess": lambda canary: Calls(__import__("subprocess").check_call, ["touch", str(canary)]),
    "import": lambda canary: Calls(__import__, "antigravity"),
    "path method": lambda canary: Calls(pathlib.Path.touch, canary),
    "torch.load": lambda canary: Calls(torch.load, str(canary)),
    "numpy.load": lambda canary: Calls(np.save, str(canary), 1),
    "partial": lambda canary: Calls(__import__("functools").partial, print),
}


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])
def test_a_file_that_would_run_something_is_refused_and_nothing_runs(attack, zipped, tmp_path):
    canary = tmp_path / "canary"
    wrapped = {"state_dict": WEIGHTS, "metric": ATTACKS[attack](canary)}
    path = saved(tmp_path, wrapped, _use_new_zipfile_serialization=zipped)
    refused(path, "refused")
    assert not canary.exists()
    assert "antigravity" not in sys.modules


def test_the_attack_would_have_worked_without_the_guard(tmp_path):
    canary = tmp_path / "canary"
    path = saved(tmp_path, {"x": ATTACKS["os.system"](canary)})
    torch.load(path, weights_only=False)
    assert canary.exists()


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_a_bare_pickle_is_refused(protocol, tmp_path):
    canary = tmp_path / "canary"
    path = tmp_path / "x.pth"
    path.write_bytes(pickle.dumps({"x": ATTACKS["os.system"](canary)}, protocol=protocol))
    refused(path, str(path))
    assert not canary.exists()


def test_a_refusal_names_what_was_asked_for(tmp_path):
    refused(
        saved(tmp_path, {"x": Calls(os.system, "true")}), r"asks for '(posix|nt)\.system'.*save `model.state_dict\(\)`"
    )


def test_a_whole_pickled_model_is_refused(tmp_path):
    refused(saved(tmp_path, torch.nn.Linear(2, 2)), r"asks for 'torch\.nn\.modules\.linear\.Linear'")


def test_attributes_are_not_fetched_by_an_allowed_name(tmp_path):
    """`getattr` is among the allowed names, as a name: it must not reach into what else the file may name."""
    data = read(saved(tmp_path, {"w": WEIGHTS, "x": Calls(getattr, torch.Size([1]), "__class__")})).data
    assert type(data["x"]) is Inert


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])
def test_what_honest_training_files_carry_is_read_and_thrown_away(zipped, tmp_path):
    content = {
        "epoch": 299,
        "arch": "vig_ti",
        "args": argparse.Namespace(lr=1e-3, output=pathlib.Path("out"), when=datetime.datetime(2024, 1, 1)),
        "amp_scaler": {"scale": 65536.0},
        "metric": np.float64(77.1),
        "best": np.float32(1.5),
        "step": np.int64(3),
        "history": np.arange(3.0),
        "extra": types.SimpleNamespace(a=1),
        "version": torch.torch_version.TorchVersion("2.1"),
        "device": torch.device("cpu"),
        "order": collections.OrderedDict(a=1),
        "state_dict": WEIGHTS,
    }
    contents = read(saved(tmp_path, content, _use_new_zipfile_serialization=zipped))
    for name in ("args", "metric", "best", "step", "history", "extra"):
        assert type(contents.data[name]) is Inert, name
    assert not hasattr(contents.data["args"], "__dict__")
    chosen = choose(contents)
    assert chosen.entry == "state_dict"
    assert torch.equal(chosen.state["pos_embed"], WEIGHTS["pos_embed"])


def test_names_of_older_numpy_are_read_too(tmp_path):
    """NumPy moved `numpy.core` to `numpy._core`; a file written before says the old name."""
    buffer = io.BytesIO()
    torch.save({"state_dict": WEIGHTS, "metric": np.float64(1)}, buffer, _use_new_zipfile_serialization=False)
    content = buffer.getvalue()
    assert b"numpy._core.multiarray" in content
    path = tmp_path / "x.pth"
    path.write_bytes(content.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert type(read(path).data["metric"]) is Inert


def test_allowed_names_are_gone_afterwards_also_when_refused_and_with_threads(tmp_path):
    before = set(torch.serialization.get_safe_globals())
    good = saved(tmp_path, {"state_dict": WEIGHTS, "args": argparse.Namespace(a=1)}, "good.pth")
    bad = saved(tmp_path, {"x": Calls(os.system, "true")}, "bad.pth")
    failures = []

    def work():
        for _ in range(15):
            try:
                assert choose(read(good)).state.keys() == WEIGHTS.keys()
                with pytest.raises(CheckpointError):
                    read(bad)
            except BaseException as error:
                failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert set(torch.serialization.get_safe_globals()) == before
    with pytest.raises(pickle.UnpicklingError):
        torch.load(good, weights_only=True)


def test_no_allowed_name_is_bound_to_what_it_says():
    assert len(set(INERT_NAMES)) == len(INERT_NAMES)
    assert Inert(1, a=2).__setstate__({"a": 1}) is None


def test_safetensors_are_told_by_content(tmp_path):
    path = tmp_path / "weights.pth"
    save_file(WEIGHTS, path, metadata={"vizgraph": "{}"})
    contents = read(path)
    assert contents.metadata == {"vizgraph": "{}"}
    assert torch.equal(choose(contents).state["pos_embed"], WEIGHTS["pos_embed"])


def test_a_damaged_safetensors_file(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file(WEIGHTS, path)
    path.write_bytes(path.read_bytes()[:-4])
    refused(path, "damaged safetensors")


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.99])
def test_a_file_cut_short(zipped, part, tmp_path):
    path = saved(tmp_path, {"w": torch.rand(5000)}, _use_new_zipfile_serialization=zipped)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    refused(path, "fetch it again|refused")


FILES = {
    "is empty": b"",
    "web page": b"\n<!DOCTYPE html><html><title>Baidu</title></html>",
    "web page, not": b"\xef\xbb\xbf<HTML lang=en>",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
    "gzip archive": b"\x1f\x8b" + bytes(50),
    "RAR archive": b"Rar!\x1a\x07" + bytes(50),
    "7z archive": b"7z\xbc\xaf\x27\x1c" + bytes(50),
    "tar archive": bytes(257) + b"ustar" + bytes(250),
    "PNG image": b"\x89PNG\r\n\x1a\n" + bytes(50),
    "cut short or damaged": b"PK\x03\x04" + bytes(50),
    "is no file that torch or safetensors wrote .*hello": b"hello, world\n" * 20,
    r"is no file that torch or safetensors wrote .*x00": bytes(5000),
    "cannot be read as a checkpoint": b"\x80\x02}q\x00.",
}


@pytest.mark.parametrize("says", FILES)
def test_a_file_that_is_something_else_is_told_as_what_it_is(says, tmp_path):
    path = tmp_path / "x.pth"
    path.write_bytes(FILES[says])
    refused(path, says)


def test_zip_archives_that_are_no_weights(tmp_path):
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("GraphConvNet.pth.tar", b"1")
    refused(path, "zip archive without weights")
    with zipfile.ZipFile(path, "w") as archive:  # the parts of a TorchScript file
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py", "version"):
            archive.writestr(f"x/{name}", b"")
    refused(path, "TorchScript")


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    small = saved(tmp_path, {"w": torch.zeros(3_000_000)}, "small.pth")
    path = tmp_path / "x.pth"
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry in source.infolist():
            archive.writestr(entry.filename, source.read(entry))
    assert path.stat().st_size < 100_000
    refused(path, "unpack to far more")


def test_a_tensor_that_claims_more_than_it_stores_is_refused(tmp_path):
    huge = torch.zeros(1).expand(2**40)
    refused(saved(tmp_path, {"pos_embed": huge}), "claims 1099511627776 values and stores fewer")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (torch.eye(3).to_sparse(), "no ordinary dense tensor"),
        (torch.empty(3, device="meta"), "no ordinary dense tensor"),
        (torch.zeros(3, dtype=torch.complex64), "complex64"),
        (torch.zeros(3, dtype=torch.bool), "torch.bool"),
        ("text", "a str, not a tensor"),
        (None, "nothing, not a tensor"),
    ],
)
def test_entries_that_are_no_ordinary_tensors(value, says, tmp_path):
    refused(saved(tmp_path, {**WEIGHTS, "pos_embed": value}), f"its entry 'pos_embed'.*{says}")


def test_places_that_are_no_file(tmp_path):
    saved(tmp_path, WEIGHTS, "vig.pth")
    refused(tmp_path, r"is a folder; name the file in it: vig\.pth")
    refused(tmp_path / "vigg.pth", r"there is no such file; beside it lie vig\.pth")
    refused(tmp_path / "vig.pth" / "x.pth", "there is no such file")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused(pipe, "not a regular file")


@pytest.fixture
def nobody():
    """Root reads everything: it becomes a user of no rights for a while; anybody else stays who they are."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_file_one_may_not_read(nobody):
    with tempfile.TemporaryDirectory() as folder:
        path = saved(pathlib.Path(folder), WEIGHTS)
        path.chmod(0)
        refused(path, "cannot be read: Permission denied")


def test_a_pin_accepts_the_file_and_no_other(tmp_path):
    path = saved(tmp_path, WEIGHTS)
    digest = read(path).sha256
    assert len(digest) == 64
    for pin in (digest, digest[:8], f"sha256:{digest.upper()}", f" {digest[:20]}\n"):
        assert read(path, sha256=pin).sha256 == digest
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:]
    for pin in (wrong, wrong[:8], digest[:-1] + ("0" if digest[-1] != "0" else "1")):
        with pytest.raises(CheckpointError, match="its SHA-256 begins") as error:
            read(path, sha256=pin)
        one_line(error)
    for pin in ("", "1234567", "nothexad", digest + "0"):
        with pytest.raises(ValueError, match="8 to 64 hexadecimal digits"):
            read(path, sha256=pin)


def test_a_pin_is_checked_before_anything_is_unpickled(tmp_path):
    path = saved(tmp_path, {"x": Calls(os.system, "true")})
    with pytest.raises(CheckpointError, match="not the file that was pinned"):
        read(path, sha256="00000000")


def marked(value):
    return {"backbone.0.grapher.fc1.0.weight": torch.full((2,), float(value))}


def prefixed(prefix, state):
    return {prefix + key: tensor for key, tensor in state.items()}


WRAPPERS = {
    "bare": (marked(1), "", None),
    "timm": ({"epoch": 1, "optimizer": {"state": {}}, "state_dict": marked(1)}, "state_dict", None),
    "timm with EMA": ({"state_dict": marked(2), "state_dict_ema": marked(1)}, "state_dict_ema", True),
    "model": ({"model": marked(1), "args": argparse.Namespace(lr=1)}, "model", None),
    "model and model_ema": ({"model": marked(2), "model_ema": marked(1)}, "model_ema", True),
    "meta": ({"meta": {"epoch": 1}, "state_dict": marked(1)}, "state_dict", None),
    "mmengine swaps": (
        {
            "meta": {},
            "state_dict": marked(1),
            "ema_state_dict": {"steps": torch.tensor(5), **prefixed("module.", marked(2))},
        },
        "state_dict",
        True,
    ),
    "wrapper in a wrapper": (
        {"model": {"state_dict": marked(2), "state_dict_ema": marked(1)}},
        "model.state_dict_ema",
        True,
    ),
    "no EMA after all": ({"state_dict": marked(1), "state_dict_ema": None}, "state_dict", None),
    "DataParallel": ({"state_dict": prefixed("module.", marked(1))}, "state_dict", None),
    "compiled": (prefixed("_orig_mod.", marked(1)), "", None),
    "both, nested": (prefixed("module._orig_mod.module.", marked(1)), "", None),
    "compiled inside": ({"backbone._orig_mod.0.grapher.module.fc1.0.weight": torch.ones(2)}, "", None),
    "Lightning": ({"state_dict": prefixed("model._orig_mod.", marked(1)), "hyper_parameters": {}}, "state_dict", None),
    "AveragedModel": ({"n_averaged": torch.tensor(7), **prefixed("module.", marked(1))}, "", None),
}


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "before-1.6"])
@pytest.mark.parametrize("wrapper", WRAPPERS)
def test_weights_are_taken_out_of_every_wrapper(wrapper, zipped, tmp_path):
    content, entry, ema = WRAPPERS[wrapper]
    chosen = choose(read(saved(tmp_path, content, _use_new_zipfile_serialization=zipped)))
    state = remap(chosen.state).state
    assert list(state) == ["backbone.0.grapher.fc1.0.weight"]
    assert state["backbone.0.grapher.fc1.0.weight"][0] == 1
    assert (chosen.entry, chosen.ema) == (entry, ema)


@pytest.mark.parametrize("wrapper", ["timm with EMA", "model and model_ema", "mmengine swaps", "wrapper in a wrapper"])
def test_the_weights_without_ema_on_request(wrapper, tmp_path):
    chosen = choose(read(saved(tmp_path, WRAPPERS[wrapper][0])), ema=False)
    assert remap(chosen.state).state["backbone.0.grapher.fc1.0.weight"][0] == 2
    assert chosen.ema is False


def test_only_averaged_weights_are_taken_even_if_not_wanted(tmp_path):
    chosen = choose(read(saved(tmp_path, {"state_dict_ema": marked(1)})), ema=False)
    assert chosen.ema is True


@pytest.mark.parametrize(
    "content",
    [{"epoch": 1, "optimizer": {}}, {}, [1, 2], 3, {"state_dict": {}}, {"state_dict": {"a": 1}}, torch.zeros(2)],
)
def test_files_without_weights(content, tmp_path):
    refused(saved(tmp_path, content), "holds (no weights|a |nothing)")


def test_prefixes_that_hide_two_weights_of_one_name(tmp_path):
    path = saved(tmp_path, {**marked(1), **prefixed("module.", marked(2))})
    with pytest.raises(CheckpointError, match="the same without wrapper prefixes"):
        remap(choose(read(path)).state)


def test_an_absurd_claim_in_an_old_file_is_one_line(tmp_path):
    """The old format says how much to allocate before it gives the values."""
    path = saved(tmp_path, {"w": torch.zeros(77)}, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    old, new = b"K\x4d", b"\x8a\x06" + struct.pack("<Q", 2**45)[:6]
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(CheckpointError, match="claims more memory than there is") as error:
        read(path)
    one_line(error)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "bare"])
def test_an_operation_that_states_more_bytes_than_memory_holds_is_damage(zipped, tmp_path):
    content = b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x."
    path = tmp_path / "x.pth"
    path.write_bytes(content)
    if zipped:
        with zipfile.ZipFile(saved(tmp_path, {}, "good.pth")) as source, zipfile.ZipFile(path, "w") as archive:
            for entry in source.infolist():
                data = content if entry.filename.endswith("data.pkl") else source.read(entry)
                archive.writestr(entry.filename, data)
    refused(path, "fetch it again|refused")

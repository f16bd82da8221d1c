"""Checkpoints: honest ones in every container, damaged ones, hostile pickles, and entries that claim what cannot be."""

from __future__ import annotations

import argparse
import datetime
import functools
import io
import json
import pickle
import sys
import threading
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save as as_safetensors

from corpus.apart import apart
from corpus.mutate import HOSTILE, mutated, mutated_value
from corpus.promises import Case, one_line, promise, require

DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)


def weights(seed: int = 0, dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """Three tensors under names of a network."""
    rng = torch.Generator().manual_seed(seed)
    return {
        "backbone.0.grapher.fc1.0.weight": torch.randn(4, 3, 1, 1, generator=rng).to(dtype),
        "backbone.0.grapher.fc1.1.running_mean": torch.randn(4, generator=rng).to(dtype),
        "pos_embed": torch.randn(1, 4, 5, 5, generator=rng).to(dtype),
    }


def _torch_saved(content: Any, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


CONTAINERS: dict[str, Callable[[Any], bytes]] = {
    "zip": lambda content: _torch_saved(content),
    "before 1.6": lambda content: _torch_saved(content, zipped=False),
}
WRAPPED: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "bare": lambda state: state,
    "ordered": lambda state: OrderedDict(state),
    "timm": lambda state: {"epoch": 3, "arch": "vig_ti", "optimizer": {"state": {}}, "state_dict": state},
    "arguments": lambda state: {"model": state, "args": argparse.Namespace(lr=1e-3, when=datetime.date(2024, 1, 2))},
    "numbers": lambda state: {"state_dict": state, "metric": np.float64(77.1), "history": np.arange(3.0)},
    "Lightning": lambda state: {
        "state_dict": {f"model.{key}": value for key, value in state.items()},
        "hyper_parameters": {"lr": 0.1},
        "pytorch-lightning_version": "2.2",
    },
    "DataParallel": lambda state: {"state_dict": {f"module.{key}": value for key, value in state.items()}},
    "compiled": lambda state: {f"_orig_mod.{key}": value for key, value in state.items()},
    "averaged": lambda state: {"state_dict": weights(9), "state_dict_ema": state},
    "mmengine": lambda state: {"meta": {"CLASSES": ["a", "b"], "epoch": 1}, "state_dict": state},
}


@promise(
    "what an honest checkpoint holds is read to the bit",
    how=f"{len(WRAPPED)} wrappers x {len(CONTAINERS)} of torch's formats x {len(DTYPES)} precisions, and "
    "safetensors, with "
    "random values",
    sample=60,
    full=4_000,
)
def honest_checkpoints(case: Case) -> None:
    from vizgraph.checkpoints.read import read
    from vizgraph.checkpoints.wrappers import choose
    from vizgraph.models._filter import remap

    number = case.number
    dtype = DTYPES[number // 7 % len(DTYPES)]
    state, path = weights(number, dtype), case.folder / "x.pth"
    if number % 7 == 6:
        path.write_bytes(as_safetensors(state))
    else:
        kinds = list(WRAPPED)
        content = WRAPPED[kinds[number % len(kinds)]](state)
        path.write_bytes(CONTAINERS[list(CONTAINERS)[number // 3 % 2]](content))
    found = remap(choose(read(path)).state).state
    require(found.keys() == state.keys(), f"{list(found)}")
    for key, value in state.items():
        require(found[key].dtype == dtype and torch.equal(found[key], value), key)


# -- hostile pickles ---------------------------------------------------------------------------------------------

NAMES = [
    "posix.system",
    "os.system",
    "os.popen",
    "os.execv",
    "os.remove",
    "os.putenv",
    "os.fork",
    "subprocess.Popen",
    "subprocess.check_output",
    "builtins.eval",
    "builtins.exec",
    "builtins.compile",
    "builtins.open",
    "builtins.__import__",
    "builtins.setattr",
    "builtins.globals",
    "builtins.breakpoint",
    "builtins.input",
    "__builtin__.eval",
    "io.open",
    "codecs.open",
    "shutil.rmtree",
    "shutil.move",
    "importlib.import_module",
    "runpy.run_path",
    "pdb.run",
    "timeit.timeit",
    "code.interact",
    "pty.spawn",
    "socket.create_connection",
    "webbrowser.open",
    "urllib.request.urlopen",
    "ctypes.CDLL",
    "marshal.loads",
    "pickle.loads",
    "_pickle.loads",
    "dill.loads",
    "torch.load",
    "torch.hub.load",
    "torch.jit.load",
    "torch.ops.load_library",
    "torch.utils.cpp_extension.load",
    "numpy.load",
    "numpy.save",
    "numpy.fromfile",
    "numpy.f2py.compile",
    "operator.attrgetter",
    "operator.methodcaller",
    "functools.partial",
    "functools.reduce",
    "types.FunctionType",
    "types.CodeType",
    "multiprocessing.Process",
    "threading.Thread",
    "logging.config.dictConfig",
    "asyncio.run",
    "tempfile.NamedTemporaryFile",
    "pathlib.Path.touch",
    "pathlib.Path.write_text",
    "vizgraph.cli.main.main",
    "vizgraph.train",
    "pip.main",
    "distutils.core.run_setup",
    "cProfile.run",
    "site.main",
    "sys.exit",
    "atexit.register",
    "torch._utils._rebuild_tensor_v3.__globals__",
    "collections.OrderedDict.__class__",
    "torch.nn.Linear",
    "torch.nn.Module",
]


def _text(value: str) -> bytes:
    data = value.encode()
    return b"X" + len(data).to_bytes(4, "little") + data


def _named(rng: np.random.Generator, name: str) -> bytes:
    """The operations that fetch a name."""
    module, _, attribute = name.rpartition(".")
    if rng.integers(2):
        return f"c{module}\n{attribute}\n".encode()
    return _text(module) + _text(attribute) + b"\x93"


def hostile_pickle(rng: np.random.Generator, canary: Path) -> bytes:
    """A pickle that fetches a dangerous name and calls it, in one of the ways there are to call."""
    name = NAMES[int(rng.integers(len(NAMES)))]
    module, _, attribute = name.rpartition(".")
    words = (f"touch '{canary}'", str(canary), f"open({str(canary)!r}, 'w')", "antigravity", "1")
    argument = _text(words[int(rng.integers(len(words)))])
    way = int(rng.integers(8))
    if way == 0:
        call = _named(rng, name) + argument + b"\x85R"
    elif way == 1:
        call = b"(" + argument + f"i{module}\n{attribute}\n".encode()
    elif way == 2:
        call = b"(" + _named(rng, name) + argument + b"o"
    elif way == 3:
        call = _named(rng, name) + argument + b"\x85\x81"
    elif way == 4:
        call = _named(rng, name) + argument + b"\x85}\x92"
    elif way == 5:  # a state for something allowed
        call = b"ccollections\nOrderedDict\n)R" + b"}" + _text("__class__") + _named(rng, name) + b"sb"
    elif way == 6:  # by way of a name that is allowed as a name
        call = b"cbuiltins\ngetattr\n" + _named(rng, name) + _text("__call__") + b"\x86R" + argument + b"\x85R"
    else:
        call = b"ccopyreg\n_reconstructor\n" + _named(rng, name) + b"cbuiltins\nobject\nN\x87R" + argument + b"b"
    where = int(rng.integers(4))
    inside = (b"}" + _text("state_dict") + call + b"s", call, b"(" + call + b"t", b"}" + call + b"Ns")[where]
    return b"\x80" + bytes([int(rng.choice([2, 3, 4, 5]))]) + inside + b"."


def contained(rng: np.random.Generator, content: bytes) -> bytes:
    """A pickle in one of the containers that torch reads."""
    kind = int(rng.integers(3))
    if kind == 0:
        return content
    if kind == 1:
        head = _torch_saved({}, zipped=False)
        return head[: head.rindex(b"\x80\x02}q")] + content + pickle.dumps([], protocol=2)
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(_torch_saved({}))) as source, zipfile.ZipFile(buffer, "w") as archive:
        for entry in source.infolist():
            data = content if entry.filename.endswith("data.pkl") else source.read(entry)
            archive.writestr(entry.filename, data)
    return buffer.getvalue()


class _Watch:
    """What Python's audit events say was done while it listens."""

    FORBIDDEN = (
        "os.system",
        "os.exec",
        "os.posix_spawn",
        "os.fork",
        "os.remove",
        "os.rename",
        "os.putenv",
        "subprocess.Popen",
        "socket.connect",
        "socket.bind",
        "ctypes.dlopen",
        "pty.spawn",
        "shutil.rmtree",
        "shutil.move",
        "webbrowser.open",
        "urllib.Request",
        "builtins.input",
        "builtins.breakpoint",
        "os.mkdir",
    )

    def __init__(self) -> None:
        self.listens, self.seen, self.thread = False, [], 0
        sys.addaudithook(self._heard)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.listens or threading.get_ident() != self.thread:
            return
        writes = event == "open" and isinstance(args[1], str) and args[1].strip("rbtU") != ""
        modules = event == "import" and args[0] in ("antigravity", "pty", "pip", "distutils.core", "webbrowser")
        if event in self.FORBIDDEN or writes or modules:
            self.seen.append((event, str(args)[:80]))

    @contextmanager
    def __call__(self) -> Iterator[list[tuple[str, str]]]:
        self.seen, self.listens, self.thread = [], True, threading.get_ident()
        try:
            yield self.seen
        finally:
            self.listens = False


@functools.cache
def watch() -> _Watch:
    """The one watch of this process: an audit hook cannot be taken off again."""
    return _Watch()


@promise(
    "nothing in a checkpoint runs: it is refused with exit code 4 and one line",
    how=f"{len(NAMES)} names x 8 ways to call them x 4 places x protocols 2 to 5 x bare, zip and the format "
    "before 1.6; "
    "Python's audit events (processes, sockets, writes, loaded libraries) and a canary file are watched",
    limits="compiled code of torch, zipfile and safetensors is trusted; audit events do not see what C libraries do",
    sample=300,
    full=10_000,
)
def hostile_pickles(case: Case) -> None:
    from vizgraph.checkpoints.read import read
    from vizgraph.errors import CheckpointError

    canary, path, rng = case.folder / "canary", case.folder / "x.pth", case.rng
    path.write_bytes(contained(rng, hostile_pickle(rng, canary)))
    with watch()() as seen:
        try:
            read(path)
            refused = None
        except CheckpointError as error:
            refused = error
    require(seen == [], seen)
    require(not canary.exists(), "it ran")
    require(refused is not None, "it was read")
    require(refused.exit_code == 4)
    one_line(refused, path)


# -- damage ------------------------------------------------------------------------------------------------------


@functools.cache
def _sound(kind: str) -> bytes:
    if kind == "safetensors":
        return as_safetensors(weights())
    return CONTAINERS[kind]({"epoch": 3, "state_dict": weights(), "args": argparse.Namespace(lr=0.1)})


def _read_state(path: Path, sha256: str | None = None) -> dict[str, torch.Tensor] | None:
    """The weights in a file; None where it is refused as it should be."""
    from vizgraph.checkpoints.read import read
    from vizgraph.checkpoints.wrappers import choose
    from vizgraph.errors import CheckpointError

    try:
        return choose(read(path, sha256=sha256)).state
    except CheckpointError as error:
        require(error.exit_code == 4)
        one_line(error, path)
        return None


def _same(state: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> bool:
    return state.keys() == wanted.keys() and all(
        state[key].dtype == value.dtype and torch.equal(state[key], value) for key, value in wanted.items()
    )


@promise(
    "a damaged checkpoint is read or is a bad checkpoint: one line that names it, exit code 4",
    how="one to four changes of bits, numbers, blocks and lengths in a zip, a file of the format before 1.6 and "
    "safetensors",
    limits="see `no-silent-damage`",
    sample=200,
    full=10_000,
)
def mutated_checkpoints(case: Case) -> None:
    kinds = (*CONTAINERS, "safetensors")
    path = case.folder / "x.pth"
    path.write_bytes(mutated(case.rng, _sound(kinds[case.number % 3]), _sound(kinds[(case.number + 1) % 3])))
    with watch()() as seen:
        _read_state(path)
    require(seen == [], seen)


@promise(
    "no silent damage: a zip of torch is read with the weights that it was written with, or refused; with a pin "
    "(`--sha256`) any file is",
    how="every kind of change, in zips without a pin and in all three formats with one",
    limits="safetensors and files from before torch 1.6 have no checksum: without a pin a changed weight in them "
    "cannot "
    "be noticed (its SHA-256 is printed)",
    sample=200,
    full=10_000,
)
def no_silent_damage(case: Case) -> None:
    import hashlib

    kind = ("zip", "zip", "before 1.6", "safetensors")[case.number % 4]
    data, path = _sound(kind), case.folder / "x.pth"
    changed = mutated(case.rng, data)
    path.write_bytes(changed)
    pin = None if case.number % 4 == 0 else hashlib.sha256(data).hexdigest()
    state = _read_state(path, pin)
    if state is not None:
        require(changed == data or pin is None, "another file than the pinned one was read")
        require(_same(state, weights()), "other weights were read without a word")


# -- entries -----------------------------------------------------------------------------------------------------


@functools.cache
def _demo() -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """The bundled weights and their own entry."""
    from importlib.resources import files

    from safetensors import safe_open

    with safe_open(str(files("vizgraph") / "assets" / "gcn_demo.safetensors"), "pt") as file:
        own = json.loads(file.metadata()["vizgraph"])
        return {key: file.get_tensor(key) for key in file.keys()}, own  # noqa: SIM118


_CLAIMS: tuple[tuple[tuple[str, ...], Any], ...] = (
    (("data", "input_size"), [3, 9999, 9999]),
    (("data", "input_size"), [3, 4096, 4096]),
    (("data", "input_size"), [3, 1, 4096]),
    (("data", "input_size"), [1024, 224, 224]),
    (("data", "crop_pct"), 1e-9),
    (("data", "crop_pct"), 0.2),
    (("data", "mean"), [0.5] * 1024),
    (("data", "std"), [0, 0, 0]),
    (("data", "std"), [1e-4] * 3),
    (("model_kwargs",), {"k": 10**9}),
    (("model_kwargs",), {"k": 1024}),
    (("model_kwargs",), {"img_size": 4096}),
    (("model_kwargs",), {"img_size": [10**6, 10**6]}),
    (("model_kwargs",), {"in_chans": 10**6}),
    (("model_kwargs",), {"num_classes": 10**8}),
    (("model_kwargs",), {"pretrained": True}),
    (("model_kwargs",), {"checkpoint_path": "/etc/passwd"}),
    (("model_kwargs",), {"pretrained_cfg_overlay": {"url": "http://x"}}),
    (("num_classes",), 10**9),
    (("label_names",), ["x" * 200_000] * 10),
    (("label_names",), ["x"] * 10**6),
    (("label_names",), ["\ud800"] * 10),
    (("arch",), "pvig_b"),
    (("arch",), "resnet50"),
    (("arch",), "hf-hub:a/b"),
    (("arch",), "../x"),
)


@promise(
    "what a checkpoint claims about itself takes no more than 20 s and 1.5 GB, whether it is believed or refused",
    how=f"{len(_CLAIMS)} claims (sizes, k, crops, labels, options of other networks) and random ones in the "
    "record beside "
    "sound weights; the network is built, given an image and explained, in a process of its own",
    limits="what the shapes of the weights themselves ask for is allocated",
    sample=8,
    full=400,
)
def hostile_entries(case: Case) -> None:
    state, own = _demo()
    own = json.loads(json.dumps(own))
    if case.number < len(_CLAIMS):
        place, value = _CLAIMS[case.number * 7 % len(_CLAIMS)]
        holder = own
        for key in place[:-1]:
            holder = holder.setdefault(key, {})
        holder[place[-1]] = value
    else:
        own = mutated_value(case.rng, own)
    path, picture = case.folder / "x.pth", case.folder / "x.png"
    torch.save({"state_dict": state, "vizgraph": own}, path)
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(picture)

    def use() -> tuple[int, ...]:
        import viz_nodes
        import vizgraph

        warnings.simplefilter("ignore")
        model = vizgraph.load_model("gcn_demo", path, device="cpu")
        sample = vizgraph.load_image(picture, model, fit="crop" if case.number % 2 else "squash")
        return tuple(viz_nodes.explain(model, sample.pixels, layers=[-1]).layers[0].grid)

    ended = apart(use, case.folder, seconds=20)
    require(ended.peak < 1500, f"{str(own)[:100]}: {ended.peak:.0f} MB")
    if ended.error is not None:
        require(ended.error[0] in ("CheckpointError", "ImageError"), f"{ended.error} {str(own)[:300]}")
        require("\n" not in ended.error[1], ended.error)


@promise(
    "a record beside weights is believed or is a bad checkpoint, whatever stands in it",
    how="records with one to three values replaced by hostile ones, read without building the network",
    sample=300,
    full=10_000,
)
def mutated_entries(case: Case) -> None:
    from vizgraph.checkpoints.provenance import Provenance
    from vizgraph.checkpoints.read import Contents
    from vizgraph.errors import CheckpointError

    _, own = _demo()
    path = case.folder / "x.pth"
    entry = mutated_value(case.rng, own)
    if case.number % 3 == 0:  # as safetensors have it
        text = json.dumps(entry)
        contents = Contents(
            path,
            "0" * 64,
            {},
            {"vizgraph": text if case.number % 2 else mutated(case.rng, text.encode()).decode("latin-1")},
        )
    elif case.number % 3 == 1:
        contents = Contents(path, "0" * 64, {"vizgraph": entry})
    else:
        place = ("meta", "hyper_parameters", "classes", "id2label")[case.number // 3 % 4]
        contents = Contents(path, "0" * 64, {place: entry if case.number % 2 else HOSTILE[case.number % len(HOSTILE)]})
    try:
        Provenance.of(contents)
    except CheckpointError as error:
        one_line(error, path)

"""Explanations on disk: damaged, and put together by somebody who means harm."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from builders.explanations import build_explanation
from corpus.apart import apart
from corpus.mutate import mutated, mutated_value
from corpus.promises import Case, one_line, promise, require
from viz_nodes.places import LabelMap, Points, Polygons

KINDS = 5
"""Of explanations that are damaged and changed."""


@functools.cache
def _saved(which: int) -> bytes:
    """The npz of a small explanation: a grid, a pyramid's layers with two rows, superpixels, cells, groups of nodes."""
    import tempfile

    from viz_nodes.export.archive import save

    more: dict[str, Any] = {"rows": 2, "key_grid": (2, 3), "versus": 1} if which == 1 else {}
    grid = (4, 6) if which in (0, 1) else (1, 24)
    exp = build_explanation(layers=(0, 2), depth=3, grid=grid, k=3, size=(64, 96), **more)
    if which > 1:
        exp = replace(exp, layers=tuple(_elsewhere(layer, which) for layer in exp.layers))
    with tempfile.TemporaryDirectory() as folder:
        return save(exp, folder).read_bytes()


def _elsewhere(layer: Any, which: int) -> Any:
    """A layer whose nodes are superpixels (2), cells (3), or points in groups, with effects (4)."""
    size, nodes = (64, 96), 24
    if which == 2:
        return replace(layer, places=LabelMap(np.arange(nodes).reshape(4, 6), size))
    middles = np.stack([np.arange(nodes) % 6 * 16 + 8, np.arange(nodes) // 6 * 16 + 8], 1)
    if which == 3:
        return replace(layer, places=Polygons([m + np.array([[-5, -5], [5, -5], [0, 6]]) for m in middles], size))
    groups = torch.rand(1, 3, nodes, generator=torch.Generator().manual_seed(0))
    heard = torch.arange(3).expand(1, nodes, 3).clone()
    return replace(
        layer,
        places=Points(middles, size),
        effect=torch.zeros_like(layer.share),
        groups=groups,
        heard=heard,
        heard_share=torch.full((1, nodes, 3), 1 / 3),
    )


def require_sound(exp: Any) -> None:
    """That an explanation's parts fit together, so that nothing that uses it can go wrong.

    Raises:
        Broken: a peak or neighbor beyond its grid, rows that differ, or it cannot be saved again.
    """
    rows = len(exp.target)
    require(exp.logits.ndim == 2 and bool(((exp.target >= -1) & (exp.target < max(1, exp.logits.shape[1]))).all()))
    for layer in exp.layers:
        nodes, keys = layer.grid[0] * layer.grid[1], layer.key_grid[0] * layer.key_grid[1]
        require(tuple(layer.cam.shape) == (rows, *layer.grid), f"a map of {tuple(layer.cam.shape)}")
        require(bool(((layer.peak >= -1) & (layer.peak < nodes)).all()), f"peak {layer.peak.tolist()} of {nodes}")
        require(tuple(layer.neighbors.shape[:2]) == (rows, nodes))
        require(bool(((layer.neighbors >= -1) & (layer.neighbors < keys)).all()), "a neighbor beyond the keys")
        for array in (layer.share, layer.contribution, layer.effect):
            require(array is None or array.shape == layer.neighbors.shape)
        regions = layer.places if isinstance(layer.places, tuple) else (layer.places,)
        require(
            all(places is None or (places.num_nodes, places.size) == (nodes, exp.image_size) for places in regions),
            "regions of others",
        )
        if layer.groups is not None:
            require(tuple(layer.groups.shape[::2]) == (rows, nodes), "groups of other nodes")
        if layer.heard is not None and layer.groups is not None:
            require(bool((layer.heard < layer.groups.shape[1]).all()), "a group that there is not")


def _loaded(case: Case, data: bytes) -> Any:
    """What is read from these bytes; None where it is refused as it should be."""
    from viz_nodes import Explanation
    from viz_nodes.export.archive import BrokenExplanation

    path = case.folder / "explanation.npz"
    path.write_bytes(data)
    try:
        exp = Explanation.load(case.folder)
    except BrokenExplanation as error:
        one_line(error, path)
        return None
    require_sound(exp)
    return exp


@promise(
    "a damaged explanation is read as it was written, or refused in a line that names it",
    how="one to four changes of bits, numbers, blocks and lengths in `explanation.npz`",
    sample=150,
    full=10_000,
)
def mutated_explanations(case: Case) -> None:
    from viz_nodes.export.archive import load

    data = _saved(case.number % KINDS)
    exp = _loaded(case, mutated(case.rng, data, _saved((case.number + 1) % KINDS)))
    if exp is not None:
        good = case.folder / "good"
        good.mkdir()
        (good / "explanation.npz").write_bytes(data)
        wanted = load(good)
        for layer, other in zip(exp.layers, wanted.layers, strict=True):
            for name in ("cam", "peak", "neighbors", "share", "contribution", "effect", "groups", "heard"):
                one, two = getattr(layer, name), getattr(other, name)
                require(one is two or torch.equal(one, two), f"{name} differs without a word")
        require(exp.labels == wanted.labels and torch.equal(exp.logits, wanted.logits))


def _rewritten(case: Case, data: bytes) -> bytes:
    """The same archive with right checksums, whose text or one of whose arrays says something else."""
    rng = case.rng
    with np.load(io.BytesIO(data)) as archive:
        members = {name: archive[name] for name in archive.files}
    kind = int(rng.integers(3))
    if kind == 0:
        about = mutated_value(rng, json.loads(members["about"].tobytes()))
        try:
            members["about"] = np.frombuffer(json.dumps(about).encode(), np.uint8)
        except ValueError:
            return data
    else:
        names = sorted(set(members) - {"about"})
        name = names[int(rng.integers(len(names)))]
        members[name] = _other_array(rng, members[name])
        if kind == 2 and rng.integers(2):
            del members[names[int(rng.integers(len(names)))]]
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **members)
    return buffer.getvalue()


def _other_array(rng: np.random.Generator, array: np.ndarray) -> np.ndarray:
    way, array = int(rng.integers(7)), array.copy()
    if way == 0 and array.size:
        array.flat[int(rng.integers(array.size))] = int(rng.choice([-128, -2, -1, 0, 24, 100, 127]))
    elif way == 1 and array.dtype.kind == "f" and array.size:
        array.flat[int(rng.integers(array.size))] = float(rng.choice([np.nan, np.inf, -np.inf, -1, 1e38]))
    elif way == 2:
        array = array.reshape(-1)
    elif way == 3:
        array = array[..., :-1]
    elif way == 4:
        array = array[:0]
    elif way == 5:
        array = array.astype(rng.choice(["<f8", ">f4", "<i8", "u1", "<c8", "?", "<U3", "<M8[s]"]))
    else:
        array = np.concatenate([array, array])
    return array


@promise(
    "an explanation that somebody has changed, with right checksums, is sound or refused: no peak or neighbor lies "
    "beyond its grid",
    how="values of its text replaced by hostile ones, and arrays of other values, shapes and types",
    limits="other numbers of the right kind cannot be told from true ones; the manifest beside has the file's "
    "SHA-256, which "
    "`render --check` compares",
    sample=150,
    full=10_000,
)
def changed_explanations(case: Case) -> None:
    _loaded(case, _rewritten(case, _saved(case.number % KINDS)))


@promise(
    "an explanation that was read can be drawn, exported and saved again, whatever its file was",
    how="changed explanations that are still read: figure, GraphML, table of edges, page",
    sample=12,
    full=1_500,
)
def changed_explanations_in_use(case: Case) -> None:
    import viz_nodes
    from viz_nodes.export import to_graphml

    exp = _loaded(case, _rewritten(case, _saved(case.number % KINDS)))
    if exp is None:
        return
    image = np.zeros((*(max(1, min(side, 256)) for side in exp.image_size), 3), np.uint8)
    uses = (
        lambda: viz_nodes.figure(exp, image).savefig(io.BytesIO(), dpi=30),
        lambda: to_graphml(exp, case.folder / "x.graphml"),
        lambda: viz_nodes.write_page(exp, image, case.folder / "x.html"),
        lambda: exp.save(case.folder / "again"),
    )
    for use in uses:
        try:
            use()
        except (ValueError, TypeError) as error:  # a sentence about what it says, not a defect of ours
            require("\n" not in str(error) and len(str(error)) > 15, repr(error))


def _bomb(zeros: int) -> bytes:
    """An npz of ours one of whose arrays unpacks to so many bytes."""
    with np.load(io.BytesIO(_saved(0))) as archive:
        members = {name: archive[name] for name in archive.files}
    about = json.loads(members["about"].tobytes())
    name = next(name for name in about["dtypes"] if name.endswith("/cam"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, array in members.items():
            with archive.open(f"{member}.npy", "w", force_zip64=True) as file:
                if member != name:
                    np.lib.format.write_array(file, array)
                    continue
                np.lib.format.write_array_header_1_0(
                    file, {"descr": "<f4", "fortran_order": False, "shape": (1, zeros // 4, 1)}
                )
                for _ in range(zeros // 2**20):
                    file.write(bytes(2**20))
    return buffer.getvalue()


@promise(
    "no explanation takes more than 20 s and 1.5 GB",
    how="archives that unpack to 300 MB to 2 GB, one that holds no explanation at all, text that nests 100,000 deep",
    sample=2,
    full=6,
)
def explanation_bombs(case: Case) -> None:
    from viz_nodes import Explanation

    sizes = (0, 600 * 2**20, 2**31, 0, 1200 * 2**20, 0)
    size = sizes[case.number % 6]
    if size:
        data = _bomb(size)
    else:
        buffer = io.BytesIO()
        text = b"[" * 100_000 if case.number else b'{"format": "viz_nodes explanation", "layers": ' + b"[" * 10**6
        np.savez_compressed(buffer, about=np.frombuffer(text, np.uint8))
        data = buffer.getvalue()
    (case.folder / "explanation.npz").write_bytes(data)
    ended = apart(lambda: Explanation.load(case.folder) and None, case.folder, seconds=20)
    require(ended.peak < 1500, f"{ended.peak:.0f} MB")
    require(ended.error is not None and ended.error[0] == "BrokenExplanation", ended)

"""Explanations that live on: one npz file, GraphML, node-link JSON, PyTorch Geometric data, pandas tables.

`explanation.npz` holds plain arrays and one JSON text, no pickles; what is read back is equal bit for bit. Files appear
whole or not at all: they are written under a temporary name, flushed to the disk, and renamed.
"""

from __future__ import annotations

import io
import json
import math
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from viz_nodes.explanation import Explanation, LayerExplanation
from viz_nodes.export.graphml import ABSENT, columns_of, graphml, graphml_of_columns
from viz_nodes.files import write_atomically
from viz_nodes.graphs.digraphs import describe, layer_graph, places_of
from viz_nodes.graphs.edges import edges_of, in_degree
from viz_nodes.grids import centers

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd
    from torch_geometric.data import Data

FILE_NAME = "explanation.npz"
FORMAT = "viz_nodes explanation"
FORMAT_VERSION = 1
LARGEST = 8 * 1024**3
"""Bytes an explanation may unpack to; more is refused before anything is unpacked."""

_LAYER_ARRAYS = ("cam", "peak", "neighbors", "share", "contribution", "distance", "margin", "skipped")
_TOP_ARRAYS = ("logits", "target", "versus", "source")
_WHOLE = {"peak", "neighbors", "skipped", "target", "versus", "source"}
_DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64,
        torch.float32,
        torch.float16,
        torch.bfloat16,
        torch.int64,
        torch.int32,
        torch.int16,
        torch.int8,
        torch.uint8,
        torch.bool,
    )
}


class BrokenExplanation(ValueError):
    """A file is no explanation, is damaged, or does not fit together."""


def _pack(tensor: Tensor) -> tuple[np.ndarray, str]:
    """An array and the name of the dtype to restore; whole numbers in as few bytes as they fit."""
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _DTYPES:
        raise TypeError(f"an explanation cannot hold {tensor.dtype}")
    tensor = tensor.detach().cpu().contiguous()
    if tensor.dtype == torch.bfloat16:
        return tensor.view(torch.int16).numpy(), name
    array = tensor.numpy()
    if tensor.dtype == torch.int64 and array.size:
        for small in (np.int8, np.int16, np.int32):
            limits = np.iinfo(small)
            if limits.min <= array.min() and array.max() <= limits.max:
                return array.astype(small), name
    return array, name


def _unpack(array: np.ndarray, name: str) -> Tensor:
    dtype = _DTYPES[name]
    if dtype == torch.bfloat16:
        return torch.from_numpy(array.astype(np.int16)).view(torch.bfloat16)
    tensor = torch.from_numpy(np.ascontiguousarray(array).reshape(array.shape))
    if tensor.is_floating_point() != dtype.is_floating_point:
        raise BrokenExplanation(f"an array of {tensor.dtype} stands where {dtype} is expected")
    return tensor.to(dtype)


def _plain_extras(extras: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Tensor]]:
    texts, arrays = {}, {}
    for name, value in extras.items():
        if isinstance(value, (Tensor, np.ndarray)):
            arrays[name] = torch.as_tensor(value)
            continue
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            raise TypeError(
                f"`extras[{name!r}]` must be a tensor or made of numbers, strings, lists and dictionaries to be saved "
                f"(got {type(value).__name__})"
            ) from None
        texts[name] = value
    return texts, arrays


def save(exp: Explanation, folder: str | os.PathLike[str]) -> Path:
    """Write `explanation.npz`, from which every figure can be drawn again without the model.

    Args:
        folder: made if it is not there.

    Returns:
        The file.

    Raises:
        TypeError: `exp.extras` holds something that is neither a tensor nor plain data.
        OSError: the folder cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    dtypes: dict[str, str] = {}

    def put(name: str, tensor: Tensor | None) -> None:
        if tensor is not None:
            arrays[name], dtypes[name] = _pack(tensor)

    for name in _TOP_ARRAYS:
        put(name, getattr(exp, name))
    for layer in exp.layers:
        for name in _LAYER_ARRAYS:
            put(f"layers/{layer.index}/{name}", getattr(layer, name))
    texts, extra_arrays = _plain_extras(exp.extras)
    for name, tensor in extra_arrays.items():
        put(f"extras/{name}", tensor)
    about = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "dtypes": dtypes,
        "method": exp.method,
        "image_size": list(exp.image_size),
        "depth": exp.depth,
        "labels": None if exp.labels is None else list(exp.labels),
        "model": exp.model,
        "activation": exp.activation,
        "output": list(exp.output),
        "explained": None if exp.explained is None else list(exp.explained),
        "extras": texts,
        "layers": [
            {
                "index": layer.index,
                "name": layer.name,
                "grid": list(layer.grid),
                "key_grid": list(layer.key_grid),
                "exact": layer.exact,
                "conv": layer.conv,
                "dilation": layer.dilation,
                "placed": layer.placed,
            }
            for layer in exp.layers
        ],
    }
    buffer = io.BytesIO()
    members: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **arrays}
    np.savez_compressed(buffer, **members)
    path = Path(folder) / FILE_NAME
    write_atomically(path, buffer.getvalue())
    return path


def _check_members(path: Path) -> None:
    """Refuse, before anything is unpacked, what would take more memory than it may or than the file holds."""
    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > LARGEST:
            raise BrokenExplanation(f"it unpacks to {size / 1024**3:.1f} GiB, more than {LARGEST / 1024**3:.1f}")
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
                if version not in read_header:
                    raise BrokenExplanation(f"`{member.filename}` is an array of format {version}")
                shape, _, dtype = read_header[version](file)
                if dtype.hasobject or math.prod(shape) * dtype.itemsize != member.file_size - file.tell():
                    raise BrokenExplanation(f"`{member.filename}` says {shape} of {dtype}, which it does not hold")


def _read(path: Path) -> Explanation:
    _check_members(path)
    with np.load(path, allow_pickle=False) as archive:
        if "about" not in archive.files:
            raise BrokenExplanation("it is an npz file of something else")
        about = json.loads(archive["about"].tobytes().decode())
        if not isinstance(about, dict) or about.get("format") != FORMAT:
            raise BrokenExplanation("it is an npz file of something else")
        if about["version"] != FORMAT_VERSION:
            raise BrokenExplanation(f"it has format version {about['version']!r}, this program reads {FORMAT_VERSION}")
        dtypes = about["dtypes"]

        def get(name: str) -> Any:
            if name not in dtypes:
                return None
            tensor = _unpack(archive[name], dtypes[name])
            if name.rpartition("/")[2] in _WHOLE and not name.startswith("extras/") and tensor.dtype != torch.int64:
                raise BrokenExplanation(f"`{name}` must be int64 (got {tensor.dtype})")
            return tensor

        extras = dict(about["extras"])
        extras |= {name.removeprefix("extras/"): get(name) for name in dtypes if name.startswith("extras/")}
        layers = tuple(
            LayerExplanation(
                index=int(layer["index"]),
                name=str(layer["name"]),
                grid=_pair(layer["grid"]),
                key_grid=_pair(layer["key_grid"]),
                exact=bool(layer["exact"]),
                conv=str(layer["conv"]),
                dilation=None if layer["dilation"] is None else int(layer["dilation"]),
                placed=None if layer.get("placed") is None else bool(layer["placed"]),
                **{name: get(f"layers/{layer['index']}/{name}") for name in _LAYER_ARRAYS},
            )
            for layer in about["layers"]
        )
        return Explanation(
            layers=layers,
            method=str(about["method"]),
            image_size=_pair(about["image_size"]),
            depth=int(about["depth"]),
            labels=None if about["labels"] is None else tuple(str(label) for label in about["labels"]),
            model=str(about["model"]),
            extras=extras,
            activation=str(about.get("activation", "softmax")),
            output=tuple(step if isinstance(step, int) else str(step) for step in about.get("output") or ()),
            explained=tuple(map(str, about["explained"])) if about.get("explained") is not None else None,
            **{name: get(name) for name in _TOP_ARRAYS},
        )


def _pair(value: Any) -> tuple[int, int]:
    first, second = value
    if not (isinstance(first, int) and isinstance(second, int) and first > 0 and second > 0):
        raise BrokenExplanation(f"a size must be two whole numbers above 0 (got {value!r})")
    return first, second


def load(folder: str | os.PathLike[str]) -> Explanation:
    """Read what `save` wrote.

    Args:
        folder: the folder, or the npz file in it.

    Raises:
        FileNotFoundError: there is no explanation.
        BrokenExplanation: the file is damaged, is something else, or its parts do not fit together.
    """
    path = Path(folder)
    if path.is_dir():
        path = path / FILE_NAME
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `explanation.save(folder)` writes one")
    try:
        return _read(path)
    except OSError as error:
        if not isinstance(error, zipfile.BadZipFile) and error.errno is not None:
            raise
        raise BrokenExplanation(f"{path}: not a readable explanation: {error}") from error
    except Exception as error:  # whatever a hostile file makes numpy, zipfile or json raise is this one thing
        said = str(error) or type(error).__name__
        if isinstance(error, KeyError):
            said = f"{said} is missing"
        raise BrokenExplanation(f"{path}: not a readable explanation: {said}") from error


def _chosen(exp: Explanation, layer: int | Iterable[int] | None) -> list[int]:
    if layer is None:
        return [explained.index for explained in exp.layers]
    if isinstance(layer, int):
        return [exp.layer(layer).index]
    return [exp.layer(index).index for index in layer]


def to_networkx(exp: Explanation, layer: int | Iterable[int] | None = None, image: int = 0) -> nx.DiGraph:
    """One graph of one, several or all explained layers.

    For a single `layer` this is `layer_graph`. For more, every layer is a part of its own: its nodes are named
    `(layer, node)` and `(layer, "key", j)` and carry `layer`.
    """
    import networkx as nx

    if isinstance(layer, int):
        return layer_graph(exp, layer, image)
    parts = []
    for index in _chosen(exp, layer):
        part = layer_graph(exp, index, image)
        nx.set_node_attributes(part, index, "layer")
        nx.set_edge_attributes(part, index, "layer")
        names = {name: (index, *name) if isinstance(name, tuple) else (index, name) for name in part}
        parts.append(nx.relabel_nodes(part, names))
    whole = nx.union_all(parts)
    whole.graph = _shared([part.graph for part in parts])
    return whole


def _printable(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return "".join(letter for letter in text if letter in "\t\n\r" or letter >= " ").replace("￾", "").replace("￿", "")


def _printable_values(attributes: dict[str, Any]) -> dict[str, Any]:
    return {name: _printable(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _graphml_of(exp: Explanation, layer: int | Iterable[int] | None, image: int) -> bytes:
    """What `graphml` makes of `to_networkx`, without the detour: a batch writes thousands of these."""
    row, single = exp.row(image), isinstance(layer, int)
    chosen = [exp.layer(index) for index in _chosen(exp, layer)]
    names: list[Any] = []
    rows: list[dict[str, Any]] = []
    ends: list[tuple[Any, Any]] = []
    columns: dict[str, list] = {}
    for explained in chosen:
        nodes, keys = places_of(explained, row, exp.image_size)
        pooled = explained.pooled
        found = edges_of(explained, row).merged()
        # As networkx lists them: by sender, and for each in the order of its centers.
        found = found.where(np.argsort(found.neighbor, kind="stable"))
        before = () if single else (explained.index,)
        own = [_name((*before, node) if before else node) for node in range(len(nodes))]
        asked = [_name((*before, "key", key)) for key in range(len(keys))] if pooled else own
        names += own + (asked if pooled else [])
        more = {} if single else {"layer": explained.index}
        rows += [place | more | {"label": f"({place['row']}, {place['col']})"} for place in nodes + keys * pooled]
        listed = [(asked[key], own[node]) for key, node in zip(found.neighbor.tolist(), found.center.tolist())]
        share = found.share.tolist()
        parts = {name: getattr(found, name) for name in ("rank", "share", "contribution", "distance", "margin")}
        values = {name: part.tolist() for name, part in parts.items() if part is not None}
        values |= {name: [value] * len(found) for name, value in more.items()}
        # Left out where it is 0, which Gephi does not take.
        values["weight"] = [value if value > 0 else ABSENT for value in share]
        for name, column in values.items():
            columns.setdefault(name, [ABSENT] * len(ends)).extend(column)
        ends += listed
        for column in columns.values():
            column += [ABSENT] * (len(ends) - len(column))
    return graphml_of_columns(
        _printable_values(_shared([describe(exp, explained, row) for explained in chosen])),
        names,
        columns_of(rows),
        ends,
        columns,
    )


def _shared(descriptions: list[dict[str, Any]]) -> dict[str, Any]:
    """What several layers' graphs say alike of themselves."""
    first, *others = descriptions
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _name(name: Any) -> str | int:
    """A node's name as a number or one word: 17, "key_3", "layer_4_node_17", "layer_4_key_3" (layers from 1).

    One word without a space, as GraphML's schema (NMTOKEN) has the names of nodes.
    """
    if not isinstance(name, tuple):
        return name
    if isinstance(name[0], str):
        return f"{name[0]}_{name[1]}"
    kind, number = name[1:] if len(name) == 3 else ("node", name[1])
    return f"layer_{name[0] + 1}_{kind}_{number}"


def _plain(source: Explanation | nx.Graph, layer: int | Iterable[int] | None, image: int) -> nx.Graph:
    """The graph with names that files can hold."""
    import networkx as nx

    graph = to_networkx(source, layer, image) if isinstance(source, Explanation) else source
    return nx.relabel_nodes(graph, {name: _name(name) for name in graph})


def to_graphml(
    source: Explanation | nx.Graph,
    path: str | os.PathLike[str],
    *,
    layer: int | Iterable[int] | None = None,
    image: int = 0,
) -> Path:
    """Write GraphML with plain numbers and strings, for networkx, Gephi, Cytoscape, igraph.

    Args:
        source: an explanation, or any graph of this package, such as an ego graph.
        path: the file.
        layer: of an explanation: one layer, several, or None for all of them in one file.
        image: of an explanation: the row.

    Nodes get a `label`; edges a `weight` where there is none yet, their share, left out where it is 0, which Gephi
    does not take.
    """
    if isinstance(source, Explanation):
        write_atomically(path, _graphml_of(source, layer, image))
        return Path(path)
    graph = _plain(source, layer, image)
    graph.graph = _printable_values(graph.graph)
    for name, attributes in graph.nodes(data=True):
        attributes.setdefault(
            "label", f"({attributes['row']}, {attributes['col']})" if "row" in attributes else str(name)
        )
    for _, _, attributes in graph.edges(data=True):
        if attributes.setdefault("weight", attributes.get("share", 1.0)) <= 0:
            del attributes["weight"]
    write_atomically(path, graphml(graph))
    return Path(path)


def to_json(
    source: Explanation | nx.Graph,
    path: str | os.PathLike[str] | None = None,
    *,
    layer: int | Iterable[int] | None = None,
    image: int = 0,
) -> dict[str, Any]:
    """Node-link JSON, as `networkx.node_link_graph(..., edges="edges")` and d3 read it.

    Args:
        source: an explanation, or any graph of this package.
        path: a file to write, or None to return the data only.
        layer: of an explanation: one layer, several, or None for all of them.
        image: of an explanation: the row.

    Returns:
        The data: "nodes" with "id", "edges" with "source" and "target", "graph".
    """
    import networkx as nx

    data = nx.node_link_data(_plain(source, layer, image), edges="edges")
    if path is not None:
        write_atomically(path, json.dumps(data, allow_nan=False).encode())
    return data


def to_pyg(exp: Explanation, layer: int, image: int = 0) -> Data:
    """A layer's graph as `torch_geometric.data.Data`.

    Returns:
        `edge_index` (2, E) neighbor and center, `edge_attr` (E, 2) share and contribution, `rank` (E,), `pos` (n, 2)
        pixels x and y, `cam` (n,), `is_key` (n,) and `y` the target. Where keys are pooled, key node j is node N + j,
        and n = N + M; else n = N.

    Raises:
        ImportError: PyTorch Geometric is not installed.
    """
    try:
        from torch_geometric.data import Data
    except ImportError as error:
        raise ImportError("`to_pyg` needs PyTorch Geometric: pip install 'vizgraph[pyg]'") from error
    explained, row = exp.layer(layer), exp.row(image)
    found = edges_of(explained, row)
    graph = layer_graph(exp, layer, row)
    nodes = explained.grid[0] * explained.grid[1]
    pooled = explained.pooled
    table = [attributes for _, attributes in graph.nodes(data=True)]
    return Data(
        edge_index=torch.from_numpy(np.stack([found.neighbor + (nodes if pooled else 0), found.center])),
        edge_attr=torch.from_numpy(np.stack([found.share, found.contribution], axis=1)),
        rank=torch.from_numpy(found.rank),
        pos=torch.tensor([[node["x"], node["y"]] for node in table]),
        cam=torch.tensor([node["cam"] for node in table], dtype=explained.cam.dtype),
        is_key=torch.tensor([node["key"] for node in table]),
        y=exp.target[row : row + 1].clone(),
        num_nodes=len(table),
    )


def edges_table(exp: Explanation, layer: int | Iterable[int] | None = None, image: int | None = None) -> pd.DataFrame:
    """All edges as a table, one line each.

    Args:
        layer: one layer, several, or None for all explained ones.
        image: one row, or None for all.

    Returns:
        Columns image, layer (from 0), center, center_row, center_col, neighbor, neighbor_row, neighbor_col (on the key
        grid), rank, share, contribution, length (patches); distance and margin where any of the layers has them (NaN in
        the others).
    """
    import pandas as pd

    from viz_nodes.graphs.edges import length

    parts = []
    for row in _rows(exp, image):
        for index in _chosen(exp, layer):
            explained = exp.layer(index)
            found = edges_of(explained, row)
            columns = {
                "image": row,
                "layer": index,
                "center": found.center,
                "center_row": found.center // explained.grid[1],
                "center_col": found.center % explained.grid[1],
                "neighbor": found.neighbor,
                "neighbor_row": found.neighbor // explained.key_grid[1],
                "neighbor_col": found.neighbor % explained.key_grid[1],
                "rank": found.rank,
                "share": found.share,
                "contribution": found.contribution,
                "length": length(exp, index, row),
            }
            columns |= {
                name: getattr(found, name) for name in ("distance", "margin") if getattr(found, name) is not None
            }
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True)


def nodes_table(exp: Explanation, layer: int | Iterable[int] | None = None, image: int | None = None) -> pd.DataFrame:
    """All nodes as a table, one line each; the key nodes of a layer that pools them have lines of their own.

    Args:
        layer: one layer, several, or None for all explained ones.
        image: one row, or None for all.

    Returns:
        Columns image, layer (from 0), node, key, row, col, x, y (pixels), cam (NaN at key nodes), peak, in_degree (how
        many centers chose it; 0 at the centers of a layer that pools its keys).
    """
    import pandas as pd

    parts = []
    for row in _rows(exp, image):
        for index in _chosen(exp, layer):
            explained = exp.layer(index)
            pooled = explained.pooled
            degree = in_degree(exp, index, row)
            for grid, key in ((explained.grid, False), (explained.key_grid, True)):
                if key and not pooled:
                    continue
                number = np.arange(grid[0] * grid[1])
                middle = centers(grid, exp.image_size)
                parts.append(
                    pd.DataFrame(
                        {
                            "image": row,
                            "layer": index,
                            "node": number,
                            "key": key,
                            "row": number // grid[1],
                            "col": number % grid[1],
                            "x": middle[:, 0],
                            "y": middle[:, 1],
                            "cam": math.nan if key else explained.cam[row].numpy().ravel(),
                            "peak": False if key else number == int(explained.peak[row]),
                            "in_degree": degree if key or not pooled else 0,
                        }
                    )
                )
    return pd.concat(parts, ignore_index=True)


def _rows(exp: Explanation, image: int | None) -> list[int]:
    return list(range(len(exp))) if image is None else [exp.row(image)]

"""What people write and others change: configs, class names, manifests, notes in figures, names with any letters."""

from __future__ import annotations

import copy
import functools
import json
import os
import xml.etree.ElementTree
from typing import Any

import numpy as np
import yaml

from builders.explanations import build_explanation
from corpus.mutate import HOSTILE, mutated, mutated_value
from corpus.promises import Case, one_line, promise, require


@functools.cache
def _recipes() -> list[dict[str, Any]]:
    from vizgraph.training.config import recipes

    return [yaml.safe_load(path.read_text()) for path in recipes().values()]


@promise(
    "a config is what can be meant, or a wrong config (exit code 2) that says where",
    how="shipped recipes with values replaced by hostile ones, or bytes changed; random overrides",
    limits="what a config asks for in range may be more than a machine has",
    sample=60,
    full=10_000,
)
def mutated_configs(case: Case) -> None:
    from vizgraph.errors import ConfigError
    from vizgraph.training.config import load

    rng, path = case.rng, case.folder / "x.yaml"
    values = copy.deepcopy(_recipes()[case.number % len(_recipes())])
    overrides = []
    if case.number % 3 == 0:
        text = mutated(rng, yaml.safe_dump(values).encode())
    else:
        text = yaml.safe_dump(mutated_value(rng, values), allow_unicode=True).encode("utf-8", "surrogatepass")
    if case.number % 5 == 0:
        text = yaml.safe_dump(values).encode()
        places = [f"{section}.{key}" for section, inner in values.items() if isinstance(inner, dict) for key in inner]
        value = HOSTILE[int(rng.integers(len(HOSTILE)))]
        overrides = [f"{places[int(rng.integers(len(places)))]}={json.dumps(value)[:200]}"]
    path.write_bytes(text)
    try:
        load(path, overrides)
    except ConfigError as error:
        require(error.exit_code == 2)
        require(len(str(error)) < 5000 and str(error).strip(), error)


_NAMES = ["tabby, tabby cat", "coffee mug", "naïve", "熊猫", "a b"]
_FORMS: dict[str, str] = {
    "txt": "\n".join(_NAMES),
    "json": json.dumps({str(number): name for number, name in enumerate(_NAMES)}),
    "yaml": yaml.safe_dump({"names": _NAMES}),
    "csv": "index,name\n" + "\n".join(f'{number},"{name}"' for number, name in enumerate(_NAMES)),
    "tsv": "\n".join(f"{number}\t{name}" for number, name in enumerate(_NAMES)),
}


@promise(
    "a file of class names gives names that can be drawn and written, or is a wrong option (exit code 2)",
    how="text, JSON, YAML, CSV and TSV with bytes changed or values replaced by hostile ones",
    sample=150,
    full=10_000,
)
def mutated_labels(case: Case) -> None:
    from vizgraph.data.labels import LONGEST_LABEL, read_labels
    from vizgraph.errors import UsageError

    kind = list(_FORMS)[case.number % len(_FORMS)]
    path, text = case.folder / f"x.{kind}", _FORMS[kind]
    if kind in ("json", "yaml") and case.number % 2:
        text = json.dumps(mutated_value(case.rng, json.loads(text) if kind == "json" else yaml.safe_load(text)))
        data = text.encode()
    else:
        data = mutated(case.rng, text.encode())
    path.write_bytes(data)
    try:
        names = read_labels(path)
        require(names and all(isinstance(name, str) and len(name) <= LONGEST_LABEL for name in names), names)
        "".join(names).encode()
    except UsageError as error:
        one_line(error, path)


@functools.cache
def _results() -> dict[str, Any]:
    """A manifest as a run writes it."""
    return {
        "format": "vizgraph render",
        "version": 1,
        "made_by": "vizgraph 0.1.0",
        "arch": "gcn_demo",
        "weights": {"source": "bundled", "sha256": "0" * 64},
        "options": {"layers": [5], "method": "gradcam"},
        "versions": {"python": "3.11"},
        "image": {
            "path": "/x/a.png",
            "relative": "a.png",
            "sha256": "0" * 64,
            "size": [40, 60],
            "view": [0, 0, 60, 40],
        },
        "predicted": [{"class": 1, "label": "cup", "probability": 0.5}],
        "explained": {"class": 1, "label": "cup"},
        "outputs": {"figure.png": {"bytes": 3, "sha256": "0" * 64}},
        "warnings": [],
    }


@promise(
    "a manifest that somebody has changed is believed or left out and named; it ends no run and leads to no other file",
    how="manifests with values replaced by hostile ones or bytes changed, read as `render` and `summarize` read them",
    sample=200,
    full=10_000,
)
def mutated_manifests(case: Case) -> None:
    from viz_nodes.batch import manifest
    from viz_nodes.batch.aggregates import Aggregates, finished

    folder = case.folder / "a"
    folder.mkdir()
    (folder / "figure.png").write_bytes(b"abc")
    if case.number % 4:
        data = json.dumps(mutated_value(case.rng, _results())).encode()
    else:
        data = mutated(case.rng, json.dumps(_results()).encode())
    (folder / manifest.NAME).write_bytes(data)
    exp = build_explanation(layers=(0,), depth=1, grid=(2, 2), k=2, size=(32, 32))
    exp.save(folder)
    for place, made in finished(case.folder):
        if isinstance(made, Exception):
            require(isinstance(made, ValueError | OSError), repr(made))
            one_line(made)
            continue
        require(place == folder and manifest.is_plain_name(made["arch"]))
        aggregates = Aggregates()
        aggregates.add(exp, made, None)
        require(aggregates.rows() and all(manifest.is_plain_name(arch) for arch in aggregates.archs()))


@promise(
    "of a journal of measurements that somebody has changed each row is as it was measured, or is measured again",
    how="journals of `ablate` and the like with bytes changed",
    limits="who also computes the checksums anew can write any row",
    sample=60,
    full=10_000,
)
def mutated_journals(case: Case) -> None:
    from vizgraph.api.journal import opened

    rng, folder = case.rng, case.folder / "net"
    measured = {f"{at}.png": [{"value": float(value), "label": "cup"} for value in rng.random(2)] for at in range(3)}
    with opened(case.folder, folder, "count", {"steps": 3}) as journal:
        for key, rows in measured.items():
            journal.add(key, rows)
    journal.path.write_bytes(mutated(rng, journal.path.read_bytes()))
    with opened(case.folder, folder, "count", {"steps": 3}) as journal:
        for key, rows in measured.items():
            found = journal.rows(key)
            require(found is None or found == rows, f"{key}: {found} for {rows}")
            if found is None:
                journal.add(key, rows)
    with opened(case.folder, folder, "count", {"steps": 3}) as journal:
        require(all(journal.rows(key) == rows for key, rows in measured.items()), "it does not go on")


NOTED = ("render", "compare", "figure")


@functools.cache
def _noted(which: str) -> tuple[dict[str, Any], bytes]:
    """The note of a figure that a command made, and its image."""
    import tempfile
    from pathlib import Path

    from PIL import Image

    import vizgraph
    from vizgraph.api.provenance import provenance_of

    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "x.png", Path(folder) / "o"
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)).save(path)
        more: dict[str, Any] = {"dpi": 40, "load": {"device": "cpu"}}
        if which == "render":
            drawn = vizgraph.render(
                "gcn_demo", path, out, checkpoint="demo", layers=[5], workers=0, dpi=40, device="cpu"
            )
        elif which == "compare":
            drawn = vizgraph.compare("gcn_demo", path, out, checkpoints=["demo"], targets=("top1", 3), **more)
        else:
            drawn = vizgraph.figure("images", path, out, models=["gcn_demo"], checkpoints=["demo"], **more)
        figures = [each for each in drawn.paths if each.suffix == ".png"]
        return dict(provenance_of(figures[0])), path.read_bytes()


@promise(
    "a figure whose note somebody has changed is checked or refused (exit codes 1 to 5); `verify` does nothing "
    "that the note says but that",
    how="notes of figures of `render`, `compare` and `figure` with values replaced by hostile ones",
    sample=4,
    full=500,
)
def mutated_notes(case: Case) -> None:
    from PIL import Image, PngImagePlugin

    import vizgraph
    from vizgraph.errors import VizgraphError

    note, image = _noted(NOTED[case.number % len(NOTED)])
    changed = mutated_value(case.rng, note)
    about = PngImagePlugin.PngInfo()
    about.add_text("vizgraph", json.dumps(changed))
    figure, path = case.folder / "figure.png", case.folder / "x.png"
    Image.new("RGB", (9, 9)).save(figure, pnginfo=about)
    path.write_bytes(image)
    before = sorted(case.folder.iterdir())
    try:
        vizgraph.verify(figure, image=path, device="cpu")
    except VizgraphError as error:
        require(1 <= error.exit_code <= 5, f"{error.exit_code}: {error}")
        one_line(error)
    require(sorted(case.folder.iterdir()) == before, "it wrote something")


LETTERS = (
    "a",
    "B",
    " ",
    "  ",
    ".",
    "..",
    "/",
    "\\",
    ":",
    "*",
    "?",
    '"',
    "<",
    ">",
    "|",
    "&",
    ";",
    "'",
    "`",
    "$",
    "$x$",
    "$\\frac{",
    "_",
    "^",
    "{",
    "}",
    "%",
    "#",
    "~",
    "\n",
    "\r",
    "\t",
    "\x00",
    "\x07",
    "\x1b[31m",
    "\x7f",
    "\x85",
    "\u2028",
    "\u202e",
    "\u200b",
    "é",
    "e\u0301",
    "ß",
    "İ",
    "熊",
    "ไ",
    "ع",
    "🐼",
    "👩‍👩‍👧",
    "\ufeff",
    "\ufffd",
    "\U0010ffff",
    "</script>",
    "<!--",
    "]]>",
    "&amp;",
    "-",
    "--",
    "=cmd()",
    "CON",
    "nul",
    "x" * 300,
)
"""Letters and words that mean something somewhere."""


def nasty_name(rng: np.random.Generator) -> str:
    """A name of one to six of them."""
    return "".join(LETTERS[int(rng.integers(len(LETTERS)))] for _ in range(int(rng.integers(1, 7))))


@promise(
    "a class may have any name: figures are drawn and their SVG parses, GraphML and the page hold the same name",
    how="names of letters that mean something to TeX, XML, HTML, terminals, file systems and spreadsheets",
    limits="characters that are no text (NUL, lone surrogates, U+FFFE) are refused where names are read",
    sample=5,
    full=1_000,
)
def names_of_classes(case: Case) -> None:
    import networkx

    import viz_nodes
    from viz_nodes.draw import figure_bytes
    from viz_nodes.export import to_graphml
    from vizgraph.data.labels import wrong_labels

    names = [nasty_name(case.rng) for _ in range(3)]
    if wrong_labels(names):
        return
    exp = build_explanation(layers=(0,), depth=1, grid=(3, 4), k=2, size=(48, 64), labels=tuple(names))
    image = np.zeros((48, 64, 3), np.uint8)
    svg = figure_bytes(viz_nodes.figure(exp, image), "svg", dpi=40)
    xml.etree.ElementTree.fromstring(svg)
    figure_bytes(viz_nodes.figure(exp, image), ("pdf", "png")[case.number % 2], dpi=40)
    to_graphml(exp, case.folder / "x.graphml")
    networkx.read_graphml(case.folder / "x.graphml")
    page = viz_nodes.write_page(exp, image, case.folder / "x.html").read_text(encoding="utf-8")
    require(page.count("</script>") == 2, "a name ends a script")
    exp.save(case.folder)
    require(viz_nodes.Explanation.load(case.folder).labels == exp.labels)


@promise(
    "an image may have any name that the system allows: its results lie in a folder of their own below the output's",
    how="folders of five images with such names, and what `render` would call their folders",
    sample=60,
    full=5_000,
)
def names_of_images(case: Case) -> None:
    from pathlib import PurePosixPath

    rng, names = case.rng, set()
    for _ in range(5):
        name = nasty_name(rng).replace("/", "").replace("\x00", "")[:80].encode()[:200].decode(errors="ignore")
        if name not in ("", ".", ".."):
            names.add(name + str(rng.choice([".png", ".JPG", ".jpeg", ""])))
    relative = [
        PurePosixPath("deeper") / name if rng.integers(3) == 0 else PurePosixPath(name) for name in sorted(names)
    ]
    folders = [
        path.parent / folder
        for parent in {path.parent for path in relative}
        for path, folder in _named(relative, parent)
    ]
    require(len({str(folder).casefold() for folder in folders}) == len(relative), f"{relative} -> {folders}")
    for folder in folders:
        require(not folder.is_absolute() and ".." not in folder.parts and folder.name, folder)
        require(len(os.fsencode(folder.name)) <= 255, folder)


def _named(relative: list[Any], parent: Any) -> list[tuple[Any, str]]:
    """The images of a directory with the names of their folders."""
    from viz_nodes.batch.naming import folder_names

    inside = [path for path in relative if path.parent == parent]
    below = {
        path.parts[0] for path in relative if path.parent != parent and len(path.parts) > 1 and len(parent.parts) == 0
    }
    names = folder_names([path.name for path in inside], below)
    return [(path, names[path.name]) for path in inside]

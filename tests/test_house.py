"""The rules of the house (CONTRIBUTING.md): who may import whom, how long a file and a function may be."""

from __future__ import annotations

import ast
import functools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from viz_nodes.pages import page

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("viz_nodes", "vizgraph")

RECORD = "explanation grids places arguments deferred pages text"
TOOLKIT = (
    f"{RECORD} files text progress processes capture cams attribution effects explainer graphs export metrics draw "
    "batch explorer"
)
TABLE: dict[str, str] = {
    "viz_nodes._moved": "",
    "viz_nodes.arguments": "text",
    "viz_nodes.grids": "arguments text",
    "viz_nodes.places": "grids arguments text",
    "viz_nodes.files": "",
    "viz_nodes.text": "",
    "viz_nodes.pages": "",
    "viz_nodes.progress": "",
    "viz_nodes.processes": "",
    "viz_nodes.deferred": "",
    "viz_nodes.explanation": "grids places arguments deferred text",
    "viz_nodes.capture": RECORD,
    "viz_nodes.cams": f"{RECORD} capture progress",
    "viz_nodes.attribution": f"{RECORD} capture",
    "viz_nodes.layers": f"{RECORD} capture cams attribution",
    "viz_nodes.explainer": f"{RECORD} capture cams layers",
    "viz_nodes.effects": f"{RECORD} capture cams attribution explainer layers",
    "viz_nodes.checks": f"{RECORD} capture explainer",
    "viz_nodes.graphs": RECORD,
    "viz_nodes.metrics": f"{RECORD} capture cams attribution effects explainer graphs files progress",
    "viz_nodes.draw": f"{RECORD} graphs files",
    "viz_nodes.export": f"{RECORD} graphs files",
    "viz_nodes.explorer": f"{RECORD} effects graphs draw export files",
    "viz_nodes.batch": (
        f"{RECORD} files text progress processes capture cams effects explainer graphs export draw explorer metrics"
    ),
    "viz_nodes.bench": "explanation explainer cams draw explorer text",
    "viz_nodes.viz_cam": TOOLKIT,
    "vizgraph.__main__": "cli",
    "vizgraph.errors": "viz_nodes.text",
    "vizgraph.layers": "viz_nodes.text",
    "vizgraph.models": "layers errors viz_nodes.text",
    "vizgraph.registration": "models checkpoints",
    "vizgraph.checkpoints": "errors layers models data viz_nodes.files viz_nodes.progress viz_nodes.text",
    "vizgraph.data": "errors viz_nodes.text",
    "vizgraph.training": "errors layers models checkpoints data viz_nodes",
    "vizgraph.evaluation": "errors models checkpoints data training viz_nodes",
    "vizgraph.api": "errors layers models checkpoints data training evaluation viz_nodes",
    "vizgraph.cli": "errors api checkpoints data training evaluation viz_nodes",
}
"""Room -> what it may import inside the project: rooms of its own package, `viz_nodes` for the whole toolkit,
`viz_nodes.files` for that room.

Not counted: the lazy `__init__` of a package, imports for type checkers, and what `EXCEPTIONS` names.
"""
EXCEPTIONS = {
    ("viz_nodes.explanation", "viz_nodes.graphs"): "Explanation.graph, .ego_graph: called, not known",
    ("viz_nodes.explanation", "viz_nodes.export"): "Explanation.save, .load: called, not known",
    ("viz_nodes.graphs", "viz_nodes.explainer"): "reach of a network explains it first: called, not known",
    ("viz_nodes.viz_cam", "vizgraph"): "the release's class registers the networks when it is imported",
    ("vizgraph.cli", "vizgraph"): "the package's version, and what its commands call",
}

LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS = 350, 60, 12
REASON = "One file because"
"""A module that is longer says why in its docstring, in a sentence that begins with this."""


@functools.cache
def sources() -> list[tuple[Path, ast.Module]]:
    return [
        (path, ast.parse(path.read_text(encoding="utf-8")))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    ]


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of the project's modules and names that are imported anywhere, but for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            top = node.module in PACKAGES
            yield from (f"{node.module}.{name.name}" if top else node.module for name in node.names)
        else:
            yield from imported(node)


def breaches() -> set[tuple[str, str]]:
    """(room, what it imports) outside the table."""
    found = set()
    for path, tree in sources():
        room = room_of(module_of(path))
        if room in PACKAGES:
            continue
        assert room in TABLE, f"{room} has no line in the table of tests/test_house.py"
        package, allowed = room.split(".")[0], TABLE[room].split()
        for name in imported(tree):
            other = name.split(".")[0]
            target = room_of(name)
            fine = target == room or other not in PACKAGES
            fine = fine or (other == package and target.split(".")[-1] in allowed) or {other, target} & set(allowed)
            if not (fine or (room, target) in EXCEPTIONS or (room, other) in EXCEPTIONS):
                found.add((room, target))
    return found


def functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for node in ast.iter_child_nodes(tree):
        named = (
            f"{prefix}{node.name}" if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ""
        )
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield named, node
        yield from functions(node, f"{named}." if named else prefix)


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of the body without the docstring."""
    body = function.body[1:] if ast.get_docstring(function) and len(function.body) > 1 else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def too_much() -> set[str]:
    found = set()
    for path, tree in sources():
        name = path.relative_to(ROOT).as_posix()
        lines = path.read_text(encoding="utf-8").count("\n")
        if lines > LONGEST_FILE and REASON not in (ast.get_docstring(tree) or ""):
            found.add(f"{name}: file")
        for function, node in functions(tree):
            if own_lines(node) > LONGEST_FUNCTION:
                found.add(f"{name}: {function} is long")
            if len(node.args.posonlyargs + node.args.args + node.args.kwonlyargs) > MOST_ARGUMENTS:
                found.add(f"{name}: {function} takes much")
    return found


def test_rooms_import_what_the_table_allows():
    debts = {tuple(line.split()) for line in BREACHES.strip().splitlines()}
    assert breaches() - debts == set(), "a room imports what its line in TABLE does not list"
    assert debts - breaches() == set(), "paid back: take these out of BREACHES"


def test_files_and_functions_are_short():
    debts = {line.strip() for line in DEBTS.strip().splitlines()}
    assert too_much() - debts == set(), f"over {LONGEST_FILE} lines, {LONGEST_FUNCTION} lines or {MOST_ARGUMENTS} names"
    assert debts - too_much() == set(), "paid back: take these out of DEBTS"


@pytest.mark.parametrize("room", TABLE)
def test_the_table_names_rooms_that_are_there_and_has_no_circle(room):
    package, name = room.split(".")
    seen: set[str] = set()
    todo = TABLE[room].split()
    while todo:
        other = todo.pop()
        assert other != name, f"{room} would import itself in the end"
        if other not in seen:
            seen.add(other)
            todo += TABLE.get(f"{package}.{other}", "").split()


@pytest.mark.parametrize(
    ("library", "only"), [("tqdm", "viz_nodes/progress.py"), ("signal.signal", "viz_nodes/processes.py")]
)
def test_bars_and_signals_have_one_place_each(library, only):
    """Worker processes leave signals to their parent (SIG_IGN), which is no handling."""
    users = set()
    for path, tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [getattr(node, "module", None) or "", *(name.name for name in node.names)]
                uses = any(name.split(".")[0] == library for name in names)
            else:
                call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                uses = call and ast.unparse(node.func) == library and ast.unparse(node.args[1]) != "signal.SIG_IGN"
            if uses:
                users.add(path.relative_to(ROOT).as_posix())
    assert users == {only}


WORDS = frozenset(("found", "made", "given", "told", "said", "one", "look"))
"""No names of locals and parameters: they say that something was found, made or given, not what it is."""


def vague_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of what functions bind by one of `WORDS`."""
    for node in ast.walk(tree):
        stored = isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        name = node.id if stored else node.arg if isinstance(node, ast.arg) else None
        if name in WORDS:
            yield node.lineno, name


def test_locals_are_called_what_they_are():
    vague = [f"{path.relative_to(ROOT)}:{line}: {name}" for path, tree in sources() for line, name in vague_names(tree)]
    assert vague == [], "say what it is: manifest, path, message, layer, theme, ..."
    assert list(vague_names(ast.parse("def f(given): found = [one for one in given]"))) == [
        (1, "given"),
        (1, "found"),
        (1, "one"),
    ]


BREACHES = """
"""
DEBTS = """
"""


def quotes_of_raises(tree: ast.AST) -> Iterator[int]:
    """Lines of errors and warnings that quote a value whole, by `!r`: it may have any length."""
    for node in ast.walk(tree):
        said = node.exc if isinstance(node, ast.Raise) else node if isinstance(node, ast.Call) else None
        if not isinstance(said, ast.Call) or ast.unparse(said.func) == "AttributeError":
            continue
        if isinstance(node, ast.Raise) or ast.unparse(said.func) in ("warnings.warn", "_log.warning", "_log.error"):
            for part in ast.walk(said):
                cut = isinstance(part, ast.FormattedValue) and (
                    part.format_spec is not None
                    or (isinstance(part.value, ast.Subscript) and "[:" in ast.unparse(part.value))
                )
                if isinstance(part, ast.FormattedValue) and part.conversion == ord("r") and not cut:
                    yield part.lineno


def test_errors_quote_what_somebody_gave_shortened():
    whole = [f"{path.relative_to(ROOT)}:{line}" for path, tree in sources() for line in quotes_of_raises(tree)]
    assert whole == [], "use viz_nodes.text.quoted"
    assert list(quotes_of_raises(ast.parse("raise ValueError(f'no {name!r}')"))) == [1]


def messages(tree: ast.AST, *, helps: bool) -> Iterator[str]:
    """Strings of a module that people may read: all but docstrings, and of commands (`helps`) those too."""
    skipped = set()
    for node in ast.walk(tree):
        named = isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        if named and not (helps and isinstance(node, ast.FunctionDef)):
            for part in node.body:
                if isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant):
                    skipped.add(part.value)
    yield from (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in skipped
    )


def test_pages_that_messages_name_are_in_the_wheel():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    shipped = wheel["force-include"]
    named = set()
    for path, tree in sources():
        commands = "cli" in path.parts
        loose = [text for text in messages(tree, helps=commands) if re.search(r"docs/[\w-]+\.md", text)]
        allowed = {"docs/adapters.md"} if path.name == "check.py" and "api" in path.parts else set()  # of its table
        assert set(loose) <= allowed, f"{path}: name it by viz_nodes.pages.page, {loose} is not there in the wheel"
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == "page"]
        named |= {node.args[0].value for node in calls if isinstance(node.args[0], ast.Constant)}
    assert named == {"adapters.md", "training.md"}
    for name in named:
        assert shipped[f"docs/{name}"] == f"viz_nodes/docs/{name}"
        assert page(name) == ROOT / "docs" / name
        assert page(name).is_file()

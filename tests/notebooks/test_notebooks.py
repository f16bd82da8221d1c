"""The notebooks as a person runs them: top to bottom, offline, on what comes with the package."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("ipykernel", reason="no Jupyter kernel is installed")
pytest.importorskip("anywidget", reason="anywidget is not installed")

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))

WRONG = """
target.value, layers.value = "no such class", "2"
explain()
print("SAID", said.value)
target.value, layers.value = "top1", "99"
explain()
print("SAID", said.value)
weights.value, layers.value = "/nowhere/at <b>all", "2"
explain()
print("SAID", said.value)
weights.value, method.value = "demo", "layercam"
explain()
asked = place.children[0].document["subjects"][0]["rows"][0]["method"]
print("SAID", said.value, progress.value, run.disabled, len(picture.value) > 10000, asked)
"""


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Run a notebook, with cells added at its end, in an empty folder and without a network; give back its cells."""
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "2"))

    def run(path: Path, *more: str):
        notebook = nbformat.read(path, 4)
        notebook.cells.extend(nbformat.v4.new_code_cell(source) for source in more)
        resources = {"metadata": {"path": str(tmp_path)}}
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
        return [cell for cell in notebook.cells if cell.cell_type == "code"]

    return run


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs if output.output_type == "stream")


def shown(cells) -> list[str]:
    return [kind for cell in cells for output in cell.outputs for kind in output.get("data", {})]


@pytest.mark.timeout(300)
def test_the_demo_runs_and_its_errors_are_sentences(execute, tmp_path):
    *cells, wrong = execute(ROOT / "notebooks" / "viz_demo.ipynb", WRONG)
    assert shown(cells).count("application/vnd.jupyter.widget-view+json") == 5
    files = {file.name for file in (tmp_path / "viz_output" / "notebook").iterdir()}
    assert {"explanation.npz", "explorer.html", "figure.pdf"} <= files
    label, layer, file, good = [line.removeprefix("SAID ") for line in printed(wrong).splitlines() if "SAID" in line]
    for sentence in (label, layer, file):
        assert sentence.startswith("<b>That did not work:</b> ")
        assert "Traceback" not in sentence
    assert "no such class" in label
    assert "&lt;b&gt;all" in file
    assert good.endswith(" 4 False True layercam")


@pytest.mark.timeout(300)
def test_the_walk_through_runs_and_keeps_what_it_promises(execute):
    cells = execute(ROOT / "notebooks" / "what_a_vision_gnn_does.ipynb")
    assert shown(cells).count("image/png") >= 4
    text = "".join(map(printed, cells))
    assert "all together: 1.0" in text
    assert "largest change of a logit: 0.0" in text


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs_and_small(path):
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "widgets" not in notebook["metadata"]
    assert path.stat().st_size < 100_000

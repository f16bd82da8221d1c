"""The notebooks as a person runs them: top to bottom, offline, on what comes with the package."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
nbconvert = pytest.importorskip("nbconvert", reason="nbconvert is not installed")
nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
pytest.importorskip("ipykernel", reason="no Jupyter kernel is installed")
pytest.importorskip("anywidget", reason="anywidget is not installed")

ROOT = Path(__file__).resolve().parents[2]
VIEW = "application/vnd.jupyter.widget-view+json"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


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


def exported(cells) -> list[list[int]]:
    """For each cell that shows a widget or a figure, the heights of the pictures that an export of it holds."""
    notebook = nbformat.v4.new_notebook(cells=cells)
    state = {
        output["data"][VIEW]["model_id"]: {} for cell in cells for output in cell.outputs if VIEW in data_of(output)
    }
    notebook.metadata["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": state}}
    page, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    heights = []
    for part in page.split('class="jp-Cell')[1:]:
        pictures = re.findall(r"data:image/png;base64,([A-Za-z0-9+/=\\s]+)", part)
        sizes = [Image.open(io.BytesIO(base64.b64decode(picture))).height for picture in pictures]
        if sizes or "widget-view+json" in part:
            heights.append(sizes)
    return heights


def data_of(output) -> dict:
    return output.get("data", {})


@pytest.mark.timeout(300)
def test_the_demo_runs_and_an_export_of_it_shows_every_picture_offline(execute, tmp_path):
    cells = execute(ROOT / "notebooks" / "viz_demo.ipynb")
    assert shown(cells).count(VIEW) == 3
    files = {file.name for file in (tmp_path / "viz_output" / "notebook").iterdir()}
    assert {"explanation.npz", "explorer.html", "figure.pdf"} <= files
    pictures = exported(cells)
    assert [len(sizes) for sizes in pictures] == [2, 1, 1, 1], (
        "the bench's figure and explorer, two explorers, a figure"
    )
    assert min(size for sizes in pictures for size in sizes) > 250


@pytest.mark.timeout(300)
def test_the_walk_through_runs_and_keeps_what_it_promises(execute):
    cells = execute(ROOT / "notebooks" / "what_a_vision_gnn_does.ipynb")
    assert shown(cells).count("image/png") >= 5
    text = "".join(map(printed, cells))
    assert "all together: 1.0" in text
    assert "largest change of a logit: 0.0" in text
    assert all(exported(cells))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_say_what_papers_say(path):
    """ "asks" and "wins" stand nowhere in the papers."""
    words = re.findall(
        r"[a-z]+", " ".join("".join(cell["source"]) for cell in json.loads(path.read_text())["cells"]).lower()
    )
    assert not {"ask", "asks", "asked", "whom", "wins", "won"} & set(words)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_committed_without_outputs_and_small(path):
    notebook = json.loads(path.read_text("utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert "widgets" not in notebook["metadata"]
    assert path.stat().st_size < 100_000

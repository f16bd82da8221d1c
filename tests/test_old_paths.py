"""Module paths of the release before keep working, and say where they went."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from viz_nodes._moved import MOVED


@pytest.mark.parametrize("old", MOVED)
def test_an_old_path_gives_the_module_at_its_new_place_and_warns(old):
    sys.modules.pop(old, None)
    with pytest.warns(DeprecationWarning, match=f"{old} is now {MOVED[old]}"):
        module = importlib.import_module(old)
    assert module is importlib.import_module(MOVED[old])
    assert module.__name__ == MOVED[old]
    assert module.__spec__.name == MOVED[old]


def test_names_of_old_paths_are_importable_from_their_package_in_a_fresh_process():
    code = "from viz_nodes import edges, hops, scoring; from viz_nodes.capture.select import adapters_for; edges.hubs"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)


def test_import_viz_nodes_makes_its_rooms_reachable_and_no_module_hides_a_function():
    code = (
        "import sys, viz_nodes; assert 'torch' not in sys.modules\n"
        "viz_nodes.graphs.hubs, viz_nodes.metrics.ranking, viz_nodes.export.save, viz_nodes.cams.METHODS\n"
        "viz_nodes.capture.Adapter, viz_nodes.draw.save_figure, viz_nodes.explorer.embed, viz_nodes.batch\n"
        "import viz_nodes.effects, viz_nodes.explainer\n"
        "for name in viz_nodes.__all__: assert callable(getattr(viz_nodes, name)), name\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

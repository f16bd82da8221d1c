"""In a container run under a number there is no home folder; nothing but a download needs one."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from vizgraph.checkpoints import locate
from vizgraph.cli.main import main
from vizgraph.errors import CheckpointError


@pytest.fixture
def no_home(monkeypatch, tmp_path):
    """What `platformdirs` and `pathlib` do for a user without an entry and without HOME."""

    def unknown(*_, **__):
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv(locate.CACHE_VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("platformdirs.user_cache_dir", unknown)
    monkeypatch.setattr(Path, "home", unknown)


def test_models_are_listed(no_home):
    done = CliRunner().invoke(main, ["models"])
    assert done.exit_code == 0, done.output
    assert "graphconvnet_ti" in done.output


def test_weights_are_looked_for_elsewhere_and_a_download_says_what_to_set(no_home):
    assert locate.find("vig_ti") is None
    assert locate.find("gcn_demo") is not None
    with pytest.raises(CheckpointError, match="set VIZGRAPH_CACHE=FOLDER"):
        locate.cache_folder()
    assert "put it into" in locate.missing_weights_message("vig_ti")


def test_an_image_is_rendered_by_missing_weights_with_code_four(no_home, tmp_path):
    from vizgraph.data import bundled_images

    image = str(bundled_images()[0])
    done = CliRunner().invoke(main, ["render", "--arch", "vig_ti", "--img", image, "--out", str(tmp_path)])
    assert done.exit_code == 4, done.output
    assert "VIZGRAPH_CACHE" in done.output


def test_a_cache_of_nobody_is_said(monkeypatch):
    monkeypatch.setenv(locate.CACHE_VARIABLE, "~nobody_of_that_name/x")
    with pytest.raises(CheckpointError, match="VIZGRAPH_CACHE=~nobody_of_that_name/x"):
        locate.cache_folder()

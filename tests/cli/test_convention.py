"""One convention: what an option means, who talks on which stream, what is checked before what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict

import click
import pytest

from vizgraph.cli.main import COMMANDS, main

EVERYWHERE = {"--json", "--quiet", "--verbose", "--debug"}
OF_NETWORKS = ("render", "compare", "explore", "score", "evaluate", "ablate", "profile")
OF_WEIGHTS = {"--arch", "--ckpt", "--no-ema", "--sha256", "--seed", "--labels", "--device"}


def options_of(name: str) -> dict[str, click.Option]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {flag: option for option in command.params if isinstance(option, click.Option) for flag in option.opts}


def test_every_command_tells_its_answer_as_json_and_can_be_quiet_or_talk():
    for name in COMMANDS:
        assert options_of(name).keys() >= EVERYWHERE, name
    for name in OF_NETWORKS:
        assert options_of(name).keys() >= OF_WEIGHTS, name


def test_an_option_is_one_thing_in_all_commands():
    seen = defaultdict(set)
    for name in COMMANDS:
        for flag, option in options_of(name).items():
            kind = type(option.type).__name__.replace("FloatRange", "IntRange")
            seen[flag].add((option.metavar if not option.is_flag else None, option.is_flag, kind))
    several = {flag: found for flag, found in seen.items() if len(found) > 1}
    assert several == {}


def heavy(*args: str) -> tuple[int, str, str]:
    """Exit code and stderr of a command in a process of its own, and which of the heavy modules it imported."""
    script = (
        "import sys\n"
        "from vizgraph.cli.main import main\n"
        "try:\n"
        f"    main({list(args)!r})\n"
        "except SystemExit as end:\n"
        "    print(end.code, *({'torch', 'timm', 'networkx', 'cv2'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    code, _, modules = done.stdout.strip().splitlines()[-1].partition(" ")
    return int(code), done.stderr, modules


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("render", "--arch", "gcn_tii", "--img", "x.png"), "did you mean gcn_ti"),
        (("render", "--ckpt", "demo", "--img", "x.png", "--method", "gradcm"), "did you mean gradcam"),
        (("render", "--ckpt", "demo", "--img", "x.png", "--palette", "infreno"), "did you mean inferno"),
        (("render", "--ckpt", "demo", "--img", "x.png", "--width", "colum"), "did you mean column"),
        (("render", "--ckpt", "demo", "--img", "x.png", "--order", "rnk"), "rank"),
        (("render", "--ckpt", "demo", "--img", "x.png", "--kinds", "cam,grph"), "choose from cam"),
        (("render", "--img", "x.png"), "no architecture is given"),
        (("compare", "--ckpt", "demo", "--img", "x.png"), "one column has nothing beside it"),
        (("explore", "--ckpt", "demo", "--img", "x.png", "--method", "gradcm"), "did you mean gradcam"),
        (("score", "--ckpt", "demo", "--scenes", "1", "--method", "gradcm"), "did you mean gradcam"),
        (("evaluate", "--arch", "vigti", "--data", "x"), "did you mean"),
        (("summarize", "no such folder"), "there is no such folder"),
    ],
)
def test_options_are_checked_before_torch_is_imported(args, said):
    code, stderr, modules = heavy(*args)
    assert (code, modules) == (2, ""), stderr
    assert said in stderr.splitlines()[-1]


def test_the_names_that_need_no_torch_are_all_there_are():
    from viz_nodes.cams import METHODS
    from vizgraph.cli import values
    from vizgraph.models import list_models, resolve

    assert set(values.methods()) == set(METHODS) - {"random", "randomcam"}
    names = values.architectures()
    assert set(list_models()) <= set(names)
    assert all(resolve(name) in names for name in names)


@pytest.mark.parametrize("name", ["render", "compare", "explore", "score", "ablate", "profile"])
def test_inputs_are_checked_before_weights_are_fetched(run, tmp_path, monkeypatch, name):
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    more = ("--method", "gradcam", "--method", "layercam") if name == "compare" else ()
    for image, code in (("text.jpg", 3), ("missing.jpg", 3), ("pipe.png", 3), ("empty", 2)):
        done = run(name, "--arch", "vig_ti", "--img", image, *more, "--out", tmp_path / "out")
        assert (done.exit_code, image) == (code, image), done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", [*OF_NETWORKS, "train"])
def test_a_device_that_is_not_there_ends_every_command_alike(run, photograph, tmp_path, name):
    photograph(tmp_path / "d/val/a/x.png")
    photograph(tmp_path / "d/train/a/x.png")
    image = ("--img", tmp_path / "d/val/a/x.png")
    args = {
        "train": ("--data", tmp_path / "d", "model.arch=gcn_demo"),
        "evaluate": ("--ckpt", "demo", "--data", tmp_path / "d"),
        "compare": ("--ckpt", "demo", *image, "--method", "gradcam", "--method", "layercam"),
    }.get(name, ("--ckpt", "demo", *image))
    done = run(name, *args, "--device", "cuda:77", "--out", tmp_path / "out")
    assert done.exit_code == 2, done.stderr
    assert "is not on this machine" in done.stderr.splitlines()[-1]


def test_json_is_one_object_on_stdout_and_the_rest_on_stderr(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "in/x.png")
    (tmp_path / "in" / "y.jpg").write_text("no image")
    of = ("--arch", "gcn_demo", "--ckpt", weights, "--layers", "6")
    out = ("--out", tmp_path / "out", "--json")
    done = {
        "render": run("render", *of, "--img", image.parent, "--dpi", 30, "--workers", 0, *out),
        "one": run("render", *of, "--img", image, "--dpi", 30, *out, "--out", tmp_path / "one"),
        "compare": run("compare", *of, "--img", image, "--method", "gradcam", "--method", "fem", "--dpi", 30, *out),
        "explore": run("explore", *of, "--img", image, *out),
        "score": run("score", *of, "--img", image, "--method", "random", "--steps", 1, *out),
        "summarize": run("summarize", tmp_path / "out", "--dpi", 30, "--json"),
        "verify": run("verify", tmp_path / "out/gcn_demo/x/figure.png", "--ckpt", weights, "--json"),
        "note": run("verify", tmp_path / "out/gcn_demo/x/figure.png", "--note", "--json"),
        "models": run("models", "--json"),
        "train": run("train", "--list", "--json"),
        "error": run("render", *of, "--img", tmp_path / "missing.png", *out),
        "usage": run("render", *of, "--json"),
    }
    told = {name: json.loads(result.stdout) for name, result in done.items()}
    assert all(isinstance(found, dict) for found in told.values())
    assert {name: result.exit_code for name, result in done.items()} == dict.fromkeys(done, 0) | {
        "render": 1,
        "error": 3,
        "usage": 2,
    }
    assert told["render"]["counts"] == {"done": 1, "fresh": 1, "failed": 1, "left_out": 0}
    assert told["one"]["images"][0]["predicted"]["label"]
    assert told["score"]["means"][0]["method"] == "random"
    assert told["error"]["exit_code"] == 3
    assert "no such file" in told["error"]["error"]
    for name in ("render", "compare", "explore", "score", "summarize"):
        paths = told[name].get("paths") or [os.path.join(told[name]["folder"], "x", "figure.png")]
        assert all(os.path.isfile(path) for path in paths), name


def test_quiet_says_nothing_but_errors_and_verbose_says_who_speaks(run, weights, photograph, tmp_path):
    image = photograph(tmp_path / "x.png")
    args = ("render", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--layers", "6", "--dpi", 30)
    args += ("--out", tmp_path / "out", "--overwrite")
    plain, quiet, verbose = (run(*args, *more) for more in ((), ("--quiet",), ("--verbose",)))
    assert "gcn_demo: small.pth" in plain.stderr
    assert quiet.stderr == ""
    assert quiet.stdout == plain.stdout
    assert "vizgraph.api.networks: gcn_demo: small.pth" in verbose.stderr
    assert "vizgraph: error: " in run("render", "--quiet", *args[1:], "--img", tmp_path / "none.png").stderr


def test_folders_are_called_by_the_canonical_name(run, photograph, tmp_path):
    image = photograph(tmp_path / "x.png")
    of = ("--arch", "gcn_ti", "--ckpt", "random", "--layers", "1", "--out", tmp_path / "out")
    assert run("render", *of, "--img", image, "--dpi", 30, "--kinds", "cam").exit_code == 0
    assert run("explore", *of, "--img", image).exit_code == 0
    assert run("score", *of, "--img", image, "--method", "random", "--steps", 1).exit_code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["graphconvnet_ti"]


def test_random_weights_have_a_seed_can_be_verified_and_are_called_untrained(run, photograph, tmp_path):
    from viz_nodes import Explanation

    image = photograph(tmp_path / "x.png")

    def render(*more):
        done = run(
            "render", "--arch", "gcn_demo", "--ckpt", "random", "--img", image, "--layers", "6", "--dpi", 30, *more
        )
        assert done.exit_code == 0, done.stderr
        return done

    said = render("--out", tmp_path / "a")
    render("--out", tmp_path / "b")
    render("--out", tmp_path / "c", "--seed", 1)
    figures = [tmp_path / out / "gcn_demo" / "x" / "figure.png" for out in "abc"]
    data = [figure.read_bytes() for figure in figures]
    assert data[0] == data[1] != data[2]
    assert "untrained" in said.stdout
    assert "untrained" in said.stderr
    assert Explanation.load(figures[0].parent).model == "gcn_demo, untrained"
    done = run("verify", *figures)
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("the same bytes") == 3


def test_labels_of_a_file_go_before_the_networks_own(run, weights, photograph, tmp_path):
    image, names = photograph(tmp_path / "x.png"), tmp_path / "names.txt"
    names.write_text("\n".join(f"kind {number}" for number in range(10)))
    args = ("render", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--layers", "6", "--dpi", 30)
    args += ("--out", tmp_path / "out")
    done = run(*args, "--labels", names, "--target", "kind 7")
    assert done.exit_code == 0, done.stderr
    assert "explained: kind 7 (7)" in done.stdout or "kind 7 (7)" in done.stdout
    figure = tmp_path / "out/gcn_demo/x/figure.png"
    assert run("verify", figure, "--ckpt", weights).exit_code == 2
    assert run("verify", figure, "--ckpt", weights, "--labels", names).exit_code == 0
    assert "there already" not in run(*args, "--target", "7").stdout, "other names, another result"
    names.write_text("one\ntwo")
    assert "2 names for 10 classes" in run(*args, "--labels", names).stderr


def test_what_painters_can_do_can_be_asked_for(run, weights, photograph, tmp_path):
    from viz_nodes.draw import read_provenance

    image = photograph(tmp_path / "x.png")
    args = ("render", "--arch", "gcn_demo", "--ckpt", weights, "--img", image, "--layers", "6", "--dpi", 30)
    asked = {
        "hops": ("--hops", "2"),
        "order": ("--order", "share"),
        "color": ("--color", "contribution"),
        "normalize": ("--normalize", "shared"),
        "kinds": ("--kinds", "graph,cam"),
        "title": ("--title", "Figure 1"),
        "caption": ("--no-caption",),
        "key": ("--no-key",),
        "notes": ("--no-notes",),
        "font": ("--font", "DejaVu Serif"),
        "canvas": ("--canvas", "input"),
    }
    more = [word for words in asked.values() for word in words]
    done = run(*args, "--out", tmp_path / "out", *more)
    assert done.exit_code == 0, done.stderr
    figure = tmp_path / "out/gcn_demo/x/figure.png"
    options = read_provenance(figure)["options"]
    assert {name: options[name] for name in asked} == {
        "hops": 2,
        "order": "share",
        "color": "contribution",
        "normalize": "shared",
        "kinds": ["cam", "graph"],
        "title": "Figure 1",
        "caption": False,
        "key": False,
        "notes": False,
        "font": "DejaVu Serif",
        "canvas": "input",
    }
    assert not list(figure.parent.glob("*neighbors*"))
    assert run("verify", figure, "--ckpt", weights).exit_code == 0


def test_names_are_completed():
    environment = {**os.environ, "_VIZGRAPH_COMPLETE": "bash_complete", "COMP_WORDS": "", "COMP_CWORD": "3"}

    def completed(*words):
        environment["COMP_WORDS"] = " ".join(("vizgraph", *words))
        environment["COMP_CWORD"] = str(len(words))
        script = "from vizgraph.cli.main import main; main(prog_name='vizgraph')"
        done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
        return [line.partition(",")[2] for line in done.stdout.splitlines()]

    assert completed("render", "--arch", "gcn") == ["gcn_demo", "gcn_ti", "gcn_s", "gcnp_ti", "gcnp_s"]
    assert completed("render", "--method", "layer") == ["layercam"]
    assert "inferno_r" in completed("compare", "--palette", "inferno")
    assert completed("render", "--format", "png,p") == ["png,png", "png,pdf"]


def test_a_user_without_a_home_and_tildes_are_no_defect(run, photograph, tmp_path):
    image = photograph(tmp_path / "x.png")
    done = run("render", "--arch", "gcn_demo", "--ckpt", "~nobodyhere/x.pth", "--img", image, "--out", tmp_path / "o")
    assert done.exit_code == 4
    assert run("render", "--ckpt", "demo", "--img", "~nobodyhere/x.png").exit_code == 3
    assert run("summarize", "~nobodyhere/results").exit_code == 2

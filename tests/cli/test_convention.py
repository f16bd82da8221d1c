"""One convention: what an option means, who talks on which stream, what is checked before what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import click
import pytest

from vizgraph.cli.main import COMMANDS, main

EVERYWHERE = {"--json", "--quiet", "--verbose", "--debug"}
OF_IMAGES = ("render", "compare", "figure", "explore", "score", "ablate", "profile", "report")
OF_NETWORKS = (*OF_IMAGES, "evaluate")
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


def of_image(name: str, image: object, *more: object, of: tuple = ("--arch", "gcn_demo", "--ckpt", "demo")) -> tuple:
    """The words of a command about an image."""
    own = {"compare": ("--method", "gradcam", "--method", "layercam"), "figure": ("images",)}.get(name, ())
    return (name, *own, *of, "--img", image, *more)


MISTAKES = {
    ("render", "--arch", "gcn_tii", "--img", "x.png"): "did you mean gcn_ti",
    ("render", "--ckpt", "demo", "--img", "x.png", "--method", "gradcm"): "did you mean gradcam",
    ("render", "--ckpt", "demo", "--img", "x.png", "--palette", "infreno"): "did you mean inferno",
    ("render", "--ckpt", "demo", "--img", "x.png", "--width", "colum"): "did you mean column",
    ("render", "--ckpt", "demo", "--img", "x.png", "--order", "rnk"): "rank",
    ("render", "--ckpt", "demo", "--img", "x.png", "--kinds", "cam,grph"): "choose from cam",
    ("render", "--img", "x.png"): "no architecture is given",
    ("render", "--ckpt", "demo", "--img", "x.png", "--engine", "rya"): "ray",
    ("demo", "--format", "pgn"): "choose from png",
    ("compare", "--ckpt", "demo", "--img", "x.png"): "one column has nothing beside it",
    ("figure", "imges", "--ckpt", "demo", "--img", "x.png"): "images",
    ("explore", "--ckpt", "demo", "--img", "x.png", "--method", "gradcm"): "did you mean gradcam",
    ("train", "--device"): "requires an argument",
    ("train",): "no config is given",
    ("evaluate", "--arch", "vigti", "--data", "x"): "did you mean",
    ("evaluate", "--arch", "vig_ti", "--data", "x", "--input-size", "big"): "is not a size",
    ("models", "--jsn"): "--json",
    ("ablate", "--ckpt", "demo", "--scenes", "1", "--conditions", "nne"): "choose from none",
    ("ablate", "--ckpt", "demo"): "give one of --img, --data and --scenes",
    ("profile", "--ckpt", "demo", "--scenes", "0"): "is not in the range",
    ("profile", "--ckpt", "demo", "--scenes", "1", "--data", "x"): "give one of --img, --data and --scenes",
    ("score", "--ckpt", "demo", "--scenes", "1", "--method", "gradcm"): "did you mean gradcam",
    ("score", "--ckpt", "demo", "--scenes", "1", "--edge-method", "shre"): "share",
    ("report", "--arch", "gcn_tii", "--scenes", "1"): "did you mean gcn_ti",
    ("report", "--ckpt", "demo"): "give one of --img, --data and --scenes",
    ("summarize", "no such folder"): "there is no such folder",
    ("check", "no_such_file.py"): "there is no such file",
    ("verify",): "FIGURE",
}
"""What is typed -> what the error says: of every command at least one."""


def test_options_are_checked_before_torch_is_imported():
    """All in one process, told apart by what is imported after each."""
    script = (
        "import contextlib, io, json, sys\n"
        "from vizgraph.cli.main import main\n"
        "for line in sys.stdin:\n"
        "    said, code = io.StringIO(), None\n"
        "    try:\n"
        "        with contextlib.redirect_stderr(said):\n"
        "            main(json.loads(line), prog_name='vizgraph')\n"
        "    except SystemExit as end:\n"
        "        code = end.code\n"
        "    heavy = sorted({'torch', 'timm', 'networkx', 'cv2', 'pandas'} & set(sys.modules))\n"
        "    print(json.dumps([code, heavy, said.getvalue()]))\n"
    )
    asked = "".join(json.dumps(words) + "\n" for words in MISTAKES)
    done = subprocess.run([sys.executable, "-c", script], input=asked, capture_output=True, text=True, timeout=240)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(MISTAKES), done.stderr
    assert {words[0] for words in MISTAKES} == set(COMMANDS)
    for (words, meant), (code, heavy, stderr) in zip(MISTAKES.items(), answers, strict=True):
        assert (words, code, heavy) == (words, 2, []), stderr
        (line,) = stderr.splitlines()
        assert line.startswith("vizgraph: error: ")
        assert meant in line


def test_the_names_that_need_no_torch_are_all_there_are():
    from viz_nodes.cams import METHODS
    from vizgraph.cli import values
    from vizgraph.models import list_models, resolve

    assert set(values.methods()) == set(METHODS) - {"random", "randomcam"}
    names = values.architectures()
    assert set(list_models()) <= set(names)
    assert all(resolve(name) in names for name in names)


@pytest.mark.parametrize("name", OF_IMAGES)
def test_inputs_are_checked_before_weights_are_fetched(run, tmp_path, monkeypatch, name):
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("no image")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    for image, code in (("text.jpg", 3), ("missing.jpg", 3), ("pipe.png", 3), ("empty", 2)):
        done = run(*of_image(name, image, "--out", tmp_path / "out", of=("--arch", "vig_ti")))
        assert (done.exit_code, image) == (code, image), done.stderr
    assert not (tmp_path / "out").exists()


def test_data_are_checked_before_weights_are_fetched(run, tmp_path, monkeypatch):
    monkeypatch.setenv("VIZGRAPH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("VIZGRAPH_WEIGHTS_URL", "http://127.0.0.1:9")
    (tmp_path / "empty").mkdir()
    for name in ("evaluate", "score", "ablate", "profile", "report"):
        for data, why in (("missing", "there is no such folder"), ("empty", "holds no images")):
            done = run(name, "--arch", "vig_ti", "--data", tmp_path / data, "--out", tmp_path / "out")
            assert done.exit_code == 2, (name, done.stderr)
            assert why in done.stderr.splitlines()[-1], name
    assert not (tmp_path / "out").exists()


SAME = {
    "weights that are not there": (("--ckpt", "none.pth"), (), 4, "there is no such file"),
    "weights that are none": (("--ckpt", "text.jpg"), (), 4, "no file that torch or safetensors wrote"),
    "another digest": (("--ckpt", "demo", "--sha256", "0" * 8), (), 4, "SHA-256"),
    "labels that are not there": (("--ckpt", "demo"), ("--labels", "none.txt"), 2, "is no file"),
    "a device that is none": (("--ckpt", "demo"), ("--device", "gpu"), 2, "must be auto"),
    "a seed that is none": (("--ckpt", "demo"), ("--seed", "-1"), 2, "is not in the range"),
    "a class that is none": (("--ckpt", "demo"), ("--target", "no such"), 2, "none of the 10 classes"),
    "a place that cannot be written": (("--ckpt", "demo"), ("--out", "text.jpg/x"), 5, "not a directory"),
}


@pytest.mark.parametrize("mistake", SAME)
def test_the_same_mistake_ends_every_command_alike(run, photograph, tmp_path, monkeypatch, mistake):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.jpg").write_text("no image")
    image = photograph(tmp_path / "d/digit 1/x.png")
    weights, more, code, why = SAME[mistake]
    for name in OF_NETWORKS:
        if not options_of(name).keys() >= set(more[::2]):
            continue
        args = of_image(name, image, *more, of=("--arch", "gcn_demo", *weights))
        if name == "evaluate":
            args = (name, "--arch", "gcn_demo", *weights, "--data", image.parents[1], "--workers", 0, *more)
        done = run(*args, "--json")
        assert (name, done.exit_code) == (name, code), done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith("vizgraph: error: "), name
        assert why.lower() in last.lower(), name
        assert json.loads(done.stdout)["exit_code"] == code, name


def test_ray_is_not_ignored_where_it_is_not_installed(run, photograph, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    image = photograph(tmp_path / "in/x.png")
    for of in (image, image.parent):
        done = run("render", "--ckpt", "demo", "--img", of, "--engine", "ray", "--dpi", 30, "--out", tmp_path / "out")
        assert done.exit_code == 2, done.stderr
        assert "Ray is not installed" in done.stderr.splitlines()[-1]
    assert not list(tmp_path.rglob("figure.png"))


@pytest.mark.parametrize("name", [*OF_NETWORKS, "train"])
def test_a_device_that_is_not_there_ends_every_command_alike(run, photograph, tmp_path, name):
    photograph(tmp_path / "d/val/a/x.png")
    photograph(tmp_path / "d/train/a/x.png")
    image = ("--img", tmp_path / "d/val/a/x.png")
    args = {
        "train": ("--data", tmp_path / "d", "model.arch=gcn_demo"),
        "evaluate": ("--ckpt", "demo", "--data", tmp_path / "d"),
    }.get(name, of_image(name, image[1])[1:])
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
        "figure": run("figure", "images", *of, "--img", image, "--dpi", 30, *out),
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
    for name in ("render", "compare", "explore", "score", "summarize", "figure"):
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


def test_folders_have_the_canonical_name_and_json_names_the_files(run, weights, photograph, tmp_path, monkeypatch):
    from vizgraph.models.names import SHORT_NAMES

    monkeypatch.setitem(SHORT_NAMES, "gcn_tiny", "gcn_demo")  # as gcn_ti is graphconvnet_ti, which takes longer
    image = photograph(tmp_path / "d/0/x.png")
    of = ("--arch", "gcn_tiny", "--ckpt", weights, "--out", tmp_path / "out", "--json")
    of_one = (*of, "--img", image)
    done = [
        run("render", *of_one, "--layers", "1", "--dpi", 30, "--kinds", "cam"),
        run("explore", *of_one, "--layers", "1"),
        run("score", *of_one, "--layers", "1", "--method", "random", "--only", "nodes", "--steps", 1, "--samples", 0),
        run("ablate", *of_one, "--conditions", "nothing", "--orders", "nothing"),
        run("profile", *of_one),
        run("evaluate", *of, "--data", tmp_path / "d", "--workers", 0),
    ]
    assert [each.exit_code for each in done] == [0] * len(done), [each.stderr for each in done]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["gcn_demo"]
    for result in done[1:]:
        assert all(Path(path).is_file() for path in json.loads(result.stdout)["paths"])


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


def test_names_are_completed_in_every_command_that_takes_them():
    """By the shell as it asks, once, then as that asks the options of the others."""
    environment = {**os.environ, "_VIZGRAPH_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    environment["COMP_WORDS"] = "vizgraph render --arch gcn"
    script = "from vizgraph.cli.main import main; main(prog_name='vizgraph')"
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    shown = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert shown == ["gcn_demo", "gcn_ti", "gcn_s", "gcnp_ti", "gcnp_s"]
    begun = {
        "--arch": ("gcn", shown),
        "--method": ("layer", ["layercam"]),
        "--edge-method": ("contr", ["contribution"]),
        "--palette": ("infer", ["inferno", "inferno_r"]),
        "--format": ("png,p", ["png,png", "png,pdf"]),
        "--kinds": ("cam,g", ["cam,graph"]),
        "--conditions": ("none,r", ["none,random"]),
        "--orders": ("share,gnn", ["share,gnnexplainer"]),
        "--color": ("contr", ["contribution"]),
        "--order": ("eff", ["effect"]),
        "--theme": ("d", ["dark"]),
        "--fit": ("cr", ["crop"]),
        "--amp": ("bf", ["bf16"]),
    }
    completed = set()
    for name in COMMANDS:
        for flag in begun.keys() & options_of(name).keys():
            start, ends = begun[flag]
            option = options_of(name)[flag]
            found = [item.value for item in option.shell_complete(click.Context(click.Command(name)), start)]
            assert (name, flag, found) == (name, flag, ends)
            completed.add(flag)
    assert completed == set(begun)


def test_a_user_without_a_home_and_tildes_are_no_defect(run, photograph, tmp_path):
    image = photograph(tmp_path / "x.png")
    done = run("render", "--arch", "gcn_demo", "--ckpt", "~nobodyhere/x.pth", "--img", image, "--out", tmp_path / "o")
    assert done.exit_code == 4
    assert run("render", "--ckpt", "demo", "--img", "~nobodyhere/x.png").exit_code == 3
    assert run("summarize", "~nobodyhere/results").exit_code == 2

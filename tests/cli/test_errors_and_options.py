"""One line for an error, the exit codes of the contract, and what options accept."""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from dataclasses import fields

import click
import pytest

from viz_nodes.batch.options import RenderOptions, layer_indices
from viz_nodes.draw.geometry.selection import Selection
from viz_nodes.draw.style.style import Style
from viz_nodes.text import one_line
from vizgraph.cli import compare, figure, options, render
from vizgraph.cli.command import vizgraph_command
from vizgraph.cli.errors import OneLineErrors
from vizgraph.cli.main import main
from vizgraph.cli.values import Layers
from vizgraph.errors import Terminated, UsageError


def ends(error, *args):
    """Exit code and stderr of a command that raises this."""
    from click.testing import CliRunner

    @click.group(cls=OneLineErrors)
    def group():
        pass

    @vizgraph_command("do")
    def do(progress):
        raise error

    group.add_command(do)
    result = CliRunner().invoke(group, ["do", *args], prog_name="vizgraph")
    return result.exit_code, result.stderr


def checkpoint_error():
    from vizgraph.checkpoints import CheckpointError

    return CheckpointError("weights.pth: is empty; fetch it again")


def image_error():
    from vizgraph.data import ImageError

    return ImageError("x.jpg: it is no image; give one")


@pytest.mark.parametrize(
    ("make", "code", "line"),
    [
        (lambda: UsageError("--k", "is odd", "use 9"), 2, "vizgraph: error: --k: is odd; use 9\n"),
        (image_error, 3, "vizgraph: error: x.jpg: it is no image; give one\n"),
        (checkpoint_error, 4, "vizgraph: error: weights.pth: is empty; fetch it again\n"),
        (
            lambda: OSError(errno.ENOSPC, "No space left on device", "/x/y"),
            5,
            "vizgraph: error: /x/y: no space left on device; free space there, or choose another place with --out\n",
        ),
        (KeyboardInterrupt, 130, "vizgraph: interrupted: run the same command again to go on\n"),
        (Terminated, 143, "vizgraph: terminated: run the same command again to go on\n"),
    ],
)
def test_every_kind_of_error_is_one_line_with_its_exit_code(make, code, line):
    got, said = ends(make())
    assert (got, said.lstrip("\n")) == (code, line)


def test_a_defect_says_how_to_report_it():
    code, line = ends(RuntimeError("two\nlines"))
    assert code == 70
    assert line.count("\n") == 1
    assert "--debug" in line


def test_debug_shows_the_traceback_and_the_line():
    code, text = ends(UsageError("--k", "is odd", "use 9"), "--debug")
    assert code == 2
    assert "Traceback" in text
    assert text.endswith("vizgraph: error: --k: is odd; use 9\n")


def test_control_characters_and_undecodable_bytes_are_escaped():
    assert one_line("a\nb\x1b[31m\udcff") == "a b\\x1b[31m\\udcff"


@pytest.mark.parametrize("args", [["rendr"], ["render"], ["render", "--img"], ["render", "--frmat", "png"]])
def test_usage_errors_are_one_line_and_code_2(run, args):
    result = run(*args)
    assert result.exit_code == 2
    assert result.stderr.startswith("vizgraph: error: ")
    assert result.stderr.count("\n") == 1


def test_an_unknown_command_answers_with_a_near_one(run):
    assert "did you mean render?" in run("rendr").stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--layers", "0"], "no layer 0"),
        (["--layers", "four"], "not a list of layer numbers"),
        (["--k", "0"], "above 0"),
        (["--format", "png,gif"], "'gif' is no format"),
        (["--sha256", "xyz"], "hexadecimal"),
        (["--levels", "0.5,1.5"], "fractions between 0 and 1"),
        (["--color", "shares"], "'shares' is no color"),
        (["--veil", "2"], "0.0<=x<=1.0"),
        (["--dim", "-1"], "0.0<=x<=1.0"),
        (["--far", "0"], "1<=x"),
        (["--part", "0"], "x<=100"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(run, args, said):
    result = run("render", "--ckpt", "demo", "--img", "x.jpg", *args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_everything_painters_can_do_can_be_asked_for():
    """Each field of a style and of a selection is a field of the options, and each of those an option of commands."""
    ours = {one.name for one in fields(RenderOptions)}
    asked = {"center": "centers"}
    assert {asked.get(one.name, one.name) for kind in (Style, Selection) for one in fields(kind)} - ours == {"effect"}
    for command in (render.command, figure.command):
        taken = {parameter.name for parameter in command.params}
        spoken = {"caption", "key", "notes", "ranks", "scales", "grid", "nodes", "closeups", "fade", "smooth", "signs"}
        assert {f"no_{name}" for name in spoken} <= taken
        assert ours - spoken - {"style"} - {"difference", "own_scales"} <= taken  # those two are of comparisons
    assert {"no_difference", "own_scales", "no_signs"} <= {parameter.name for parameter in compare.command.params}


def test_no_command_has_an_option_twice():
    context = click.Context(main)
    for name in main.list_commands(context):
        spelled = [word for one in main.get_command(context, name).params for word in (*one.opts, *one.secondary_opts)]
        assert len(spelled) == len(set(spelled)), name


def test_options_of_looks_reach_the_style():
    given = {
        **dict.fromkeys((f"no_{name}" for name in options._LEFT_OUT), False),
        "title": None,
        "no_title": False,
        "contours": False,
        "levels": (0.5,),
        "no_fade": True,
        "no_nodes": True,
        "veil": 0.25,
        "far": 4,
        "part": 5.0,
        "color": "#c4005c",
    }
    asked = RenderOptions(**options.render_fields(given))
    assert asked.drawn() == {
        "contours": (0.5,),
        "fade": False,
        "nodes": False,
        "veil": 0.25,
        "color": "#c4005c",
    }
    assert asked.selected()["far"] == 4
    assert asked.selected()["part"] == 5.0
    assert RenderOptions.of_record(json.loads(json.dumps(asked.record()))) == asked


@pytest.mark.parametrize(
    ("choice", "depth", "indices"),
    [
        (None, 12, [3, 7, 11]),
        (None, 16, [4, 10, 15]),
        (None, 6, [1, 3, 5]),
        (None, 1, [0]),
        ("all", 3, [0, 1, 2]),
        ("12,4,4", 12, [3, 11]),
        ("-1,1", 12, [0, 11]),
    ],
)
def test_layers_are_counted_from_one_and_default_to_thirds(choice, depth, indices):
    assert layer_indices(Layers().convert(choice, None, None), depth) == indices


@pytest.mark.parametrize("number", [13, -13])
def test_a_layer_beyond_the_network_is_refused_with_the_range(number):
    with pytest.raises(IndexError, match=f"no layer {number}; this network has layers 1 to 12"):
        layer_indices(Layers().convert(str(number), None, None), 12)


@pytest.mark.parametrize("command", [[], ["render"], ["demo"], ["summarize"]])
def test_help_imports_nothing_heavy(command):
    script = (
        "import sys\n"
        "from vizgraph.cli.main import main\n"
        f"main({[*command, '--help']!r}, standalone_mode=False)\n"
        "heavy = {'torch', 'timm', 'matplotlib', 'numpy', 'networkx', 'pandas', 'cv2', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_signals_unwind_the_command_and_set_the_exit_code(number, code, said):
    script = (
        "import signal, time, click\n"
        "from vizgraph.cli.errors import OneLineErrors\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "@click.group(cls=OneLineErrors)\n"
        "def group(): pass\n"
        "@group.command('wait')\n"
        "def wait():\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(600)\n"
        "    finally:\n"
        "        print('tidied up', flush=True)\n"
        "group(['wait'], prog_name='vizgraph')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (code, "tidied up\n")
    assert said in err


def test_without_a_command_the_help_keeps_its_lines(run):
    result = run()
    assert result.exit_code == 2
    assert "\n  render" in result.stderr
    assert "error" not in result.stderr


def test_whatever_an_answer_says_can_be_shown():
    from click.testing import CliRunner

    from vizgraph.cli.command import Answer

    @vizgraph_command("do")
    def do(progress):
        return Answer({"label": "\ud800"}, ["a\x1b[31m\ud800 \u00e9", "{\n}"])

    assert CliRunner().invoke(do, []).stdout == "a\\x1b[31m\\ud800 \u00e9\n{\n}\n"
    assert CliRunner(charset="ascii").invoke(do, []).stdout == "a\\x1b[31m\\ud800 \\xe9\n{\n}\n"
    assert CliRunner().invoke(do, ["--json"]).exit_code == 0

"""One tree of errors, each with its exit code, and one place that maps those of the toolkit and of the system."""

from __future__ import annotations

import errno
import pickle
import signal

import pytest
from click.testing import CliRunner

import viz_nodes
import vizgraph
from viz_nodes.batch.options import RenderOptions
from vizgraph import errors
from vizgraph.cli.main import main
from vizgraph.errors import VizgraphError, as_usage, described
from vizgraph.training.config import load as load_config


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.DeviceError, 2),
        (errors.ImageError, 3),
        (errors.CheckpointError, 4),
        (errors.CannotWrite, 5),
        (errors.TrainingError, 1),
        (errors.ConfigError, 2),
        (errors.DataError, 2),
    ],
)
def test_each_error_has_its_sentence_and_code_also_after_another_process(kind, code):
    error = pickle.loads(pickle.dumps(kind("x.jpg", "is empty", "give another")))
    assert described(error) == ("x.jpg: is empty; give another", code)
    assert isinstance(error, errors.VizgraphError)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_was_asked_to_leave_ends_as_its_signal_does(signum, code):
    error = pickle.loads(pickle.dumps(errors.Interrupted(signum)))
    assert described(error) == (f"stopped by {signum.name}; go on with --resume", code)


def test_the_toolkits_own_errors_have_codes_though_it_does_not_know_them():
    from viz_nodes.batch.inputs import NoImages, UnreadableImage
    from viz_nodes.batch.ray import EngineError
    from viz_nodes.capture.recorder import NoGraphLayer
    from viz_nodes.draw.files import TooManyPixels
    from viz_nodes.export.archive import BrokenExplanation

    for kind in (NoGraphLayer, BrokenExplanation, NoImages, EngineError, TooManyPixels):
        assert described(kind("there is none")) == ("there is none", 2)
    assert described(UnreadableImage("x: is a pipe"))[1] == 3


def test_a_full_disk_names_the_file_and_other_errors_are_ours():
    assert described(OSError(errno.ENOSPC, "No space left on device", "/x/y")) == (
        "/x/y: no space left on device; free space there, or choose another place with --out",
        5,
    )
    assert described(ValueError("odd"))[1] == errors.DEFECT
    assert described(MemoryError())[0].startswith("memory: there is not enough of it; ")


def test_a_value_of_the_user_becomes_a_usage_error_about_its_option_once():
    with pytest.raises(errors.UsageError, match=r"^--k: is odd$"), as_usage("--other"), as_usage("--k"):
        raise ValueError("is odd")
    with pytest.raises(errors.UsageError, match=r"^--arch: no such name$"), as_usage("--arch"):
        raise errors.UsageError("no such name")
    with pytest.raises(errors.ImageError, match=r"^x\.jpg is no image$"), as_usage("--img"):
        raise errors.ImageError("x.jpg is no image")


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory", "/lib/x.so"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory: you tried"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        ImportError("x.so: failed to map segment from shared object"),
        SystemError("error return without exception set"),
    ],
    ids=repr,
)
def test_little_memory_is_said_to_be_that_whoever_says_it(error):
    words, code = described(error)
    assert words.startswith("memory: there is not enough of it")
    assert "report the traceback" not in words
    assert code == 70


def test_a_runtime_error_that_is_not_about_memory_stays_a_defect():
    assert "report the traceback" in described(RuntimeError("shapes differ"))[0]


def test_too_many_open_files_are_not_cured_by_space():
    words, code = described(OSError(errno.EMFILE, "Too many open files", "/x"))
    assert code == 5
    assert "ulimit -n" in words
    assert "space" not in words


LONG = "x" * 5000


@pytest.mark.parametrize(
    "ask",
    [
        lambda: load_config(None, [f"run.device={LONG}", f"schedule.epochs={LONG}"]),
        lambda: load_config(None, [f"augment.mixup_mode={LONG}"]),
        lambda: load_config(None, [f"model.{LONG}=1"]),
        lambda: load_config(None, [LONG]),
        lambda: RenderOptions(method=LONG, canvas=LONG),
        lambda: viz_nodes.cams.lookup(LONG),
        lambda: vizgraph.render(LONG, "x.png", "out"),
    ],
)
def test_a_long_value_is_not_quoted_whole(ask):
    with pytest.raises((ValueError, VizgraphError)) as caught:
        ask()
    assert "xxx" in str(caught.value)
    assert "5,000" in str(caught.value) or "5,0" in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("option", ["--method", "--format", "--layers", "--dpi", "--fit"])
def test_nor_on_the_command_line(option):
    ended = CliRunner().invoke(main, ["render", "--arch", "gcn_demo", "--img", "x.png", option, LONG])
    assert ended.exit_code == 2
    assert len(ended.output.splitlines()[-1]) < 700

"""The same run on Ray Data: actors hold the network, each batch of images is a row, Ray retries what dies.

What is done is found from the manifests, as without Ray, so an interrupted run goes on whatever became of Ray. The
folder of results must be one that all machines see.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from vizgraph.cli.errors import SOME_FAILED, USAGE, Failure, described
from vizgraph.cli.rendering.batches import DISK, Outcome, Run, chunked
from vizgraph.cli.rendering.inputs import Item
from vizgraph.cli.rendering.request import Request
from vizgraph.errors import VizgraphError

_FEWEST_PROCESSORS = 6
"""Ray's own tasks must find a place beside the actors: on a machine that claims two it can wait for ever."""
_ACTOR_SHARE = 0.5
_TRIES = 3
_AT_ONCE = 512
"""Passes handed to Ray at a time, so that memory does not grow with the images; its actors start anew for each lot."""


class _Reported(Failure):
    """An error that happened elsewhere and arrives as its words."""

    def __init__(self, words: str, code: int) -> None:
        VizgraphError.__init__(self, words)
        self.exit_code = code


@contextlib.contextmanager
def started(address: str | None) -> Iterator[None]:
    """A Ray, of a cluster or of this machine alone; the latter ends with the run.

    Raises:
        Failure: Ray is not installed, or there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is said by the run, in a line
    try:
        import ray
    except ImportError:
        raise Failure(
            "--engine ray", "Ray is not installed", "pip install 'vizgraph[ray]', or leave the option out", code=USAGE
        ) from None
    settings: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address is not None:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            _start_here(ray, {"num_cpus": max(_FEWEST_PROCESSORS, os.cpu_count() or 1), **settings})
    except ConnectionError as error:
        raise Failure(
            f"--ray-address {address}",
            str(error),
            "start a cluster with `ray start --head`; one that asks for a token needs RAY_AUTH_MODE=token here",
            code=USAGE,
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _start_here(ray: Any, settings: dict[str, Any]) -> None:
    """Start a Ray of this machine's own; it gives itself half a minute, which a busy machine may need twice.

    Raises:
        Failure: it does not start.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            ray.init(**settings)
            return
        except Exception as error:
            ray.shutdown()
            if not tries_left:
                cure = "try again when the machine is less busy, or leave the option out"
                raise Failure("--engine ray", f"Ray does not start: {error}", cure, code=SOME_FAILED) from error


def over(run: Run, items: Iterable[Item], actors: int, *, device: str, no_ema: bool) -> Iterator[Outcome]:
    """Outcomes in the order of the items, as `Run.over` gives them.

    Args:
        run: as for a run without Ray; its network must come from a file.
        actors: how many processes hold the network.
        device: as the user wrote it.
        no_ema: whether plain weights are taken.

    Raises:
        Failure: the weights are in no file that the actors could read.
        OSError: a disk is full, or gone.
    """
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # which its import had set to tell of every step
    info = run.explainer.model.checkpoint_info
    if info.path is None:  # type: ignore[union-attr]
        raise Failure(
            "--engine ray", "untrained weights differ in every process", "give a file with --ckpt", code=USAGE
        )
    gpu = run.explainer.device.type == "cuda"
    recipe = {
        "root": str(run.root.absolute()),
        "arch": run.explainer.arch,
        "ckpt": str(info.path.absolute()),  # type: ignore[union-attr, operator]
        "sha256": info.sha256,  # type: ignore[union-attr]
        "no_ema": no_ema,
        "device": device,
        "options": run.explainer.request.record(),
        "identity": run.identity,
        "notes": list(run.notes),
        "batch": run.batch,
        "overwrite": run.overwrite,
    }
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False

    def made(chunks: list[list[Item]]) -> Iterator[dict[str, Any]]:
        rows = ray.data.from_items([{"items": _packed(chunk)} for chunk in chunks], override_num_blocks=len(chunks))
        answers = rows.map_batches(
            Actor,
            fn_constructor_args=(json.dumps(recipe),),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=max(1, min(actors, len(chunks)))),
            num_cpus=_ACTOR_SHARE,
            num_gpus=1 if gpu else 0,
        )
        for row in answers.iter_rows():
            yield from json.loads(row["outcomes"])

    stream = iter(items)
    while chunks := list(islice(chunked(stream, run.batch), _AT_ONCE)):
        before = {item.folder for chunk in chunks for item in chunk if run.is_done(item) is not None}
        wanted = [chunk for chunk in chunks if any(item.folder not in before for item in chunk)]
        results = made(wanted) if wanted else iter(())
        unfinished = {chunk[0].folder for chunk in wanted}
        for chunk in chunks:
            if chunk[0].folder in unfinished:
                for item in chunk:
                    outcome = _unpacked_outcome(item, next(results))
                    # An actor may die between the last file and its word of it; who does its work again finds all done.
                    yield replace(outcome, fresh=item.folder not in before)
            else:
                for item in chunk:
                    found = run.is_done(item)
                    yield found if found is not None else Outcome(item, item.folder, error=_vanished(item))


def _vanished(item: Item) -> Failure:
    return _Reported(f"{item.path}: its result was removed while the batch ran; run the command again", 1)


class Actor:
    """A process of Ray's with the network; called with batches of images, one a row.

    Args:
        recipe: JSON, what `over` put together.
    """

    def __init__(self, recipe: str) -> None:
        from vizgraph.cli import networks
        from vizgraph.cli.rendering.network import Explainer, one_thread

        made = json.loads(recipe)
        one_thread()
        device = made["device"]
        model = networks.load(
            made["arch"], made["ckpt"], no_ema=made["no_ema"], sha256=made["sha256"], device=device, quiet=True
        )
        explainer = Explainer(model, Request.of_record(made["options"]), made["arch"])
        self.run = Run(
            Path(made["root"]), explainer, made["identity"], tuple(made["notes"]), made["batch"], made["overwrite"]
        )

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[str]]:
        from vizgraph.cli.rendering.item import make
        from vizgraph.cli.rendering.painters import Painters

        answers = []
        for packed in rows["items"]:
            items = _unpacked(packed)
            with Painters(0, make) as painters:
                try:
                    outcomes = [_packed_outcome(outcome) for outcome in self.run.over(items, painters, ahead=0)]
                except OSError as error:
                    if error.errno not in DISK:
                        raise
                    # Said by the run itself: Ray would only try again.
                    outcomes = [{"disk": error.errno, "file": str(error.filename)}] * len(items)
            answers.append(json.dumps(outcomes))
        return {"outcomes": answers}


def _packed(items: Iterable[Item]) -> str:
    """Items as text that survives any name."""
    return json.dumps([[str(item.path.absolute()), item.relative, item.folder] for item in items])


def _unpacked(packed: str) -> list[Item]:
    return [Item(Path(path), relative, folder) for path, relative, folder in json.loads(packed)]


def _packed_outcome(outcome: Outcome) -> dict[str, Any]:
    words, code = described(outcome.error) if outcome.error is not None else ("", 0)
    return {"folder": outcome.folder, "made": outcome.made, "fresh": outcome.fresh, "error": words, "code": code}


def _unpacked_outcome(item: Item, result: dict[str, Any]) -> Outcome:
    if "disk" in result:
        raise OSError(result["disk"], os.strerror(result["disk"]), result["file"])
    # Actors, which may have another working directory, know the file by its whole path, the user by the one given.
    words = result["error"].replace(str(item.path.absolute()), str(item.path))
    error = _Reported(words, result["code"]) if result["made"] is None else None
    return Outcome(item, result["folder"], result["made"], error, result["fresh"])

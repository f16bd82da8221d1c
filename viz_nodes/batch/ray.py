"""The same run on Ray Data: actors hold the network, each batch of images is a row, Ray retries what dies.

What is done is found from the manifests, as without Ray, so an interrupted run goes on whatever became of Ray. The
folder of results must be one that all machines see.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import pickle
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from viz_nodes.batch.inputs import Item
from viz_nodes.batch.run import DISK, Outcome, Run, chunked
from viz_nodes.batch.workers import portable
from viz_nodes.text import one_line

_log = logging.getLogger(__name__)
_FEWEST_PROCESSORS = 6
"""Ray's own tasks must find a place beside the actors: on a machine that claims two it can wait for ever."""
_ACTOR_SHARE = 0.5
_TRIES = 6
_LEFT_BEHIND_SECONDS = "15"
"""After these, what a killed run leaves of its Ray gives up looking for it and ends; by itself it takes a minute."""
_AT_ONCE = 512
"""Passes handed to Ray at a time, so that memory does not grow with the images; its actors start anew for each lot."""


class EngineError(ValueError):
    """Ray is not there, does not start, or cannot be reached."""


@contextlib.contextmanager
def started(address: str | None) -> Iterator[None]:
    """A Ray, of a cluster or of this machine alone; the latter ends with the run.

    Raises:
        EngineError: Ray is not installed, or there is no cluster at that address.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # what goes wrong is said by the run, in a line
    try:
        import ray
    except ImportError:
        raise EngineError(
            "engine ray: Ray is not installed; pip install 'vizgraph[ray]', or take the engine local"
        ) from None
    settings: dict[str, Any] = {"include_dashboard": False, "log_to_driver": False, "logging_level": logging.ERROR}
    _log_messages(ray)
    try:
        if address is not None:
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        else:
            os.environ.setdefault("RAY_worker_niceness", "0")  # else 15, and on a busy machine they never come to work
            os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", _LEFT_BEHIND_SECONDS)
            _start_here(ray, {"num_cpus": max(_FEWEST_PROCESSORS, os.cpu_count() or 1), **settings})
    except ConnectionError as error:
        raise EngineError(
            f"Ray at {address}: {error}; start a cluster with `ray start --head`; one that asks for a token needs "
            "RAY_AUTH_MODE=token here"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _log_messages(ray: Any) -> None:
    """Ray tells on stdout, where answers are, that a worker died, whatever its options say: to the logger with it."""
    worker: Any = getattr(getattr(ray, "_private", None), "worker", None)

    def log(data: dict[str, Any], *_: Any, **__: Any) -> None:
        for line in data.get("lines", ()):
            _log.debug("%s: %s", data.get("pid"), one_line(line))

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = log


def _start_here(ray: Any, settings: dict[str, Any]) -> None:
    """Start a Ray of this machine's own.

    It gives itself half a minute, which on a busy machine is too little; each try finds more of Ray in memory.

    Raises:
        EngineError: it does not start.
    """
    for tries_left in reversed(range(_TRIES)):
        try:
            ray.init(**settings)
            return
        except Exception as error:
            ray.shutdown()
            if not tries_left:
                cure = "try again when the machine is less busy, or take the engine local"
                raise EngineError(f"engine ray: Ray does not start: {error}; {cure}") from error


def over(run: Run, items: Iterable[Item], actors: int) -> Iterator[Outcome]:
    """Outcomes in the order of the items, as `Run.over` gives them.

    The network itself travels to the actors, so it may be of any kind and come from anywhere.

    Args:
        run: as for a run without Ray.
        actors: how many processes hold the network.

    Raises:
        OSError: a disk is full or gone, or the folder of the run.
    """
    import ray
    import ray.data

    logging.getLogger("ray.data").setLevel(logging.ERROR)  # which its import had set to tell of every step
    gpu = run.explainer.device.type == "cuda"
    parcel = ray.put(_packed_run(run))
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False

    def computed(chunks: list[list[Item]]) -> Iterator[Outcome]:
        rows = [{"items": pickle.dumps(chunk)} for chunk in chunks]
        answers = ray.data.from_items(rows, override_num_blocks=len(chunks)).map_batches(
            Actor,
            fn_constructor_args=(parcel, str(run.explainer.device)),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=max(1, min(actors, len(chunks)))),
            num_cpus=_ACTOR_SHARE,
            num_gpus=1 if gpu else 0,
        )
        for row in answers.iter_rows():
            for outcome in pickle.loads(row["outcomes"]):
                if isinstance(outcome, OSError):  # the disk's, which ends the run
                    raise outcome
                yield outcome

    stream = iter(items)
    while chunks := list(islice(chunked(stream, run.batch), _AT_ONCE)):
        run.require_there()
        before = {item.folder for chunk in chunks for item in chunk if run.is_done(item) is not None}
        wanted = [chunk for chunk in chunks if any(item.folder not in before for item in chunk)]
        results = computed(wanted) if wanted else iter(())
        unfinished = {chunk[0].folder for chunk in wanted}
        for chunk in chunks:
            if chunk[0].folder in unfinished:
                for item in chunk:
                    outcome = next(results)
                    # Actors, which may have another working directory, know the file by its whole path. One may die
                    # between the last file and its word of it; who does its work again finds all done.
                    yield replace(outcome, item=item, fresh=item.folder not in before)
            else:
                for item in chunk:
                    known = run.is_done(item)
                    yield known if known is not None else Outcome(item, item.folder, error=_vanished(item))
    run.require_there()


def _vanished(item: Item) -> ValueError:
    return ValueError(f"{item.path}: its result was removed while the batch ran; run it again")


def _packed_run(run: Run) -> bytes:
    """A run as bytes, its network on the CPU; classes of a user's own script travel with it."""
    import ray.cloudpickle as cloudpickle

    explainer = copy.copy(run.explainer)
    if explainer.device.type != "cpu":
        explainer.model = copy.deepcopy(explainer.model).cpu()
    there = replace(run, out=run.out.absolute(), root=run.root.absolute(), explainer=explainer, is_there=_always)
    return bytes(cloudpickle.dumps(there))


def _always() -> bool:
    return True


class Actor:
    """A process of Ray's with the network; called with batches of images, one a row.

    Args:
        parcel: what `_packed_run` made.
        device: where the network runs.
    """

    def __init__(self, parcel: Any, device: str) -> None:
        import ray
        import torch

        if isinstance(parcel, ray.ObjectRef):
            parcel = ray.get(parcel)
        self.run: Run = pickle.loads(parcel)
        explainer = self.run.explainer
        explainer.device = torch.device(device)
        explainer.model.eval().to(explainer.device)

    def __call__(self, rows: dict[str, Any]) -> dict[str, list[bytes]]:
        from viz_nodes.batch.explainer import one_thread
        from viz_nodes.batch.folder import make
        from viz_nodes.batch.workers import Workers

        answers = []
        for packed in rows["items"]:
            items = [replace(item, path=item.path.absolute()) for item in pickle.loads(packed)]
            with one_thread(), Workers(0, make) as workers:
                outcomes: list[Any]
                try:
                    outcomes = list(self.run.over(items, workers, ahead=0))
                    for outcome in outcomes:
                        outcome.error = None if outcome.error is None else portable(outcome.error)
                except OSError as error:
                    if error.errno not in DISK:
                        raise
                    outcomes = [error] * len(items)  # said by the run itself: Ray would only try again
            answers.append(pickle.dumps(outcomes))
        return {"outcomes": answers}

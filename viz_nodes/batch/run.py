"""A run over a stream of images: what is there already is left, the rest goes through the network and to the workers.

However a run ends, running it again finishes it. Batches are always made of the same images (of every so many in the
order of the input, also those that are done), since the company an image has in a pass changes the last bits of its
numbers: so the files are those of a run that was not interrupted.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from viz_nodes.batch import manifest
from viz_nodes.batch.folder import Job
from viz_nodes.batch.inputs import Item, digest_of
from viz_nodes.batch.naming import marked

if TYPE_CHECKING:
    from viz_nodes.batch.explainer import Explainer, Loaded
    from viz_nodes.batch.workers import Workers
    from viz_nodes.explanation import Explanation

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Errors that the next image will meet too."""


@dataclass
class Outcome:
    """What became of an image.

    Attributes:
        item: the image.
        folder: of its output, relative to the run's folder.
        record: the manifest; None where it failed.
        error: why it failed.
        fresh: whether this run did it, not an earlier one.
    """

    item: Item
    folder: str
    record: dict[str, Any] | None = None
    error: BaseException | None = None
    fresh: bool = True

    def why(self, describe: Callable[[BaseException], str]) -> str:
        """The error in words, without the image's path: whoever tells it begins with its name."""
        return "" if self.error is None else describe(self.error).removeprefix(f"{self.item.path}: ")


def plainly(error: BaseException) -> str:
    """An error in words."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    return str(error) if isinstance(error, ValueError) and str(error) else f"{type(error).__name__}: {error}"


@dataclass
class Run:
    """One run into one folder.

    Attributes:
        out: where results go.
        root: `<out>/<name of the network>`.
        explainer: the network and what is asked of it.
        identity: see `manifest.identity`.
        notes: what a person should know of the weights.
        batch: images a pass.
        overwrite: make again what is there.
        check: compare what is there with its SHA-256.
        describe: says in words why an image failed.
        is_there: whether `root` is still the folder that the run began with.
    """

    out: Path
    root: Path
    explainer: Explainer
    identity: dict[str, Any]
    notes: tuple[str, ...] = ()
    batch: int = 1
    overwrite: bool = False
    check: bool = False
    describe: Callable[[BaseException], str] = plainly
    is_there: Callable[[], bool] = lambda: True

    def is_done(self, item: Item) -> Outcome | None:
        """The outcome of an image that an earlier run did, None for one that this run must do."""
        outcome, _ = self._look(item)
        return None if outcome.fresh else outcome

    def over(self, items: Iterable[Item], workers: Workers, ahead: int) -> Iterator[Outcome]:
        """Outcomes in the order of the items.

        Args:
            workers: who draws.
            ahead: images that may wait for them, so that memory stays bounded.

        Raises:
            OSError: the disk is full or gone, or the folder of the run.
        """
        waiting: deque[tuple[Outcome, Future[Any] | None]] = deque()
        for chunk in chunked(items, self.batch):
            self.require_there()
            for entry in self._start(chunk, workers):
                waiting.append(entry)
                while len(waiting) > ahead or (waiting and _is_ready(waiting[0])):
                    yield self._end(*waiting.popleft())
        while waiting:
            yield self._end(*waiting.popleft())

    def require_there(self) -> None:
        """Stop a run that nobody would find the results of.

        Raises:
            OSError: the folder was removed, moved or replaced.
        """
        if not self.is_there():
            raise OSError(errno.ENOENT, "was removed or replaced while the run wrote to it", str(self.root))

    def _start(self, chunk: list[Item], workers: Workers) -> list[tuple[Outcome, Future[Any] | None]]:
        """Look at a batch's images, and hand those to the workers that have no folder yet."""
        decided = [self._look(item) for item in chunk]
        if not any(outcome.fresh and outcome.error is None for outcome, _ in decided):
            return [(outcome, None) for outcome, _ in decided]
        samples: dict[int, Loaded] = {}
        for at, (outcome, source) in enumerate(decided):
            if outcome.error is None:
                try:
                    samples[at] = self.explainer.load(outcome.item.path, source["sha256"])
                except MemoryError:
                    raise
                except Exception as error:
                    outcome.error, outcome.record = error, None
        explained = self._explained(samples, decided)
        explained = {at: self._measured(samples[at], exp, decided[at][0]) for at, exp in explained.items()}
        started: list[tuple[Outcome, Future[Any] | None]] = []
        for at, (outcome, source) in enumerate(decided):
            future = None
            if outcome.fresh and outcome.error is None and at in explained:
                future = workers.submit(self._job(outcome, source, samples[at], explained[at]))
            started.append((outcome, future))
        return started

    def _explained(
        self, samples: dict[int, Loaded], decided: list[tuple[Outcome, dict[str, Any]]]
    ) -> dict[int, Explanation]:
        """Explanations by place; where a pass fails, of each image alone, so that only those fail that must."""
        if not samples:
            return {}
        try:
            return dict(zip(samples, self.explainer.explain(list(samples.values())), strict=True))
        except Exception as error:
            _require_memory(error)
            if len(samples) == 1:
                (at,) = samples
                decided[at][0].error = error
                return {}
        return {
            at: exp
            for place, sample in samples.items()
            for at, exp in self._explained({place: sample}, decided).items()
        }

    def _measured(self, sample: Loaded, exp: Explanation, outcome: Outcome) -> Explanation:
        """With what cutting edges changes, where that is drawn."""
        if not outcome.fresh:
            return exp
        try:
            return self.explainer.measured(sample, exp)
        except Exception as error:
            _require_memory(error)
            outcome.error = error
            return exp

    def _look(self, item: Item) -> tuple[Outcome, dict[str, Any]]:
        """Whether an image is done, and its folder."""
        outcome = Outcome(item, item.folder)
        source: dict[str, Any] = {}
        try:
            source = {
                "path": str(item.path.absolute()),
                "relative": item.relative,
                "sha256": digest_of(item.path),
            }
        except ValueError as error:
            outcome.error = error
            return outcome, source
        there = manifest.read(self.root / outcome.folder)
        if there is not None and _is_anothers(there, source):
            outcome.folder = _beside(item.folder, source["path"])
            there = manifest.read(self.root / outcome.folder)
        if (
            there is not None
            and not self.overwrite
            and manifest.same_request(there, self.identity)
            and there["image"].get("sha256") == source["sha256"]
            and all(there.get(part) for part in ("predicted", "explained"))
            and isinstance(there.get("warnings"), list)
            and manifest.is_whole(self.root / outcome.folder, there, check=self.check)
        ):
            outcome.record, outcome.fresh = there, False
        return outcome, source

    def _job(self, outcome: Outcome, source: dict[str, Any], sample: Loaded, exp: Any) -> Job:
        original = self.explainer.options.canvas == "original"
        height, width = sample.original.shape[:2]
        about = {"sha256": sample.sha256, "size": [height, width], "view": [float(edge) for edge in sample.view]}
        return Job(
            out=self.out,
            folder=self.root / outcome.folder,
            exp=exp,
            image=sample.original if original else sample.image,
            view=sample.view if original else None,
            options=self.explainer.options,
            identity=self.identity,
            source={**source, **about},
            notes=(*self.notes, *sample.notes),
        )

    def _end(self, outcome: Outcome, future: Future[Any] | None) -> Outcome:
        if future is not None:
            try:
                outcome.record = future.result()
            except OSError as error:
                if error.errno in DISK:
                    raise
                outcome.error = error
            except Exception as error:
                outcome.error = error
        if outcome.error is not None:
            outcome.record = None
        return outcome


def _require_memory(error: Exception) -> None:
    """Let an error that says that memory is full end the run: the next images would meet it too."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        raise error


def _is_ready(entry: tuple[Outcome, Future[Any] | None]) -> bool:
    return entry[1] is None or entry[1].done()


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk


def _is_anothers(there: dict[str, Any], source: dict[str, Any]) -> bool:
    """Whether a folder holds the result of another image, that is, of other pixels from another place."""
    image = there.get("image", {})
    return bool(image.get("sha256") != source["sha256"] and image.get("path") != source["path"])


def _beside(folder: str, path: str) -> str:
    head, slash, last = folder.rpartition("/")
    return f"{head}{slash}{marked(last, path)}"

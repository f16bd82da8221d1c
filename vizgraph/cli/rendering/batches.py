"""A run over a stream of images: what is there already is left, the rest goes through the network and to the painters.

However a run ends, running it again finishes it. Batches are always made of the same images (of every so many in the
order of the input, also those that are done), since the company an image has in a pass changes the last bits of its
numbers: so the files are those of a run that was not interrupted.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vizgraph.cli.errors import described, failed
from vizgraph.cli.rendering import manifest
from vizgraph.cli.rendering.inputs import Item, is_regular
from vizgraph.cli.rendering.item import Job
from vizgraph.cli.rendering.names import marked

if TYPE_CHECKING:
    from vizgraph.cli.rendering.network import Explainer
    from vizgraph.cli.rendering.painters import Painters

DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO}
"""Errors that the next image will meet too."""


@dataclass
class Outcome:
    """What became of an image.

    Attributes:
        item: the image.
        folder: of its output, relative to the run's folder.
        made: the manifest; None where it failed.
        error: why it failed.
        fresh: whether this run did it, not an earlier one.
    """

    item: Item
    folder: str
    made: dict[str, Any] | None = None
    error: BaseException | None = None
    fresh: bool = True

    @property
    def why(self) -> str:
        """The error in words."""
        return "" if self.error is None else described(self.error)[0]

    @property
    def line(self) -> str:
        """What a person is told of a failure."""
        # The line begins with the name, so the error need not.
        return failed(self.item.relative, self.why.removeprefix(f"{self.item.path}: "))


@dataclass
class Run:
    """One run into one folder.

    Attributes:
        root: `<out>/<arch>`.
        explainer: the network and what is asked of it.
        identity: see `manifest.identity`.
        notes: what a person should know of the weights.
        batch: images a pass.
        overwrite: make again what is there.
    """

    root: Path
    explainer: Explainer
    identity: dict[str, Any]
    notes: tuple[str, ...] = ()
    batch: int = 1
    overwrite: bool = False

    def is_done(self, item: Item) -> Outcome | None:
        """The outcome of an image that an earlier run did, None for one that this run must do."""
        outcome, _ = self._look(item)
        return None if outcome.fresh else outcome

    def over(self, items: Iterable[Item], painters: Painters, ahead: int) -> Iterator[Outcome]:
        """Outcomes in the order of the items.

        Args:
            painters: who draws.
            ahead: images that may wait for them, so that memory stays bounded.

        Raises:
            OSError: the disk is full, or gone.
        """
        waiting: deque[tuple[Outcome, Future | None]] = deque()
        for chunk in chunked(items, self.batch):
            for entry in self._start(chunk, painters):
                waiting.append(entry)
                while len(waiting) > ahead or (waiting and _is_ready(waiting[0])):
                    yield self._end(*waiting.popleft())
        while waiting:
            yield self._end(*waiting.popleft())

    def _start(self, chunk: list[Item], painters: Painters) -> list[tuple[Outcome, Future | None]]:
        """Look at a batch's images, and hand those to the painters that have no folder yet."""
        found = [self._look(item) for item in chunk]
        if not any(outcome.fresh and outcome.error is None for outcome, _ in found):
            return [(outcome, None) for outcome, _ in found]
        samples: list[Any] = []
        for outcome, _ in found:
            samples.append(None)
            if outcome.error is None:
                try:
                    samples[-1] = self.explainer.load(outcome.item.path)
                except Exception as error:
                    outcome.error, outcome.made = error, None
        there = [at for at, sample in enumerate(samples) if sample is not None]
        try:
            explained = dict(zip(there, self.explainer.explain([samples[at] for at in there]) if there else []))
        except MemoryError:
            raise
        except Exception as error:
            if type(error).__name__ == "OutOfMemoryError":
                raise
            explained = {}
            for at in there:
                found[at][0].error = error
        started: list[tuple[Outcome, Future | None]] = []
        for at, (outcome, source) in enumerate(found):
            future = None
            if outcome.fresh and at in explained:
                future = painters.submit(self._job(outcome, source, samples[at], explained[at]))
            started.append((outcome, future))
        return started

    def _look(self, item: Item) -> tuple[Outcome, dict[str, Any]]:
        """Whether an image is done, and its folder."""
        outcome = Outcome(item, item.folder)
        source: dict[str, Any] = {}
        try:
            if not is_regular(item.path):
                raise ValueError("is no file; give an image")
            source = {
                "path": str(item.path.absolute()),
                "relative": item.relative,
                "sha256": manifest.sha256_of(item.path),
            }
        except (OSError, ValueError) as error:
            # The loader says it better, where it comes to that.
            outcome.error = _unreadable(item, error)
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
            and manifest.is_whole(self.root / outcome.folder, there)
        ):
            outcome.made, outcome.fresh = there, False
        return outcome, source

    def _job(self, outcome: Outcome, source: dict[str, Any], sample: Any, exp: Any) -> Job:
        request = self.explainer.request
        original = request.canvas == "original"
        height, width = sample.original.shape[:2]
        return Job(
            folder=self.root / outcome.folder,
            exp=exp,
            image=sample.original if original else sample.image,
            view=tuple(sample.view) if original else None,
            request=request,
            identity=self.identity,
            source={**source, "size": [height, width], "view": [float(edge) for edge in sample.view]},
            notes=self.notes,
        )

    def _end(self, outcome: Outcome, future: Future | None) -> Outcome:
        if future is not None:
            try:
                outcome.made = future.result()
            except OSError as error:
                if error.errno in DISK:
                    raise
                outcome.error = error
            except Exception as error:
                outcome.error = error
        if outcome.error is not None:
            outcome.made = None
        return outcome


def _is_ready(entry: tuple[Outcome, Future | None]) -> bool:
    return entry[1] is None or entry[1].done()


def chunked(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk


def _is_anothers(there: dict[str, Any], source: dict[str, Any]) -> bool:
    """Whether a folder holds the result of another image, that is, of other pixels from another place."""
    image = there.get("image", {})
    return image.get("sha256") != source["sha256"] and image.get("path") != source["path"]


def _beside(folder: str, path: str) -> str:
    head, slash, last = folder.rpartition("/")
    return f"{head}{slash}{marked(last, path)}"


def _unreadable(item: Item, error: Exception) -> Exception:
    from vizgraph.data.images import ImageError

    reason = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
    return ImageError(f"{item.path}: {reason}")

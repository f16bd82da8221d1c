"""Where weights are on this machine, and what a person is told when they are not. Imports nothing heavy."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from vizgraph.checkpoints.catalog import ARCHITECTURES, WITH_BUNDLED, Weights
from vizgraph.errors import CheckpointError

CACHE_VARIABLE = "VIZGRAPH_CACHE"
"""Environment variable that names another cache folder."""
_ASSETS = Path(__file__).resolve().parents[1] / "assets"
SUFFIXES = (".safetensors", ".pth", ".pth.tar", ".pt")


def cache_folder() -> Path:
    """Where downloads go: `$VIZGRAPH_CACHE`, or the user's cache folder of this system. It need not exist yet.

    Raises:
        CheckpointError: this user has no home folder, as in a container that is run under a number.
    """
    from platformdirs import user_cache_dir

    named = os.environ.get(CACHE_VARIABLE)
    try:
        # Where nobody is known, the system's own answer may keep its "~", which is no folder.
        return Path(named or user_cache_dir("vizgraph", appauthor=False)).expanduser()
    except RuntimeError as error:
        where = f"{CACHE_VARIABLE}={named}" if named else "cache"
        raise CheckpointError(where, "this user has no home folder", f"set {CACHE_VARIABLE}=FOLDER") from error


def bundled_file(arch: str) -> Path:
    """The checkpoint of an architecture in `WITH_BUNDLED`, which comes with the package."""
    return _ASSETS / ARCHITECTURES[arch].weights[0].file


def relation_file(arch: str) -> Path:
    """The same architecture trained on scenes of two digits, the same one or not, which comes with the package."""
    return _ASSETS / f"{arch}_relation.safetensors"


def folders() -> list[Path]:
    """Where weights are looked for, in this order: `ckpt/` here, `ckpt/` of the checkout, the cache."""
    places = [Path("ckpt")]
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and (checkout / "ckpt").resolve() != places[0].resolve():
        places.append(checkout / "ckpt")
    with contextlib.suppress(CheckpointError):
        places.append(cache_folder())
    return places


def find(arch: str) -> tuple[Path, Weights | None] | None:
    """The published weights of an architecture on this machine, None where there are none.

    A file named after the architecture (`graphconvnetp_ti.pth.tar`) is taken before one with its published name; it
    comes without `Weights`, since nobody knows its origin.
    """
    published = ARCHITECTURES[arch].weights
    if arch in WITH_BUNDLED:
        path = bundled_file(arch)
        return (path, published[0]) if path.is_file() else None
    for folder in folders():
        for suffix in SUFFIXES:
            path = folder / f"{arch}{suffix}"
            if path.is_file():
                return path, None
        for weights in published:
            if weights.file and (folder / weights.file).is_file():
                return folder / weights.file, weights
    return None


def downloadable(arch: str) -> Weights | None:
    """The weights of an architecture that a program can fetch, None where only a person can."""
    return next((w for w in ARCHITECTURES[arch].weights if w.url and not w.by_hand), None)


def missing_weights_message(arch: str, reason: str = "") -> str:
    """One sentence: which file, from where, and where to put it."""
    known = ARCHITECTURES[arch]
    sources = [w for w in known.weights if w.url]
    if not sources:
        return f"{arch}: its bundled checkpoint {bundled_file(arch)} is missing; install the package again"
    weights = downloadable(arch) or sources[0]
    name = weights.file or f"the checkpoint of {known.title}"
    by_hand = " in a browser (it needs a person and a login)" if weights.by_hand else ""
    others = [w.url for w in sources if w is not weights and not w.by_hand]
    other = f", or its copy of another project {others[0]}" if others else ""
    places = [Path("ckpt").resolve()]
    with contextlib.suppress(CheckpointError):
        places.append(cache_folder())
    rename = "" if weights.file else f" under the name {arch}.pth.tar"
    return (
        f"{arch}: its weights are not on this machine{f' and {reason}' if reason else ''}; fetch {name} from "
        f"{weights.url}{by_hand}{other}, and put it into {' or '.join(map(str, places))}{rename}, or name "
        "the file with --ckpt (checkpoint=)"
    )

"""A folder of its own for every image, from its name and those beside it alone, so that a later run finds it again."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST = 255
"""Bytes that file systems give a name."""
_OURS = re.compile(r"((layer_.*|figure)\.(png|pdf|svg)|.*\.(json|jsonl|csv|npz|graphml))", re.IGNORECASE | re.DOTALL)


def stem_of(name: str) -> str:
    """A file's name without its extension; ".jpg" alone has none."""
    return os.path.splitext(name)[0]


def folder_names(files: Iterable[str], taken: Iterable[str] = ()) -> dict[str, str]:
    """The output folder of every image in one directory.

    It is the name without extension (`cat.jpg` -> `cat`), the whole name where two would share that (`cat.jpg` beside
    `cat.png`, or beside a directory `cat`), and where even these differ in case or accents' encoding only, a mark made
    from the name's bytes follows.

    Args:
        files: names of the images in the directory.
        taken: names of the directories in it, whose images go to folders of these names.

    Returns:
        Folder name by file name, all different, also on file systems that ignore case.
    """
    files = list(files)
    taken = [_folded(name) for name in taken]
    result = {name: stem_of(name) for name in files}
    for again in (lambda name: name, marked):
        shared = Counter(taken) + Counter(_folded(folder) for folder in result.values())
        for name, folder in result.items():
            if shared[_folded(folder)] > 1 or _unfit(folder):
                result[name] = again(name)
    return result


def marked(name: str, source: str | None = None) -> str:
    """A name with a mark that tells it from its likes: six hexadecimal digits from `source`, or from itself."""
    mark = "~" + hashlib.sha256(os.fsencode(name if source is None else source)).hexdigest()[:6]
    return _shortened(name, LONGEST - len(mark)) + mark


def _unfit(folder: str) -> bool:
    """Whether a folder of this name could be mistaken for one of the files beside it, or is no name at all."""
    return _OURS.fullmatch(folder) is not None or folder.startswith(".") or folder.endswith((".", " ")) or not folder


def _folded(name: str) -> str:
    """What a file system that ignores case and normalizes Unicode makes of a name."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _shortened(name: str, most: int) -> str:
    """A name cut to so many bytes, between characters."""
    while len(os.fsencode(name)) > most:
        name = name[:-1]
    return name

"""`vizgraph models`: what there is, what it is said to reach, and where its weights are. Builds no network."""

from __future__ import annotations

import contextlib
from pathlib import Path

from vizgraph.checkpoints import catalog, locate
from vizgraph.cli.command import Answer, vizgraph_command

_HEAD = ("architecture", "params (M)", "GMACs", "top-1 (%)", "weights from", "here")


def _source(arch: catalog.Architecture) -> str:
    weights = locate.downloadable(arch.name) or arch.weights[0]
    if weights.origin == catalog.BUNDLED:
        return "bundled"
    return f"{weights.origin}, {'by hand' if weights.by_hand else 'download'}"


def _shown(path: str | None) -> str:
    """A path as short as it can be said from here."""
    if path is None:
        return "no"
    for base, name in ((Path.cwd, ""), (Path.home, "~/")):
        with contextlib.suppress(ValueError, RuntimeError):  # not below it; a user without a home folder
            return name + str(Path(path).relative_to(base()))
    return path


@vizgraph_command("models")
def command(progress: bool) -> Answer:
    """The architectures, their published figures, and where the weights are.

    Parameters (trainable) and multiply-accumulates at 224 x 224 are measured, top-1 is ImageNet-1k as the papers
    state it.
    """
    import vizgraph
    from vizgraph.api.tables import lines_of

    result = vizgraph.architectures()
    rows: list[tuple[str, ...]] = [_HEAD]
    for arch, fact in zip(catalog.ARCHITECTURES.values(), result.facts, strict=True):
        top1 = "-" if arch.top1 is None else f"{arch.top1:.1f}"
        rows.append(
            (arch.name, f"{arch.params / 1e6:.2f}", f"{arch.gmacs:.2f}", top1, _source(arch), _shown(fact["here"]))
        )
    lines = lines_of(rows, left=(0, 4, 5))
    short = ", ".join(f"{name} = {arch}" for name, arch in catalog.SHORT_NAMES.items())
    lines += ["", f"short names: {short}"]
    lines.append("by hand: fetch in a browser (it needs a person and a login) and put into ckpt/:")
    for arch in catalog.ARCHITECTURES.values():
        if locate.downloadable(arch.name) is None and arch.weights[0].by_hand:
            weights = arch.weights[0]
            lines.append(f"  {arch.name}: {weights.url} ({weights.file or f'save as {arch.name}.pth.tar'})")
    where = f"into {_shown(result.cache)}"
    if result.cache is None:
        where = f"into ${locate.CACHE_VARIABLE}, which must be set, as this user has no home folder"
    lines.append(f"download: fetched when first asked for, {where}")
    return Answer(result.record(), lines)

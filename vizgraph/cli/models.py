"""`vizgraph models`: what there is, what it is said to reach, and where its weights are. Builds no network."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import click

from vizgraph.checkpoints import catalog, locate
from vizgraph.errors import CheckpointError

_HEAD = ("architecture", "params (M)", "GMACs", "top-1 (%)", "weights from", "here")
_NUMBERS = (1, 2, 3)


def _facts(arch: catalog.Architecture) -> dict[str, Any]:
    """Everything known of an architecture, as plain values."""
    found = locate.find(arch.name)
    return {
        "arch": arch.name,
        "title": arch.title,
        "params": arch.params,
        "gmacs": arch.gmacs,
        "top1": arch.top1,
        "paper_params_m": arch.paper_params_m,
        "paper_gflops": arch.paper_gflops,
        "channels": list(arch.channels),
        "blocks": list(arch.blocks),
        "here": None if found is None else str(found[0].resolve()),
        "weights": [
            {
                "file": weights.file or None,
                "origin": weights.origin,
                "url": weights.url or None,
                "by_hand": weights.by_hand,
                "sha256_prefix": weights.sha256 or None,
                "sha256_of_a_mirror": weights.mirror,
                "top1": weights.top1,
                "mean": list(weights.mean),
                "std": list(weights.std),
                "crop_pct": weights.crop_pct,
                "license": weights.license or None,
            }
            for weights in arch.weights
        ],
    }


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


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    sides = [str.rjust if i in _NUMBERS else str.ljust for i in range(len(widths))]
    return ["  ".join(side(cell, w) for side, cell, w in zip(sides, row, widths)).rstrip() for row in rows]


@click.command("models")
@click.option("--json", "as_json", is_flag=True, help="Everything known, as JSON.")
def command(as_json: bool) -> None:
    """The architectures, their published figures, and where the weights are.

    Parameters (trainable) and multiply-accumulates at 224 x 224 are measured, top-1 is ImageNet-1k as the papers
    state it.
    """
    facts = [_facts(arch) for arch in catalog.ARCHITECTURES.values()]
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    rows: list[tuple[str, ...]] = [_HEAD]
    for arch, fact in zip(catalog.ARCHITECTURES.values(), facts):
        top1 = "-" if arch.top1 is None else f"{arch.top1:.1f}"
        rows.append(
            (arch.name, f"{arch.params / 1e6:.2f}", f"{arch.gmacs:.2f}", top1, _source(arch), _shown(fact["here"]))
        )
    for line in _table(rows):
        click.echo(line)
    short = ", ".join(f"{name} = {arch}" for name, arch in catalog.SHORT_NAMES.items())
    click.echo(f"\nshort names: {short}")
    click.echo("by hand: fetch in a browser (it needs a person and a login) and put into ckpt/:")
    for arch in catalog.ARCHITECTURES.values():
        if locate.downloadable(arch.name) is None and arch.weights[0].by_hand:
            weights = arch.weights[0]
            click.echo(f"  {arch.name}: {weights.url} ({weights.file or f'save as {arch.name}.pth.tar'})")
    try:
        where = f"into {_shown(str(locate.cache_folder()))}"
    except CheckpointError:
        where = f"into ${locate.CACHE_VARIABLE}, which must be set, as this user has no home folder"
    click.echo(f"download: fetched when first asked for, {where}")

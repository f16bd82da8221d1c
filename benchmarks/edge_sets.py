"""How few edges carry an answer: sufficient and necessary sets by every order, and random sets beside them.

    python benchmarks/edge_sets.py measure --arch gcn_demo vig_demo --scenes 20 --out runs/edge_sets
    python benchmarks/edge_sets.py table runs/edge_sets

`measure` takes the edges of all layers of a test scene in each order and finds the fewest that alone keep the class and
the score within a tenth, and the fewest without which another class is named, graphs held; and asks 1,000 random sets
as large as the smallest of each. A line a scene in `<arch>.jsonl`; goes on where it was stopped, and stops after
`--minutes`. `table` prints means over scenes in percent of the edges, with 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import viz_nodes
import vizgraph
from viz_nodes.arguments import SETS
from viz_nodes.metrics.edge_scores import edge_scores
from viz_nodes.metrics.edge_sets import DRAWS, EdgeSet, necessary_edges, random_sets, sufficient_edges
from viz_nodes.metrics.intervals import interval
from viz_nodes.metrics.sets import BY_SIZE, ways
from vizgraph.data import Scenes, prepare

ORDERS = ("contribution", "integrated", "effect", "share", "gnnexplainer", "rank", "random")
SLOW = ("effect",)
"""Orders that cost minutes a scene."""
SMALLEST = "contribution"
"""The order whose sets random ones are held beside, being what figures draw by default."""


def measured(model: torch.nn.Module, pixels: Any, orders: tuple[str, ...], seed: int) -> dict[str, Any]:
    """Sizes by way of taking each order, and how many random sets fail."""
    exp = viz_nodes.explain(model, pixels)
    kept: dict[Any, Any] = {}
    sizes: dict[str, dict[str, int | None]] = {}
    best: dict[str, EdgeSet] = {}
    seconds = {}
    for order in orders:
        began = time.monotonic()
        scores = {
            at: edge_scores(model, pixels, exp, at, order, seed=seed, kept=kept)[order] for at in range(exp.depth)
        }
        for way, own in ways(order, scores).items():
            sets = {
                "sufficient": sufficient_edges(model, pixels, exp, own),
                "necessary": necessary_edges(model, pixels, exp, own),
            }
            sizes[way] = {kind: None if one is None else one.size for kind, one in sets.items()}
            for kind, one in sets.items():
                if order == SMALLEST and one is not None and (kind not in best or one.size < best[kind].size):
                    best[kind] = replace(one, order=way)
        seconds[order] = round(time.monotonic() - began, 1)
    failed = {kind: random_sets(model, pixels, exp, one, draws=DRAWS, seed=seed) for kind, one in best.items()}
    total = sum(int((layer.neighbors != viz_nodes.explanation.NO_EDGE).sum()) for layer in exp.layers)
    score = float(exp.logits[0, exp.target[0]])
    return {"total": total, "score": score, "sizes": sizes, "failed": failed, "seconds": seconds}


def measure(
    archs: list[str], checkpoint: str, scenes: int, slow: int, orders: tuple[str, ...], minutes: float, out: Path
) -> None:
    """A line a scene and network, the networks in turn."""
    out.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * minutes
    models = {arch: vizgraph.load_model(arch, checkpoint, device="cpu") for arch in archs}
    test = Scenes("test", size=max(scenes, 200))
    for at in range(scenes):
        for arch, model in models.items():
            path = out / f"{arch}.jsonl"
            done = {line["scene"] for line in lines(path)}
            if at in done or time.monotonic() > ends:
                continue
            asked = tuple(order for order in orders if at < slow or order not in SLOW)
            found = measured(model, prepare(test.scene(at).image, model).pixels, asked, seed=at)
            with path.open("a") as file:
                file.write(json.dumps({"scene": at, **found}) + "\n")
            print(arch, at, found["sizes"], found["failed"], found["seconds"], flush=True)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def with_smaller(row: dict[str, Any]) -> dict[str, Any]:
    """With the smaller of the two sets that a signed order gives, which is what `viz_nodes.edge_set` keeps."""
    sizes = {}
    for way, own in row["sizes"].items():
        sizes[way] = own
        if way.startswith(BY_SIZE):
            signed = row["sizes"][way.removeprefix(BY_SIZE)]
            both = {kind: [each[kind] for each in (own, signed) if each[kind] is not None] for kind in SETS}
            sizes[f"{way.removeprefix(BY_SIZE)}, the smaller"] = {
                kind: min(each) if each else None for kind, each in both.items()
            }
    return {**row, "sizes": sizes}


def words(values: list[float], scale: float = 100.0, digits: int = 0) -> str:
    """ "12 (10 to 14)"."""
    if not values:
        return "-"
    low, high = interval(values)
    mean = sum(values) / len(values)
    return f"{scale * mean:.{digits}f} ({scale * low:.{digits}f} to {scale * high:.{digits}f})"


def table(folder: Path) -> Iterator[str]:
    """Markdown, a table a network."""
    for path in sorted(folder.glob("*.jsonl")):
        rows = [with_smaller(row) for row in lines(path)]
        names = list(dict.fromkeys(way for row in rows for way in row["sizes"]))
        yield f"\n| {path.stem} | sufficient, % of edges | necessary, % of edges | there is one | scenes |"
        yield "| --- | --- | --- | --- | --- |"
        for way in names:
            own = [(row["sizes"][way], row["total"]) for row in rows if way in row["sizes"]]
            cells = [
                words([sizes[kind] / total for sizes, total in own if sizes[kind] is not None], digits=1)
                for kind in SETS
            ]
            there = sum(sizes["necessary"] is not None for sizes, _ in own)
            yield f"| {way} | {cells[0]} | {cells[1]} | {there} | {len(own)} |"
        for kind in SETS:
            failed = [row["failed"][kind] for row in rows if kind in row["failed"]]
            if failed:
                yield f"\n{kind}: of {DRAWS} random sets as large {words(failed, digits=1)} % fail"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("measure")
    one.add_argument("--arch", nargs="+", default=["gcn_demo", "vig_demo"])
    one.add_argument("--ckpt", default="demo")
    one.add_argument("--scenes", type=int, default=20)
    one.add_argument("--slow", type=int, default=5, help="scenes of those whose effects and masks are measured, too")
    one.add_argument("--order", nargs="+", default=list(ORDERS))
    one.add_argument("--minutes", type=float, default=1e6)
    one.add_argument("--out", type=Path, default=Path("runs/edge_sets"))
    other = commands.add_parser("table")
    other.add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "measure":
        torch.set_num_threads(1)
        measure(given.arch, given.ckpt, given.scenes, given.slow, tuple(given.order), given.minutes, given.out)
        return
    for line in table(given.folder):
        print(line)


if __name__ == "__main__":
    main()

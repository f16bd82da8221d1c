"""What an explanation costs in forwards of the same network, as ratios within this one run.

python benchmarks/explain.py --arch graphconvnet_ti --arch pvig_ti --batch 1 --batch 8 --threads 1

Forward and backward are those of the logits by the pixels, parameters frozen. The first call is that of a network which
was not seen before, the proof of places left out, and what Python loads when the toolkit is first used (said once).
Times are those of the processor, so that other work on the machine counts little; the smallest of several rounds, the
kinds of run in turns.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import timm
import torch
from torch import Tensor, nn

import viz_nodes
import vizgraph  # noqa: F401  (registers the networks)

FRESH = 3
"""Networks that were not seen before; the first call is the quickest of theirs."""


def seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def runs(network: nn.Module, pixels: Tensor) -> dict[str, Callable[[], object]]:
    def forward() -> None:
        with torch.inference_mode():
            network(pixels)

    def backward() -> None:
        leaf = pixels.clone().requires_grad_(True)
        torch.autograd.grad(network(leaf).amax(1).sum(), leaf)

    def read() -> None:
        for layer in viz_nodes.explain(network, pixels).layers:
            layer.distance, layer.margin, layer.skipped  # noqa: B018

    return {
        "forward": forward,
        "forward + backward": backward,
        "explain all layers, places unproven": lambda: viz_nodes.explain(network, pixels, places=False),
        "explain 1 layer": lambda: viz_nodes.explain(network, pixels, layers=-1),
        "explain 3 layers": lambda: viz_nodes.explain(network, pixels, layers=[1, 3, -1]),
        "explain all layers": lambda: viz_nodes.explain(network, pixels),
        "the same, distances asked for": read,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", action="append", help="timm name, several times")
    parser.add_argument("--batch", action="append", type=int, help="several times")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--size", type=int, help="pixels a side; by default what the network is made for")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"loading the toolkit, once in a process: {seconds(lambda: viz_nodes.explain):.3f} s")
    for arch in options.arch or ["graphconvnet_ti", "pvig_ti"]:
        for batch in options.batch or [1, 8]:
            networks = [timm.create_model(arch, **_sized(options.size)) for _ in range(FRESH)]
            size = options.size or networks[0].pretrained_cfg["input_size"][-1]
            pixels = torch.randn(batch, 3, size, size)
            every = [runs(network.eval().requires_grad_(False), pixels) for network in networks]
            for kinds in every:  # what torch sets up once is not the explanation's
                kinds["forward"]()
                kinds["forward + backward"]()
            first = min(seconds(kinds.pop("explain all layers, places unproven")) for kinds in every)
            kinds = every[0]
            proof = seconds(kinds["explain all layers"])
            best = {name: min(values) for name, values in zip(kinds, zip(*_rounds(kinds, options.rounds)))}
            one = best.pop("forward")
            said = ", ".join(f"{name} {value / one:.2f}" for name, value in best.items())
            print(
                f"{arch}, {size} px, batch {batch}, {options.threads} threads, in forwards of {one:.3f} s: {said}, "
                f"first call {first / one:.2f} ({first / best['explain all layers']:.2f} times a later one), "
                f"proof of places {(proof - best['explain all layers']) / one:.2f}, once",
                flush=True,
            )


def _sized(size: int | None) -> dict[str, int]:
    """What a network is made with for another size than its own."""
    return {"img_size": size} if size else {}


def _rounds(kinds: dict[str, Callable[[], object]], rounds: int) -> list[list[float]]:
    return [[seconds(run) for run in kinds.values()] for _ in range(rounds)]


if __name__ == "__main__":
    main()

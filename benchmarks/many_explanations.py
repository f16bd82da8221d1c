"""A thousand explanations of one network: what is left afterwards, and whether the last are as quick as the first.

    python benchmarks/many_explanations.py [--rounds 1000] [--arch gcn_demo] [--size 224]

Prints, ten times on the way, the process's resident memory, the tensors and objects that Python knows, the hooks on the
network, and how long the last tenth took as a multiple of the first.
"""

from __future__ import annotations

import argparse
import gc
import os
import time

import timm
import torch

import viz_nodes
import vizgraph  # noqa: F401  (registers the networks)


def resident() -> float:
    """MB of this process in memory; NaN where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as pages:
            return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return float("nan")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--arch", default="gcn_demo")
    parser.add_argument("--size", type=int, default=224, help="pixels a side")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = timm.create_model(options.arch).train()  # as in the middle of training: the flag must come back
    pixels = torch.randn(1, 3, options.size, options.size)
    flags = [module.training for module in model.modules()], [p.requires_grad for p in model.parameters()]
    first, start = 0.0, None
    step = max(1, options.rounds // 10)
    print("round  seconds vs first  resident MB  tensors  objects  hooks")
    for _ in range(5):
        viz_nodes.explain(model, pixels)
    for at in range(0, options.rounds, step):
        began = time.perf_counter()
        for _ in range(step):
            viz_nodes.explain(model, pixels)
        took = time.perf_counter() - began
        first = first or took
        gc.collect()
        things = gc.get_objects()  # a list that the next such list would hold, and so on
        known = len(things)
        tensors = sum(issubclass(type(thing), torch.Tensor) for thing in things)
        del things
        hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules())
        now = (resident(), tensors, known, hooks)
        start = start or now
        print(
            f"{at + step:5d}  {took / first:16.2f}  {now[0]:11.1f}  {tensors:7d}  {known:7d}  {hooks:5d}",
            flush=True,
        )
    same = flags == ([module.training for module in model.modules()], [p.requires_grad for p in model.parameters()])
    print(
        f"from the first tenth to the last: {now[0] - start[0]:+.1f} MB, {now[1] - start[1]:+d} tensors, "
        f"{now[2] - start[2]:+d} objects, {now[3]} hooks, flags as found: {same}"
    )


if __name__ == "__main__":
    main()

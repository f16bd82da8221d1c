"""A training step against the textbook graph convolution: time and peak memory as ratios, in this one run.

    python benchmarks/train_step.py --arch graphconvnet_ti --batch 32 --threads 2
    python benchmarks/train_step.py --arch graphconvnet_ti --batch 256 --device cuda --amp bf16 --compile

Times are taken in turns in one process. Peak memory is what the tensors of a step take at most beyond what was there
before it: on a GPU from CUDA's own counters, on a CPU from the allocations and releases that torch's profiler records.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import gc
import statistics
import time

import torch
import torch.nn.functional as F
from textbook import textbook

import vizgraph  # noqa: F401

import timm  # isort: skip


class Step:
    """Forward, loss, backward and update of a network on random images."""

    def __init__(self, model, pixels, labels, amp, compiled):
        self.model, self.pixels, self.labels, self.amp = model.train(), pixels, labels, amp
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=1e-4)

    def __call__(self):
        device = self.pixels.device.type
        context = contextlib.nullcontext() if self.amp is None else torch.autocast(device, self.amp)
        with context:
            logits = self.forward(self.pixels)
        loss = F.cross_entropy(logits.float(), self.labels)
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if device == "cuda":
            torch.cuda.synchronize()
        return loss.detach()


def seconds(step) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def peak_bytes(step) -> int:
    """Bytes that a step takes at most beyond what was allocated when it began."""
    gc.collect()
    if step.pixels.device.type == "cuda":
        torch.cuda.synchronize()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        return torch.cuda.max_memory_allocated() - before
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        step()
    held = highest = 0
    for event in sorted(recorded.profiler.kineto_results.events(), key=lambda one: one.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            highest = max(highest, held)
    return highest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", action="append", help="timm name, several times")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--amp", choices=("none", "bf16"), default="none")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    amp = torch.bfloat16 if options.amp == "bf16" else None
    for arch in options.arch or ["graphconvnet_ti"]:
        torch.manual_seed(0)
        model = timm.create_model(arch).to(device, memory_format=layout)
        pixels = torch.randn(options.batch, 3, 224, 224, device=device).contiguous(memory_format=layout)
        labels = torch.randint(0, model.num_classes, (options.batch,), device=device)
        theirs = Step(textbook(copy.deepcopy(model)), pixels, labels, amp, options.compile)
        ours = Step(model, pixels, labels, amp, options.compile)
        gap = abs(float(ours()) - float(theirs()))  # the first steps also warm up, and their losses must agree
        pairs = [(seconds(ours), seconds(theirs)) for _ in range(options.rounds)]
        memory = peak_bytes(ours), peak_bytes(theirs)
        ratios = sorted(mine / textbooks for mine, textbooks in pairs)
        best = [min(column) for column in zip(*pairs, strict=True)]
        print(
            f"{arch}, batch {options.batch}, {device}, {options.threads} threads, {options.amp}: ours / textbook\n"
            f"  time   {statistics.median(ratios):.2f} (median of {options.rounds}; "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f}), best {best[0]:.3f} s / {best[1]:.3f} s, "
            f"{options.batch / best[0]:.1f} / {options.batch / best[1]:.1f} images/s\n"
            f"  memory {memory[0] / memory[1]:.2f} (peak {memory[0] / 2**20:.0f} / {memory[1] / 2**20:.0f} MiB)\n"
            f"  first losses differ by {gap:.1e}"
        )


if __name__ == "__main__":
    main()

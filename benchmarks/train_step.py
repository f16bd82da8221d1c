"""A training step against the textbook graph convolution: time and peak memory as ratios, in this one run.

    python benchmarks/train_step.py --arch graphconvnet_ti --batch 32 --threads 2
    python benchmarks/train_step.py --arch graphconvnet_ti --batch 256 --device cuda --amp bf16 --compile

Times are taken in turns in one process: of the clock, and on a CPU of the processor, which other work on the machine
disturbs less. Our step runs in each of the ways of `model.grad_checkpointing`. Peak memory is what the tensors of a
step take at most beyond what was there before it: on a GPU from CUDA's own counters, on a CPU from the allocations and
releases that torch's profiler records.
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


WAYS = ("none", "activations", "blocks")


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


def seconds(step) -> tuple[float, float]:
    """Of the clock, and of the processor (threads added up)."""
    start, busy = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - start, time.process_time() - busy


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


def in_float64(model, pixels) -> float:
    """How far the textbook's logits are from ours. In float32 near ties between neighbors are broken differently."""
    ours = copy.deepcopy(model).cpu().double()
    theirs = textbook(copy.deepcopy(ours))
    with torch.no_grad():
        return float((ours(pixels.cpu().double()) - theirs(pixels.cpu().double())).abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--arch", action="append", help="timm name, several times")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--amp", choices=("none", "bf16"), default="none")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument(
        "--channels-last",
        choices=("none", "ours", "both"),
        default="none",
        help="whose tensors are laid out so: the recipes' are, the published code's are not",
    )
    parser.add_argument("--ways", nargs="+", choices=("none", "activations", "blocks"), default=WAYS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    amp = torch.bfloat16 if options.amp == "bf16" else None
    for arch in options.arch or ["graphconvnet_ti"]:
        torch.manual_seed(0)
        model = timm.create_model(arch).to(device)
        pixels = torch.randn(options.batch, 3, 224, 224, device=device)
        labels = torch.randint(0, model.num_classes, (options.batch,), device=device)

        def step(network, last, pixels=pixels, labels=labels):
            layout = torch.channels_last if last else torch.contiguous_format
            images = pixels.contiguous(memory_format=layout)
            return Step(network.to(memory_format=layout), images, labels, amp, options.compile)

        steps = {"textbook": step(textbook(copy.deepcopy(model)), options.channels_last == "both")}
        for way in options.ways:
            ours = copy.deepcopy(model)
            ours.set_grad_checkpointing(way != "none" and way)
            steps[way] = step(ours, options.channels_last != "none")
        difference = in_float64(model, pixels[:2])
        for one in steps.values():
            one()  # warms up
        rounds = [{way: seconds(one) for way, one in steps.items()} for _ in range(options.rounds)]
        memory = {way: peak_bytes(one) for way, one in steps.items()}
        print(f"{arch}, batch {options.batch}, {device}, {options.threads} threads, {options.amp}: ours / textbook")
        for way in options.ways:
            told = []
            for place, clock in enumerate(("time", "processor time")[: 2 if device.type == "cpu" else 1]):
                ratios = sorted(one[way][place] / one["textbook"][place] for one in rounds)
                told.append(f"{clock} {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
            quickest = min(one[way][0] for one in rounds)
            print(
                f"  {way:12} {', '.join(told)}, {options.batch / quickest:.1f} images/s; "
                f"memory {memory[way] / memory['textbook']:.2f} ({memory[way] / 2**20:.0f} MiB)"
            )
        quickest = min(one["textbook"][0] for one in rounds)
        print(
            f"  textbook     {options.batch / quickest:.1f} images/s; {memory['textbook'] / 2**20:.0f} MiB; "
            f"its logits in float64 differ by {difference:.0e}"
        )


if __name__ == "__main__":
    main()

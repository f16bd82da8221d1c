"""Devices by name."""

from __future__ import annotations

import torch

from viz_nodes.text import quoted
from vizgraph.errors import DeviceError


def resolve_device(device: str | torch.device = "auto") -> torch.device:
    """The device of a name; "auto" takes CUDA, else MPS, else the CPU.

    Raises:
        DeviceError: there is no such device, or not on this machine.
    """
    if str(device) == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        wanted = torch.device(device)
    except (RuntimeError, TypeError):
        raise DeviceError(f"`device` must be auto, cpu, cuda, cuda:0 or mps (got {quoted(device)})") from None
    count = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}.get(
        wanted.type
    )
    if count is None:
        raise DeviceError(f"`device` must be auto, cpu, cuda, cuda:0 or mps (got {quoted(str(device))})")
    if (wanted.index or 0) >= count:
        there = f"it has {count} of that kind" if count else "it has none of that kind"
        raise DeviceError(f"device {quoted(str(wanted))} is not on this machine ({there}); use auto or cpu")
    return wanted

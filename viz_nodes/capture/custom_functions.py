"""Whether arithmetic runs inside of a `torch.autograd.Function` that somebody wrote, which makes its own gradients."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import Any

import torch


def in_a_custom_function() -> bool:
    """Whether what runs now is called by the `forward` of a subclass of `torch.autograd.Function`.

    There gradients are off, and none reaches what is computed inside, whatever the function hands on in `backward`.
    """
    if torch.is_grad_enabled():
        return False
    codes = _forwards(torch.autograd.Function)
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code in codes:
            return True
        frame = frame.f_back
    return False


def _forwards(function: Any) -> set[CodeType | None]:
    """The code of `forward` of all subclasses."""
    codes: set[CodeType | None] = set()
    for each in function.__subclasses__():
        code = getattr(each.forward, "__code__", None)
        codes |= ({code} if code is not None else set()) | _forwards(each)
    return codes - {getattr(torch.autograd.Function.forward, "__code__", None)}

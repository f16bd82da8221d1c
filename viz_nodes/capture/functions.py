"""What torch functions do to the elements of tensors: move them, write over them, say where channels lie."""

from __future__ import annotations

MOVES = frozenset(
    (
        *("__getitem__", "broadcast_to", "cat", "chunk", "clone", "concat", "concatenate", "contiguous", "detach"),
        *("double", "expand", "expand_as", "flatten", "flip", "float", "gather", "half", "index_select", "mH", "mT"),
        *("movedim", "moveaxis", "H", "T", "narrow", "pad", "permute", "repeat", "repeat_interleave", "reshape"),
        *("reshape_as", "roll", "select", "split", "split_with_sizes", "squeeze", "stack", "swapaxes", "swapdims"),
        *("take_along_dim", "tensor_split", "tile", "to", "transpose", "type_as", "unbind", "unflatten", "unfold"),
        *("unsqueeze", "view", "view_as", "t", "take"),
    )
)
"""Names of functions that move elements and compute nothing."""
SHUFFLES = frozenset(
    (
        *("__getitem__", "cat", "concat", "concatenate", "gather", "index_select", "roll", "stack", "take"),
        *("take_along_dim", "unfold"),
    )
)
"""Those of them that can bring an element to more than one place, or to another order."""
WRITES = frozenset(
    (
        *("__setitem__", "copy_", "fill_", "index_copy_", "index_put_", "masked_scatter_", "put_", "scatter_", "set_"),
        *("zero_", "swapaxes_", "swapdims_", "t_", "transpose_", "squeeze_", "unsqueeze_", "resize_", "random_"),
    )
)
"""Names of functions that put other elements into a tensor, or lay it out anew."""
IN_PLACE = frozenset(("__iadd__", "__isub__", "__imul__", "__itruediv__", "__ifloordiv__", "__imod__", "__ipow__"))
"""Names of functions that change a tensor element by element, beside those that end in an underscore."""
CHANNELS = {
    "linear": -1,
    "layer_norm": -1,
    "rms_norm": -1,
    "conv1d": 1,
    "conv2d": 1,
    "batch_norm": 1,
    "group_norm": 1,
    "instance_norm": 1,
}
"""Functions that say along which axis the channels lie."""

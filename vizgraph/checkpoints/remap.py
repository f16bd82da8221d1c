"""From every published key layout to the project's own: one pure function per origin, and the detection from the keys.

The functions take a state dict without wrapper prefixes and return a new one; tensors are shared, never copied. A key
that a layout does not know stays as it is, so that the strict load that follows can name it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from torch import Tensor

from vizgraph.checkpoints.catalog import ARCHITECTURES
from vizgraph.errors import CheckpointError

State = dict[str, Tensor]

_HALVES = {"0": "grapher", "1": "FFN"}
_HEAD = {"fc1": "prediction.0", "bn": "prediction.1", "fc2": "prediction.4"}


def _renamed(state: Mapping[str, Tensor], rename: Callable[[str], str]) -> State:
    renamed: State = {}
    for key, value in state.items():
        name = rename(key)
        if name in renamed:
            raise CheckpointError(f"two of its keys mean {name!r}; it mixes two layouts and cannot be read")
        renamed[name] = value
    return renamed


def from_project(state: Mapping[str, Tensor]) -> State:
    """The project's own layout, that of the GraphConvNet release."""
    return dict(state)


def from_official_vig(state: Mapping[str, Tensor]) -> State:
    """`backbone.i.0.*` is the Grapher of block i, `backbone.i.1.*` its FFN."""
    return _renamed(state, lambda key: re.sub(r"^(backbone\.\d+)\.([01])\.", lambda m: f"{m[1]}.{_HALVES[m[2]]}.", key))


def from_official_pvig(state: Mapping[str, Tensor]) -> State:
    """As `from_official_vig`, each block in a sequence of its own; `backbone.i.conv.*` between stages stays."""
    return _renamed(
        state, lambda key: re.sub(r"^(backbone\.\d+)\.([01])\.", lambda m: f"{m[1]}.0.{_HALVES[m[2]]}.", key)
    )


def _mmpretrain_ends(key: str) -> str:
    """The position embedding, stem and head, which both networks of mmpretrain name alike."""
    if key == "backbone.pos_embed":
        return "pos_embed"
    key = re.sub(r"^backbone\.stem\.(\d+)\.", r"stem.convs.\1.", key)
    return re.sub(r"^head\.(fc1|bn|fc2)\.", lambda m: f"{_HEAD[m[1]]}.", key)


def _linear_to_conv(state: State) -> State:
    """A Linear (out, in) of the head is a 1x1 convolution (out, in, 1, 1)."""
    for key in ("prediction.0.weight", "prediction.4.weight"):
        if key in state and state[key].ndim == 2:
            state[key] = state[key][:, :, None, None]
    return state


def from_mmpretrain_vig(state: Mapping[str, Tensor]) -> State:
    """`backbone.blocks.i.{0,1}.*`, `backbone.stem.n.*`, `head.{fc1,bn,fc2}` with 2-D weights."""

    def rename(key: str) -> str:
        key = re.sub(r"^backbone\.blocks\.(\d+)\.([01])\.", lambda m: f"backbone.{m[1]}.{_HALVES[m[2]]}.", key)
        return _mmpretrain_ends(key)

    return _linear_to_conv(_renamed(state, rename))


def from_mmpretrain_pvig(state: Mapping[str, Tensor]) -> State:
    """`backbone.stages.s.j.{0,1}.*`, numbered through here; for s > 0 `backbone.stages.s.0` is the down-sampling."""
    places = sorted(
        {(int(m[1]), int(m[2])) for m in (re.match(r"backbone\.stages\.(\d+)\.(\d+)\.", k) for k in state) if m}
    )
    number = {place: i for i, place in enumerate(places)}

    def rename(key: str) -> str:
        match = re.match(r"backbone\.stages\.(\d+)\.(\d+)\.([01])\.(.+)", key)
        if match is None:
            return _mmpretrain_ends(key)
        stage, place, half, rest = int(match[1]), int(match[2]), match[3], match[4]
        block = f"backbone.{number[stage, place]}"
        if stage > 0 and place == 0:
            return f"{block}.conv.{half}.{rest}"
        return f"{block}.0.{_HALVES[half]}.{rest}"

    return _linear_to_conv(_renamed(state, rename))


LAYOUTS: dict[str, Callable[[Mapping[str, Tensor]], State]] = {
    "project": from_project,
    "official ViG": from_official_vig,
    "official Pyramid ViG": from_official_pvig,
    "mmpretrain Vig": from_mmpretrain_vig,
    "mmpretrain PyramidVig": from_mmpretrain_pvig,
}


def detect(keys: Iterable[str]) -> str:
    """The layout of a state dict, one of `LAYOUTS`, from its keys alone.

    Raises:
        CheckpointError: the keys are those of no network here.
    """
    keys = list(keys)

    def any_key(pattern: str) -> bool:
        return any(re.match(pattern, key) for key in keys)

    if any_key(r"backbone\.stages\.\d+\."):
        return "mmpretrain PyramidVig"
    if any_key(r"backbone\.blocks\.\d+\."):
        return "mmpretrain Vig"
    if any_key(r"backbone\.\d+\.(0\.)?(grapher|FFN)\."):
        return "project"
    if any_key(r"backbone\.\d+\.[01]\.(fc1|fc2|graph_conv)\."):
        pyramid = any_key(r"backbone\.\d+\.conv\.") or any_key(r"backbone\.\d+\.0\.relative_pos$")
        return "official Pyramid ViG" if pyramid else "official ViG"
    shown = ", ".join(keys[:3])
    raise CheckpointError(f"its {len(keys)} keys ({shown}, ...) are not those of a GraphConvNet or ViG")


def to_project(state: Mapping[str, Tensor]) -> tuple[str, State]:
    """The layout found, and the state dict in the project's own."""
    layout = detect(state)
    return layout, LAYOUTS[layout](state)


@dataclass(frozen=True)
class Build:
    """What the shapes of a state dict say about the network it was made for.

    Attributes:
        family: "graphconvnet" or "vig".
        pyramid: whether it is laid out as a pyramid.
        channels, blocks: of each stage.
    """

    family: str
    pyramid: bool
    channels: tuple[int, ...]
    blocks: tuple[int, ...]

    @classmethod
    def of(cls, state: Mapping[str, Tensor]) -> Build:
        """Read it off a state dict in the project's layout."""
        widths: dict[int, int | None] = {}
        pyramid = False
        for key, value in state.items():
            match = re.match(r"backbone\.(\d+)\.(0\.)?(?:grapher|FFN)\.(.+)", key)
            if match is None:
                continue
            block = int(match[1])
            widths.setdefault(block, None)
            if match[3] == "fc2.0.weight" and value.ndim > 0:  # C rows in the Grapher and in the FFN alike
                widths[block] = value.shape[0]
            pyramid = pyramid or match[2] is not None
        channels: list[int] = []
        blocks: list[int] = []
        for _, width in sorted(widths.items()):
            if channels and width in (channels[-1], None):
                blocks[-1] += 1
            else:
                channels.append(width or 0)
                blocks.append(1)
        bottleneck = any(".res_block." in key for key in state)
        return cls("graphconvnet" if bottleneck else "vig", pyramid, tuple(channels), tuple(blocks))

    @classmethod
    def named(cls, arch: str) -> Build:
        """That of an architecture."""
        known = ARCHITECTURES[arch]
        return cls(known.family, known.pyramid, known.channels, known.blocks)

    def arch(self) -> str | None:
        """The architecture of this build, None where there is none."""
        return next((name for name in ARCHITECTURES if self == Build.named(name)), None)

    def __str__(self) -> str:
        family = ("Pyramid " if self.pyramid else "") + ("GraphConvNet" if self.family == "graphconvnet" else "ViG")
        widths, depths = "-".join(map(str, self.channels)), "-".join(map(str, self.blocks))
        return f"{family} of {depths} blocks, {widths} channels"

"""From the keys and shapes of any file of weights to those of a network here, one pure function a step.

What people have around known keys is taken off (wrappers' names anywhere in a key, one prefix before all of them), what
stands beside the network is left out and named, one of the published layouts is found from the keys and renamed, and
what is made for another input is resized. Tensors are shared where they stay as they are. A key that a layout does not
know stays too, so that the strict comparison that follows can name it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from viz_nodes.text import quoted
from vizgraph.errors import CheckpointError

State = dict[str, Tensor]

_HALVES = {"0": "grapher", "1": "FFN"}
_HEAD = {"fc1": "prediction.0", "bn": "prediction.1", "fc2": "prediction.4"}


def _renamed(state: Mapping[str, Tensor], rename: Callable[[str], str]) -> State:
    renamed: State = {}
    for key, value in state.items():
        name = rename(key)
        if name in renamed:
            raise CheckpointError(f"two of its keys mean {quoted(name)}; it mixes two layouts and cannot be read")
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


_OWN_KEY = re.compile(r"(?:^|(?<=\.))(?:pos_embed$|stem\.convs\.\d+\.|backbone\.\d+\.|prediction\.\d+\.)")
_MMPRETRAIN_KEY = re.compile(
    r"(?:^|(?<=\.))(?:backbone\.(?:pos_embed$|stem\.\d+\.|blocks\.\d+\.|stages\.\d+\.)|head\.(?:fc1|bn|fc2)\.)"
)
_WRAPPERS = {"module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""What DataParallel, torch.compile, FSDP and their nestings put into keys."""
_BATCHES = ".num_batches_tracked"
_PROFILED = re.compile(r"(?:^|\.)(?:total_ops|total_params|__flops__|__params__|__macs?__)$")
"""What thop and ptflops leave in a network."""
_AVERAGED = re.compile(r"(?:^|[._])(?:ema|teacher|averaged?|momentum|swa)(?:[._]|$)")
_LONGEST_KEY = 512
_COUNTERS = {"n_averaged", "steps"}
"""What the averaging wrappers of torch and mmengine count beside the weights."""


def is_network_key(key: str) -> bool:
    """Whether a key could be that of a network here, with something before it or not."""
    return bool(_OWN_KEY.search(key) or _MMPRETRAIN_KEY.search(key))


@dataclass(frozen=True)
class Remapped:
    """A state dict in the project's own layout.

    Attributes:
        state: the network's keys.
        layout: what they were, one of `LAYOUTS`.
        prefix: what stood before all of them, "net."; "" for nothing.
        left_out: what stood beside the network, "criterion.* (2)".
        averaged: whether they were chosen as the averaged ones of two copies; None where there is one.
    """

    state: State
    layout: str
    prefix: str = ""
    left_out: tuple[str, ...] = ()
    averaged: bool | None = None


def remap(state: Mapping[str, Tensor], *, ema: bool = True) -> Remapped:
    """Bring a state dict into the project's own layout.

    Args:
        ema: whether averaged weights are preferred where there are two copies, "model." and "ema_model.".

    Raises:
        CheckpointError: the keys are those of no network here, of several, or two of them mean the same.
    """
    state = _unwrapped(state)
    known, averaged = _network_of(state, ema)
    prefix = known.prefix
    inside = {key.removeprefix(prefix): state[key] for key in state if key in known.keys}
    beside = [key for key in state if key not in known.keys]
    left_out = (*_summed_up(beside), *_summed_up([key for key in inside if _PROFILED.search(key)]))
    inside = {key: value for key, value in inside.items() if not _PROFILED.search(key)}
    layout = detect(inside)
    return Remapped(LAYOUTS[layout](inside), layout, prefix, left_out, averaged)


def _unwrapped(state: Mapping[str, Tensor]) -> State:
    """Keys without the names of wrappers, wherever in the key they are."""
    unwrapped: State = {}
    for key, value in state.items():
        if len(key) > _LONGEST_KEY:
            raise CheckpointError(f"a key of it has {len(key)} characters; no network's has")
        name = ".".join(part for part in key.split(".") if part not in _WRAPPERS)
        if name in _COUNTERS:
            continue
        if name in unwrapped:
            raise CheckpointError(f"its keys {quoted(name)} and {quoted(key)} are the same without wrapper prefixes")
        unwrapped[name] = value
    return unwrapped


@dataclass(frozen=True)
class _Known:
    """The keys of one network: those that follow `prefix` and are of a known layout."""

    prefix: str
    keys: frozenset[str]

    def names(self) -> frozenset[str]:
        return frozenset(key.removeprefix(self.prefix) for key in self.keys if not key.endswith(_BATCHES))


def _network_of(state: State, ema: bool) -> tuple[_Known, bool | None]:
    """The keys that are a network's, and whether it was chosen as the averaged one of two copies."""
    places: dict[str, set[str]] = {}
    for key in state:
        for family in (_OWN_KEY, _MMPRETRAIN_KEY):
            for match in family.finditer(key):
                places.setdefault(key[: match.start()], set()).add(key)
    networks = [_Known(prefix, frozenset(keys)) for prefix, keys in places.items()]
    if not networks:
        detect(state)
    best = max(networks, key=lambda known: (len(known.keys), -len(known.prefix)))
    copies = [known for known in networks if known.prefix != best.prefix and known.names() >= best.names()]
    if not copies:
        return best, None
    copies.append(best)
    averaged = [known for known in copies if _AVERAGED.search(known.prefix)]
    plain = [known for known in copies if known not in averaged]
    chosen = averaged if ema else plain
    if len(chosen) != 1:
        names = ", ".join(repr(known.prefix) for known in sorted(copies, key=lambda known: known.prefix))
        raise CheckpointError(f"it holds {len(copies)} networks ({names}); save the state dict of one")
    return chosen[0], ema


def _summed_up(keys: Iterable[str]) -> tuple[str, ...]:
    """What keys are left out, by their first part: ("criterion.* (2)", "queue")."""
    keys = list(keys)
    if keys and all(_PROFILED.search(key) for key in keys):
        return (f"counters of a profiler ({len(keys)})",)
    counts = Counter(key.partition(".")[0] + (".*" if "." in key else "") for key in keys)
    return tuple(f"{name} ({count})" if name.endswith(".*") else name for name, count in counts.items())


def fitted(state: State, expected: Mapping[str, Tensor], *, resize: bool = True) -> tuple[State, tuple[str, ...]]:
    """What can be made to fit a network honestly: positions of another input size, channels of the image, counters.

    Args:
        state: in the project's layout.
        expected: the network's own state dict.
        resize: whether positions and the first convolution may be made for another input than they are for.

    Returns:
        A new state dict, and what was done, in sentences.
    """
    state, notes = dict(state), []
    counters = [key for key in expected if key.endswith(_BATCHES) and key not in state]
    for key in counters:
        state[key] = torch.zeros_like(expected[key], device="cpu")
    if counters:
        ordered = [key for key in expected if key in state] + [key for key in state if key not in expected]
        state = {key: state[key] for key in ordered}
        notes.append(f"{len(counters)} counters of batches are not in the file and begin at 0; nothing else reads them")
    if resize:
        notes += _resized(state, expected)
    return state, tuple(notes)


def _resized(state: State, expected: Mapping[str, Tensor]) -> list[str]:
    """Resize positions and adapt the first convolution, in place; what was done."""
    notes = []
    for key, wanted in expected.items():
        value = state.get(key)
        if value is None or value.shape == wanted.shape or value.ndim != wanted.ndim:
            continue
        if key == "pos_embed" and value.shape[:2] == wanted.shape[:2]:
            state[key] = _bicubic(value, wanted.shape[2:])
            before, after = "x".join(map(str, value.shape[2:])), "x".join(map(str, wanted.shape[2:]))
            notes.append(f"its positions of {before} nodes were resized to {after}")
        elif key.endswith("relative_pos") and value.shape[0] == wanted.shape[0] == 1:
            state[key] = _bicubic(value[None], wanted.shape[1:])[0]
        elif key == FIRST_CONV and value.ndim == 4 and value.shape[0] == wanted.shape[0]:
            state[key] = _with_channels(value, wanted.shape[1])
            notes.append(
                f"its first convolution of {value.shape[1]} channels was made one of {wanted.shape[1]}, as timm does"
            )
    return notes


FIRST_CONV = "stem.convs.0.weight"
CLASSIFIER = ("prediction.4.weight", "prediction.4.bias")


def _bicubic(value: Tensor, size: Iterable[int]) -> Tensor:
    return F.interpolate(value.float(), size=tuple(size), mode="bicubic", align_corners=False).to(value.dtype)


def _with_channels(weight: Tensor, channels: int) -> Tensor:
    from timm.models import adapt_input_conv

    adapted: Tensor = adapt_input_conv(channels, weight, base_chans=weight.shape[1])
    return adapted


def checkpoint_filter_fn(state: Mapping[str, Tensor], model: nn.Module) -> State:
    """What timm calls on a state dict from anywhere before it loads it; its own rules for heads and channels follow.

    Raises:
        CheckpointError: it does not hold all of the network, its classifier apart, or more than the network.
    """
    remapped = remap(state)
    expected = {key: value for key, value in model.state_dict().items() if key != FIRST_CONV}
    fitting, _ = fitted(remapped.state, expected)
    missing = [key for key in expected if key not in fitting and key not in CLASSIFIER]
    left_over = [key for key in fitting if key not in expected and key not in (*CLASSIFIER, FIRST_CONV)]
    if missing or left_over:
        raise CheckpointError("the weights", does_not_fit(missing, left_over), "they are for a network built otherwise")
    return fitting


def does_not_fit(missing: list[str], left_over: list[str]) -> str:
    """What is wrong with the keys of a state dict, in words."""
    parts = [listed("missing", missing), listed("left over", left_over)]
    return "do not fit: " + " and ".join(part for part in parts if part)


def listed(what: str, names: list[str], most: int = 3) -> str:
    """ "2 keys missing (a, b)", or nothing where there are none."""
    if not names:
        return ""
    shown = ", ".join(names[:most]) + (", ..." if len(names) > most else "")
    return f"{len(names)} {'key' if len(names) == 1 else 'keys'} {what} ({shown})"

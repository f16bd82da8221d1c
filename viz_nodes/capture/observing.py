"""One forward of a network with its graph layers watched: the first looks everywhere, later ones where they must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from torch import Tensor, nn

from viz_nodes.capture import plans
from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.aggregation import recognize
from viz_nodes.capture.calls import NoGraphLayer
from viz_nodes.capture.choosing import Choosing
from viz_nodes.capture.recorder import Recording, recording
from viz_nodes.capture.tensor_notes import tensors_in

Raw = TypeVar("Raw")


def observe(
    network: nn.Module,
    adapters: Sequence[Adapter],
    pixels: Tensor,
    forward: Callable[[], Raw],
    *,
    anew: bool = False,
    regions: int | None = None,
) -> tuple[Recording, plans.Plan, Raw]:
    """What the graph layers did in one forward.

    The forward runs once; twice only where a network that is known does something else than it did before.

    Args:
        network: in eval mode.
        adapters: from `adapters_for`.
        pixels: (B, C, H, W) the images that run.
        forward: runs the network.
        anew: whether to look as if for the first time.
        regions: how many nodes lie in regions that are no grid.

    Returns:
        What was seen, what is known of the network, and what it returned.

    Raises:
        NoGraphLayer: there is no graph layer, or one whose nodes lie nowhere.
    """
    key = plans.key_of(pixels, adapters, regions)
    plan = None if anew else plans.known_plan(network, key)
    if plan is not None:
        plan.uses += 1
        if plan.uses % plans.AGAIN and not plan.traced:
            with recording(network, adapters, pixels, plan, copying=False) as record:
                raw = forward()
                overwritten = record.kept.overwritten(tensors_in(raw))
                plan.copied |= overwritten
                if record.finish() and not overwritten:
                    return record, plan, raw
    traced = plan is not None and plan.traced
    if traced:
        record, raw = _traced(network, adapters, pixels, forward, regions)
    else:
        record, raw, traced = _watched(network, adapters, pixels, forward, regions)
    fresh = plans.plan_of(network, adapters, record.calls, record.ran)
    fresh.traced = traced
    fresh.copied = record.kept.overwritten(tensors_in(raw)) | (frozenset() if plan is None else plan.copied)
    if plan is not None and (traced or plan.uses % plans.AGAIN == 0) and plan.is_like(fresh):
        fresh.notes, fresh.uses, fresh.around = plan.notes, plan.uses, plan.around
    plans.keep(network, key, fresh)
    if fresh.around and not traced:  # what these layers need is only kept where it is known that they need it
        return observe(network, adapters, pixels, forward, regions=regions)
    return record, fresh, raw


def _watched(
    network: nn.Module,
    adapters: Sequence[Adapter],
    pixels: Tensor,
    forward: Callable[[], Raw],
    regions: int | None,
) -> tuple[Recording, Raw, bool]:
    """A first forward; then one whose arithmetic is looked at, where the first leaves something to be explained."""
    record = raw = missed = None
    try:
        with recording(network, adapters, pixels, regions=regions) as record, Choosing(record.runs) as choosing:
            raw = forward()
            record.finish()
        if all(recognize(call).exact for call in record.calls) and not choosing.beside(record.calls):
            return record, raw, False
    except NoGraphLayer as error:
        missed = error
    try:
        again, answer = _traced(network, adapters, pixels, forward, regions)
    except NoGraphLayer:
        if missed is not None and (record is None or not record.calls):
            raise  # what was seen, and that it is no graph
        if missed is not None:
            raise missed from None
        assert record is not None
        return record, cast(Raw, raw), False
    if missed is None and record is not None and not _better(again, record):
        return record, cast(Raw, raw), False
    return again, answer, True


def _traced(
    network: nn.Module,
    adapters: Sequence[Adapter],
    pixels: Tensor,
    forward: Callable[[], Raw],
    regions: int | None,
) -> tuple[Recording, Raw]:
    """A forward whose arithmetic is looked at; what adapters only guess by a name is left out."""
    certain = [adapter for adapter in adapters if not adapter.guessed]
    with recording(network, certain, pixels, traced=True, regions=regions) as record:
        raw = forward()
        record.finish()
    return record, raw


def _better(traced: Recording, plain: Recording) -> bool:
    """Whether looking at the arithmetic has explained more layers."""
    exact = [sum(recognize(call).exact for call in record.calls) for record in (traced, plain)]
    return exact[0] > exact[1]

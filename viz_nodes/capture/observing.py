"""One forward of a network with its graph layers watched: the first looks everywhere, later ones where they must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from torch import Tensor, nn

from viz_nodes.capture import plans
from viz_nodes.capture.adapters.base import Adapter
from viz_nodes.capture.recorder import Recording, recording

Raw = TypeVar("Raw")


def observe(
    network: nn.Module, adapters: Sequence[Adapter], pixels: Tensor, forward: Callable[[], Raw], *, anew: bool = False
) -> tuple[Recording, plans.Plan, Raw]:
    """What the graph layers did in one forward.

    The forward runs once; twice only where a network that is known does something else than it did before.

    Args:
        network: in eval mode.
        adapters: from `adapters_for`.
        pixels: (B, C, H, W) the images that run.
        forward: runs the network.
        anew: whether to look as if for the first time.

    Returns:
        What was seen, what is known of the network, and what it returned.

    Raises:
        NoGraphLayer: there is no graph layer, or one whose nodes lie nowhere.
    """
    key = plans.key_of(pixels, adapters)
    plan = None if anew else plans.known_plan(network, key)
    if plan is not None:
        plan.uses += 1
        if plan.uses % plans.AGAIN:
            with recording(network, adapters, pixels, plan) as record:
                raw = forward()
                if record.finish():
                    return record, plan, raw
    with recording(network, adapters, pixels) as record:
        raw = forward()
        record.finish()
    fresh = plans.plan_of(network, adapters, record.calls, record.ran)
    if plan is not None and plan.uses % plans.AGAIN == 0:
        fresh.notes, fresh.uses = plan.notes, plan.uses
    plans.keep(network, key, fresh)
    return record, fresh, raw

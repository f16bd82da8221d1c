"""Which nodes came together in a tensor, found from the origins of its elements, and the telling of it.

Whatever way an aggregation is written, it ends here: the messages lie in one tensor, along one axis of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from viz_nodes.capture.messages import Heard, Lying, Seen, as_table, channel_axes, messages_of
from viz_nodes.capture.origins import Base, Origin, Origins


class Hearing:
    """What all ways to see an aggregation share.

    Attributes:
        images: B.
        origins: where elements came from.
        seen: is told of every aggregation, and gives the nodes the network is to go on with, (B, C, N).
        told: of how many it was told.
        groups: of how many groups of nodes an image has had some before; of those a node may hear a single one.
    """

    def __init__(self, images: int, origins: Origins, seen: Callable[[Seen], Tensor]) -> None:
        self.images, self.origins, self.seen = images, origins, seen
        self.told = 0
        self.groups: set[int] = set()

    def hand_on(self, seen: Seen, lying: Lying, made_of: frozenset[int]) -> Tensor:
        """Tell of an aggregation; gives what the network goes on with, in the shape it had.

        Args:
            seen: the aggregation.
            lying: how its result lies.
            made_of: the numbers of aggregations that the features heard were made of.
        """
        seen.number, seen.after = self.told, made_of
        self.told += 1
        result = lying.back(self.seen(seen))
        self.origins.note_made_of(result, made_of | {seen.number})
        if len(lying.channels) == 1:
            self.origins.note_channels(result, lying.channels[0])
        return result

    def heard(
        self, known: Sequence[Origin], tensor: Tensor, axis: int, asking: Sequence[frozenset[int]] = ()
    ) -> Heard | None:
        """Which nodes came together along an axis, if any did.

        Args:
            known: origins of the elements of `tensor`, of size one along axes where they are all the same.
            tensor: what came together.
            axis: along which.
            asking: for each of `known` axes along which places lie that hear the same, as of queries in a product with
                values; none by default.
        """
        if tensor.shape[axis] < 2:
            return self._one_group(known, tensor, axis)
        pairs = zip(known, asking or (frozenset[int](),) * len(known))
        moved = [pair for pair in pairs if pair[0].moved and bool((pair[0].places.diff(dim=axis) != 0).any())]
        for certain in (True, False):  # first those that say along which axes the channels of a node lie
            for origin, apart in moved:
                for channel in origin.base.channels:
                    ids = origin.base.nodes(origin.places, channel)
                    if not bool((ids.diff(dim=axis) != 0).any()):
                        break  # over the channels of a node
                    same = tuple(at for at in channel_axes(ids, axis) if at not in apart)
                    if certain:
                        same = tuple(at for at in same if bool((origin.places.diff(dim=at) != 0).any()))
                    wide = [at for at in same if tensor.shape[at] > 1]
                    places = tuple(at for at in range(tensor.ndim) if at != axis and at not in same)
                    table = as_table(_whole(ids, same, tensor), same, places, axis)
                    varies = bool((table.diff(dim=0) != 0).any()) and bool((table.diff(dim=1) != 0).any())
                    if wide and varies and len(table) % self.images == 0 and len(table) > self.images:
                        centers, features = self._centers(known, tensor, axis, same, places, origin.base)
                        centers = order_of(origin, channel, len(table)) if centers is None else centers
                        return Heard(table, centers, origin.base, channel, same, places, features)
        return None

    def _one_group(self, known: Sequence[Origin], tensor: Tensor, axis: int) -> Heard | None:
        """Which of the groups made before each node hears, where it hears one alone: a mean of one, say."""
        for origin in known if tensor.shape[axis] else ():
            for channel in origin.base.channels if origin.moved else ():
                count = origin.base.tensor.numel() // origin.base.tensor.shape[channel]
                if count % self.images or count // self.images not in self.groups:
                    continue
                ids = origin.base.nodes(origin.places, channel)
                same = tuple(at for at in channel_axes(ids, axis) if bool((origin.places.diff(dim=at) != 0).any()))
                places = tuple(at for at in range(tensor.ndim) if at != axis and at not in same)
                table = as_table(_whole(ids, same, tensor), same, places, axis)
                if same and len(table) > count and bool((table.diff(dim=0) != 0).any()):
                    return Heard(table, None, origin.base, channel, same, places)
        return None

    def _centers(
        self,
        known: Sequence[Origin],
        tensor: Tensor,
        axis: int,
        same: tuple[int, ...],
        places: tuple[int, ...],
        heard: Base,
    ) -> tuple[Tensor | None, Tensor | None]:
        """Which node each place belongs to, that of the features that are the same for all its messages.

        Returns:
            The node of each place, and (B, C, N) their features where they are nodes of another tensor than `heard`.
        """
        for origin in known:
            if bool((origin.places.diff(dim=axis) != 0).any()):
                continue
            for channel in origin.base.channels:
                ids = origin.base.nodes(origin.places, channel)
                if all(bool((ids.narrow(at, 0, 1) == ids).all()) for at in same):
                    table = as_table(_whole(ids, same, tensor), same, places, axis)[:, 0]
                    if torch.equal(table.sort().values, torch.arange(len(table), device=table.device)):
                        apart = origin.base is not heard and len(table) % self.images == 0
                        return table, self._asking(origin.base, channel, table) if apart else None
        return None, None

    def _asking(self, base: Base, channel: int, table: Tensor) -> Tensor | None:
        """(B, C, N) features of the node of each place; None where places of an image belong to nodes of another."""
        own = table.view(self.images, -1)
        own = own - torch.arange(self.images, device=table.device)[:, None] * own.shape[1]
        if bool(((own < 0) | (own >= own.shape[1])).any()):
            return None
        features = base.features(self.images, channel)
        return features.gather(2, own[:, None].expand(-1, features.shape[1], -1))

    def tell(
        self, kind: str, tensor: Tensor, axis: int, heard: Heard, values: Tensor, correction: float = 0.0
    ) -> Tensor | None:
        """Say what was seen; gives the values to go on with, in the shape they had."""
        keys = heard.base.tensor.numel() // heard.base.tensor.shape[heard.channel]
        nodes = len(heard.ids) // self.images
        if keys % self.images:
            return None
        keys //= self.images
        ids = heard.ids.view(self.images, nodes, -1)
        first = torch.arange(self.images, device=ids.device)[:, None, None] * keys
        neighbors = torch.where(ids < 0, ids, ids - first)
        if bool(((neighbors >= keys) | (neighbors < -1)).any()):
            return None  # across images
        order = None if heard.centers is None or nodes != keys else heard.centers.argsort()
        if order is not None:
            neighbors = neighbors.flatten(0, 1)[order].view_as(neighbors)
        messages = messages_of(tensor, heard, axis, self.images, order)
        if bool((neighbors < 0).any()) and kind not in ("sum", "mean"):
            return None  # what stands in the padding would be heard
        left = [at - (at > axis) for at in range(tensor.ndim) if at != axis]
        assert values.ndim == len(left)
        lying = Lying(
            tuple(at - (at > axis) for at in heard.channels),
            tuple(at - (at > axis) for at in heard.places),
            values.shape,
            self.images,
            order,
        )
        y = heard.base.features(self.images, heard.channel)
        seen = Seen(kind, messages, neighbors, y, y, lying.to_nodes(values), nodes == keys, correction)
        if nodes != keys:
            seen.x = y.new_zeros(self.images, y.shape[1], nodes) if heard.asking is None else heard.asking
        return self.hand_on(seen, lying, self.origins.made_of(heard.base.tensor))


def order_of(origin: Origin, channel: int, places: int) -> Tensor | None:
    """(places,) which node hears at each place, where a network has sorted, rolled or cut its nodes before they hear.

    Who hears is counted as the nodes are that it hears from.
    """
    order = origin.order(channel)
    return order if order is not None and len(order) == places else None


def _whole(ids: Tensor, channels: Sequence[int], tensor: Tensor) -> Tensor:
    """Node numbers of the first channel at all places of a tensor."""
    for at in channels:
        ids = ids.narrow(at, 0, 1)
    return ids.expand([1 if at in channels else size for at, size in enumerate(tensor.shape)])

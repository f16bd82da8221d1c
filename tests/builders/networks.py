"""A small vision GNN of the toolkit's own, written the textbook way, so that its tests need no real network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn


def select(features, index):
    """(B, C, N, k) of (B, C, M, 1) and (B, N, k)."""
    batch, channels, keys = features.shape[:3]
    flat = index + torch.arange(batch, device=index.device).view(-1, 1, 1) * keys
    table = features.transpose(2, 1).reshape(batch * keys, channels)
    return table[flat.reshape(-1)].view(*index.shape, channels).permute(0, 3, 1, 2).contiguous()


class TextbookConv(nn.Module):
    """Every usual graph convolution with both gathers; also "concat" (mr, not interleaved), "softmax", "spread"."""

    def __init__(self, kind, channels):
        super().__init__()
        self.kind = kind
        groups, given = (2, 2 * channels)
        if kind == "gin":
            groups, given = 1, channels
            self.eps = nn.Parameter(torch.tensor([0.3]))
        if kind == "sage":
            self.nn1 = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.GELU())
        self.nn = nn.Sequential(
            nn.Conv2d(given, 2 * channels, 1, groups=groups), nn.BatchNorm2d(2 * channels), nn.GELU()
        )

    def forward(self, x, edge_index, y=None):
        neighbors = select(x if y is None else y, edge_index[0])
        centers = select(x, edge_index[1])
        if self.kind == "mr":
            message = (neighbors - centers).max(-1, keepdim=True).values
            both = torch.cat([x.unsqueeze(2), message.unsqueeze(2)], dim=2)
            return self.nn(both.reshape(x.shape[0], 2 * x.shape[1], x.shape[2], 1))
        if self.kind == "concat":
            message = (neighbors - centers).max(-1, keepdim=True).values
            return self.nn(torch.cat([x, message], dim=1))
        if self.kind == "edge":
            return self.nn(torch.cat([centers, neighbors - centers], dim=1)).max(-1, keepdim=True).values
        if self.kind == "sage":
            return self.nn(torch.cat([x, self.nn1(neighbors).max(-1, keepdim=True).values], dim=1))
        if self.kind == "gin":
            return self.nn((1 + self.eps) * x + neighbors.sum(-1, keepdim=True))
        if self.kind == "spread":
            return self.nn(torch.cat([x, neighbors.logsumexp(-1, keepdim=True)], dim=1))
        weight = (neighbors * centers).sum(1, keepdim=True).softmax(-1)
        return self.nn(torch.cat([x, (weight * neighbors).sum(-1, keepdim=True)], dim=1))


class Dilated(nn.Module):
    def __init__(self, dilation):
        super().__init__()
        self.dilation = dilation

    def forward(self, edge_index):
        return edge_index[:, :, :, :: self.dilation]


class KNN(nn.Module):
    def __init__(self, k, dilation):
        super().__init__()
        self.k, self.dilation = k, dilation
        self._dilated = Dilated(dilation)

    def forward(self, x, y=None, relative_pos=None):
        with torch.no_grad():
            x = F.normalize(x, dim=1)
            y = x if y is None else F.normalize(y, dim=1)
            a, b = x.flatten(2).transpose(1, 2), y.flatten(2).transpose(1, 2)
            distance = (a**2).sum(-1, keepdim=True) - 2 * a @ b.transpose(1, 2) + (b**2).sum(-1)[:, None]
            if relative_pos is not None:
                distance = distance + relative_pos
            nearest = (-distance).topk(self.k * self.dilation).indices
            centers = torch.arange(a.shape[1]).view(1, -1, 1).expand_as(nearest)
        return self._dilated(torch.stack([nearest, centers]))


class Static(nn.Module):
    """Hands the edge tensor on to the module that uses it."""

    def __init__(self, kind, channels):
        super().__init__()
        self.gconv = TextbookConv(kind, channels)

    def forward(self, x, edge_index, y=None):
        return self.gconv(x, edge_index, y)


class Dynamic(nn.Module):
    def __init__(self, kind, channels, k, dilation, reduction):
        super().__init__()
        self.reduction = reduction
        self.static = Static(kind, channels)
        self.knn = KNN(k, dilation)

    def forward(self, x, relative_pos=None):
        batch, channels, height, width = x.shape
        y = None
        if self.reduction > 1:
            y = F.avg_pool2d(x, self.reduction, self.reduction).reshape(batch, channels, -1, 1)
        x = x.reshape(batch, channels, -1, 1)
        return self.static(x, self.knn(x, y, relative_pos), y).reshape(batch, -1, height, width)


class Grapher(nn.Module):
    def __init__(self, kind, channels, k, dilation, reduction, nodes, positions):
        super().__init__()
        self.fc1 = nn.Sequential(nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels))
        self.graph_conv = Dynamic(kind, channels, k, dilation, reduction)
        self.fc2 = nn.Sequential(nn.Conv2d(2 * channels, channels, 1), nn.BatchNorm2d(channels))
        keys = nodes // reduction**2
        self.relative_pos = nn.Parameter(0.1 * torch.randn(1, nodes, keys), requires_grad=False) if positions else None

    def forward(self, x):
        return self.fc2(self.graph_conv(self.fc1(x), self.relative_pos)) + x


class Bottleneck(nn.Module):
    """Overwrites what it is given, as the published one does."""

    def __init__(self, channels):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = self.conv(F.relu(self.norm(x), inplace=True))
        out += x
        return out


class SmallGNN(nn.Module):
    """Pixels (B, 3, 24, 16) to a 6 x 4 grid, `depth` blocks, 5 classes. Square roots of N do not help here."""

    def __init__(self, kind="mr", channels=6, depth=3, k=4, dilation=1, reduction=1, positions=False, grid=(6, 4)):
        super().__init__()
        self.stem = nn.Conv2d(3, channels, 4, stride=4)
        nodes = grid[0] * grid[1]
        self.backbone = nn.Sequential(
            *(
                nn.Sequential(Grapher(kind, channels, k, dilation, reduction, nodes, positions), Bottleneck(channels))
                for _ in range(depth)
            )
        )
        self.head = nn.Linear(channels, 5)

    def forward(self, pixels):
        return self.head(self.backbone(self.stem(pixels)).mean((2, 3)))


def seeded_net(kind="mr", *, seed=0, dtype=torch.float64, **options):
    """A `SmallGNN` with random weights and batch-norm statistics, in eval mode and float64 unless told."""
    generator = torch.Generator().manual_seed(seed)
    net = seeded(lambda: SmallGNN(kind, **options), seed, torch.float32)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1, generator=generator)
            module.running_var.uniform_(0.5, 1.5, generator=generator)
    return net.to(dtype)


def seeded_pixels(images=2, *, seed=1, dtype=torch.float64, size=(24, 16)):
    """Random pixels (images, 3, 24, 16)."""
    return torch.randn(images, 3, *size, generator=torch.Generator().manual_seed(seed)).to(dtype)


def seeded(build, seed=0, dtype=torch.float64):
    """What `build` makes, its weights from this seed, in eval mode; torch's own random state stays as it was."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return build().to(dtype).eval()


def hooks_on(net):
    """How many hooks of any kind, torch's and PyG's, stand on the modules of a network."""
    names = (
        "_forward_hooks",
        "_forward_pre_hooks",
        "_backward_hooks",
        "_message_forward_hooks",
        "_aggregate_forward_pre_hooks",
        "_aggregate_forward_hooks",
        "_propagate_forward_pre_hooks",
    )
    return sum(len(getattr(module, name, ())) for module in net.modules() for name in names)

"""The modules of a network, quickly: every explanation looks at them several times."""

from __future__ import annotations

from torch import nn


def modules_of(network: nn.Module) -> list[nn.Module]:
    """What `network.modules()` gives, in its order, in a fraction of its time: it goes up and down by generators."""
    modules: list[nn.Module] = []
    seen: set[int] = set()
    todo = [network]
    while todo:
        module = todo.pop()
        if id(module) not in seen:
            seen.add(id(module))
            modules.append(module)
            if module._modules:
                todo += [child for child in reversed(module._modules.values()) if child is not None]
    return modules

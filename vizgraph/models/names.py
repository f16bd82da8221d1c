"""The architectures by name. Imports nothing heavy, so that a misspelled one costs nothing."""

from __future__ import annotations

from viz_nodes.text import quoted
from vizgraph.errors import UsageError, did_you_mean

ARCHITECTURES = (
    "graphconvnet_ti",
    "graphconvnet_s",
    "graphconvnetp_ti",
    "graphconvnetp_s",
    "vig_ti",
    "vig_s",
    "vig_b",
    "pvig_ti",
    "pvig_s",
    "pvig_m",
    "pvig_b",
    "gcn_demo",
    "vig_demo",
)
SHORT_NAMES = {
    "gcn_ti": "graphconvnet_ti",
    "gcn_s": "graphconvnet_s",
    "gcnp_ti": "graphconvnetp_ti",
    "gcnp_s": "graphconvnetp_s",
}


def list_models() -> list[str]:
    """The architectures by their timm names, the published eleven, then the small `gcn_demo` and `vig_demo`."""
    return list(ARCHITECTURES)


def resolve(name: str) -> str:
    """The timm name of an architecture given by that or by its short name.

    Raises:
        UsageError: no such architecture; the message has the nearest names.
    """
    name = SHORT_NAMES.get(name, name)
    if name in ARCHITECTURES:
        return name
    hint = did_you_mean(name, (*ARCHITECTURES, *SHORT_NAMES), count=3)
    raise UsageError(f"no architecture is called {quoted(name)}; {hint}")

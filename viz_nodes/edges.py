"""Moved to `viz_nodes.graphs.edges`; this path goes with the next release."""

import warnings

from viz_nodes.graphs.edges import *  # noqa: F403

warnings.warn(
    "viz_nodes.edges is now viz_nodes.graphs.edges; the old path goes with the next release",
    DeprecationWarning,
    stacklevel=2,
)

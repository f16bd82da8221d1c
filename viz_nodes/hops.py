"""Moved to `viz_nodes.graphs.hops`; this path goes with the next release."""

import warnings

from viz_nodes.graphs.hops import *  # noqa: F403

warnings.warn(
    "viz_nodes.hops is now viz_nodes.graphs.hops; the old path goes with the next release",
    DeprecationWarning,
    stacklevel=2,
)

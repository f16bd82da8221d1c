"""Moved to `viz_nodes.metrics.benchmark`; this path goes with the next release."""

import warnings

from viz_nodes.metrics.benchmark import *  # noqa: F403

warnings.warn(
    "viz_nodes.scoring is now viz_nodes.metrics.benchmark; the old path goes with the next release",
    DeprecationWarning,
    stacklevel=2,
)

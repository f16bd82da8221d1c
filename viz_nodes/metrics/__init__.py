"""How far an explanation can be trusted: deletion and insertion, localization, sanity checks, tables of methods."""

from viz_nodes.grids import node_of_pixel
from viz_nodes.metrics.benchmark import COLUMNS, FIGURES, METHODS, RANDOM, score, score_images, summary
from viz_nodes.metrics.cascade import cascade_images, cascade_summary, sane
from viz_nodes.metrics.intervals import apart, interval
from viz_nodes.metrics.localization import energy_inside, pointing_game
from viz_nodes.metrics.perturbation import Curve, blank_image, edge_curve, node_curve, ranking
from viz_nodes.metrics.randomization import parameter_randomization, randomized, rank_correlation
from viz_nodes.metrics.road import road

__all__ = [
    "COLUMNS",
    "FIGURES",
    "METHODS",
    "RANDOM",
    "Curve",
    "apart",
    "blank_image",
    "cascade_images",
    "cascade_summary",
    "edge_curve",
    "energy_inside",
    "interval",
    "node_curve",
    "node_of_pixel",
    "parameter_randomization",
    "pointing_game",
    "randomized",
    "rank_correlation",
    "ranking",
    "road",
    "sane",
    "score",
    "score_images",
    "summary",
]

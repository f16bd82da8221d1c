"""The parts vision graph networks are made of, one idea a file."""

from vizgraph.layers.ffn import FFN, Bottleneck
from vizgraph.layers.graph_conv import GRAPH_CONVS, DynamicGraphConv, EdgeConv, GINConv, GraphSAGEConv, MRConv
from vizgraph.layers.grapher import Grapher
from vizgraph.layers.knn import KNNGraph
from vizgraph.layers.pos_embed import relative_position, resize_position
from vizgraph.layers.stem import Downsample, Stem

__all__ = [
    "FFN",
    "GRAPH_CONVS",
    "Bottleneck",
    "Downsample",
    "DynamicGraphConv",
    "EdgeConv",
    "GINConv",
    "GraphSAGEConv",
    "Grapher",
    "KNNGraph",
    "MRConv",
    "Stem",
    "relative_position",
    "resize_position",
]

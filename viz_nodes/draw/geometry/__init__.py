"""Numbers without matplotlib: curves of edges, the layout of a figure, which nodes and edges are drawn."""

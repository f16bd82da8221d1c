"""What is put on an Axes: photograph, nodes, edges, bars, words."""

"""What `vizgraph render` does with an image, and with ten thousand of them.

It lies in `cli` because it joins `vizgraph` and `viz_nodes`, which only `cli` may. In the order of the data: `names`
and `inputs` (which images, which folder each), `request` (what is asked), `network` (one pass a batch), `item` (an
explanation becomes the files of a folder, `manifest` last), `painters` (processes that do so), `batches` (all of it for
a stream of images, with `locks` and `journal`), `on_ray` (the same on Ray Data). `aggregates` and `aggregate_figures`
read the results.
"""

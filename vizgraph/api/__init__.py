"""What the command line can do, as functions: `vizgraph.render`, `compare`, `explore`, `score`, `summarize`, `verify`.

Each lies in the file of its name, returns an object with `paths` (what was written), `table` (the numbers, a pandas
DataFrame) and `record()` (all of it as JSON holds it), raises errors of `vizgraph.errors`, and prints nothing: what a
person may want to know on the way goes to the logger "vizgraph", and a bar is shown with `progress=True`.
"""

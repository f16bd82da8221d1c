"""Small networks of published designs, by the facts of their papers; the table in docs/adapters.md is of them.

`vizgraph check tests/builders/designs/[a-z]_*.py --image-size 112 --markdown` prints it. Each file is one family; what
a function's docstring says is the first column.
"""

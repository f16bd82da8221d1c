"""`python -m vizgraph`, for torchrun and for machines whose PATH lacks the script."""

from vizgraph.cli.main import main

if __name__ == "__main__":
    main(prog_name="vizgraph")

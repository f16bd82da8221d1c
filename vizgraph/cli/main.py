"""`vizgraph`: the group of commands, each in the file of its name, loaded when it is asked for.

To add a command `count`:

1. `vizgraph/api/count.py`: the function of Python's face, `count(model_or_arch, images, out, *, ..., progress=False)`.
   It raises errors of `vizgraph.errors` (wrap it in `as_ours()`), prints nothing (`logging.getLogger(__name__)`, and
   `viz_nodes.progress.progress(show=progress)` for a bar), checks options, then inputs, then loads weights
   (`vizgraph.api.networks.load`), and returns a frozen dataclass with `paths`, `table` where there are numbers, and
   `record()`. Tables are written by `vizgraph.api.tables.write_table`: CSV, LaTeX, PDF, and what was asked.
2. Its name in `_HOME` of `vizgraph/__init__.py`.
3. `vizgraph/cli/count.py`: `command`, made by `vizgraph_command("count", options.weights, options.img, ...)` from a
   function that asks 1 and returns an `Answer(record, lines, code)`. Options come from `vizgraph.cli.options`, so that
   each means the same everywhere; --json, --quiet, --verbose and --debug are there by themselves.
4. A line in `COMMANDS` below, and one in docs/command-line.md and docs/python.md.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

import vizgraph
from viz_nodes.text import quoted
from vizgraph.cli.errors import OneLineErrors
from vizgraph.errors import did_you_mean

COMMANDS = {
    "demo": "Render bundled images with the bundled checkpoint, offline.",
    "render": "Figures for an image, several images, or a folder.",
    "compare": "The same image through several models, checkpoints or targets.",
    "figure": "The figures papers print, of several images and networks.",
    "explore": "The interactive page, one offline HTML file.",
    "train": "Train a network from a config file.",
    "evaluate": "Accuracy, calibration and localization of a checkpoint.",
    "models": "The architectures, their published figures, and where the weights are.",
    "ablate": "Does the graph matter? Answers with other edges, and with fewer.",
    "profile": "A network by depth: what its layers know and how they connect.",
    "score": "Faithfulness and sanity figures for explanation methods.",
    "report": "A results section about networks: text, tables, figures, every number a cell of a CSV.",
    "summarize": "Aggregates over a folder of explanations.",
    "check": "What is proven of a network of your own, and what is not.",
    "verify": "Re-render a figure and check that it shows what it says.",
}


class _LazyGroup(OneLineErrors):
    """A group that imports `vizgraph.cli.<name>` (attribute `command`) only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"vizgraph.cli.{name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS:
            ctx.fail(f"unknown command {quoted(args[0])}; {did_you_mean(args[0], COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(vizgraph.__version__, prog_name="vizgraph")
def main() -> None:
    """Show what a vision graph network looked at, and whom its patches asked."""

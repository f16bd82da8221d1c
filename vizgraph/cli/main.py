"""`vizgraph`: the group of commands, each in the file of its name, loaded when it is asked for."""

from __future__ import annotations

import difflib
import importlib

import click

import vizgraph
from vizgraph.cli.errors import OneLineErrors

COMMANDS = {
    "demo": "Render bundled images with the bundled checkpoint, offline.",
    "render": "Figures for an image, several images, or a folder.",
    "compare": "The same image through several models, checkpoints or targets.",
    "explore": "The interactive page, one offline HTML file.",
    "train": "Train a network from a config file.",
    "evaluate": "Accuracy, calibration and localisation of a checkpoint.",
    "models": "The architectures, their published figures, and where the weights are.",
    "score": "Faithfulness and sanity figures for explanation methods.",
    "summarize": "Aggregates over a folder of explanations.",
    "verify": "Re-render a figure and check that it shows what it says.",
}


class _LazyGroup(OneLineErrors):
    """A group that imports `vizgraph.cli.<name>` (attribute `command`) only when that command runs."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        return importlib.import_module(f"vizgraph.cli.{name}").command

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(self, ctx, args):
        if args and args[0] not in COMMANDS:
            near = difflib.get_close_matches(args[0], COMMANDS, n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else f"; choose from {', '.join(COMMANDS)}"
            ctx.fail(f"unknown command {args[0]!r}{hint}")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(vizgraph.__version__, prog_name="vizgraph")
def main() -> None:
    """Show what a vision graph network looked at, and whom its patches asked."""

"""Part of `vizgraph.report`: the methods in words, the document around the sections, and the PDF that LaTeX makes."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vizgraph.api.report_sources import OF_METHOD, of_network
from vizgraph.api.report_text import Ledger, Studied
from vizgraph.api.tables import escaped

_LONGEST = 120
"""Seconds that a run of LaTeX may take."""
_log = logging.getLogger(__name__)
DOCUMENT = r"""\documentclass[10pt]{article}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,graphicx}
\usepackage[numbers]{natbib}
\pdfinfoomitdate=1 \pdftrailerid{} \pdfsuppressptexinfo=-1
\setlength{\abovecaptionskip}{5pt}\setlength{\belowcaptionskip}{5pt}\renewcommand{\arraystretch}{1.35}
\renewcommand{\topfraction}{.9}\renewcommand{\textfraction}{.05}\renewcommand{\floatpagefraction}{.8}
\setcounter{topnumber}{4}\setcounter{totalnumber}{6}
\makeatletter\setlength{\@fptop}{0pt}\setlength{\@fpsep}{16pt}\makeatother
\begin{document}
\section{Results}
\input{results}
\section{Methods}
\input{methods}
\bibliographystyle{plainnat}
\bibliography{references}
\end{document}
"""


def methods_text(
    studies: Sequence[Studied], ledger: Ledger, about: Mapping[str, Any], more: Sequence[str] = ()
) -> tuple[str, list[str]]:
    """What was measured, in words, with versions and options; and the keys of the papers that it cites.

    Args:
        about: what was asked, and of how many images.
        more: paragraphs of other parts.
    """
    cited: list[str] = []

    def cite(*keys: str | None) -> str:
        known = [key for key in keys if key is not None]
        cited.extend(known)
        return rf"~\cite{{{','.join(known)}}}" if known else ""

    options: Mapping[str, Any] = about["options"]
    number = ledger.words
    networks = "; ".join(
        f"{ledger.code(study.name, 'name')}{cite(of_network(study.arch))} ({number(study.weights, 'weights')})"
        for study in studies
    )
    versions = ", ".join(f"{escaped(name)} {number(value, 'version')}" for name, value in about["versions"].items())
    maps = ", ".join(f"{escaped(name)}{cite(OF_METHOD.get(name))}" for name in options["methods"])
    edges = ", ".join(f"{escaped(name)}{cite(OF_METHOD.get(name))}" for name in options["edge_methods"])
    share = number("0.2", "fraction of each node's edges compared under noise")
    tenth = number("0.1", "probability of a perturbation, and deviation of noise")
    paragraphs = [
        f"Networks: {networks}. Images: {number(about['count'], 'images')} ({number(about['data'], 'data')}). What is "
        f"random has seed {number(options['seed'], 'seed')}. Versions: {versions}.",
        "Other graphs. Each graph layer, each group of layers up to one, and all layers were run with no edges, "
        "with edges of nodes to themselves only, with random nodes, with the nearest nodes of the grid, without "
        "dilation where there is any, and with the graph of another image in the place of the network's own. "
        "Graphs of all other layers were held as they had been built (frozen), or built anew by the network "
        "(rebuilt). Cutting edges makes features that a network has not seen, which is why the replacements are "
        "told beside it.",
        "Edges. So much of every node's edges, of all layers at once, was cut in the order of a method, and given back "
        f"to a network without edges, in {number(options['steps'], 'steps of the curves')} steps, graphs held. The "
        "difference is the area of insertion minus the area of deletion, after i-WiViG"
        f"{cite('obadic2025iwivig')}; fidelity is told in the files as GraphFramEx and PyTorch Geometric define it"
        f"{cite('amara2022graphframex', 'fey2019pyg')}. Signed scores are of the class that the probability is of, "
        "which favors them, so areas of the accuracy against the true label are told as well where labels are known.",
        *more,
        "Depth. The head of the network was put on the features of each layer; similarity and distance of neighbors "
        f"after Chaidos et al.{cite('chaidos2025explaining')}, diversity of features after ViG{cite('han2022vig')}.",
        f"Explanations. Methods for nodes: {maps or 'none'}; for edges: {edges or 'none'}. Nodes were painted over, "
        f"the best first, or uncovered on a blurred image{cite('petsiuk2018rise')}. "
        f"Infidelity{cite('yeh2019infidelity')} is over {number(options['samples'], 'perturbations')} "
        f"perturbations that take each node or edge with probability {tenth}, with the scale that fits best, as a "
        "fraction of that of an explanation that says nothing. Stability is under Gaussian noise of "
        f"{tenth} of the image's standard deviation, "
        f"{number(options['draws'], 'noisy images')} draw{'' if options['draws'] == 1 else 's'}: rank correlation of "
        "maps; for edges the Jaccard index "
        f"of the first {share} of each node's edges, in the graphs that the network builds on the noisy image. "
        f"Complexity is the entropy{cite('bhatt2020evaluating')}. Pointing: whether the "
        f"peak{cite('zhang2018excitation')}, or the edge with the highest score, comes from the object, where masks "
        "are known. Maps of a network with shuffled weights"
        f"{cite('adebayo2018sanity')} are compared in the files.",
        f"Intervals are {number('95', 'level')}\\,\\% percentile bootstrap intervals{cite('efron1993bootstrap')}, "
        "images resampled. Where two overlap the text says tie. Where all images gave the same, an interval has no "
        "width; that the next image would give it, too, does not follow.",
    ]
    return "\n\n".join(paragraphs) + "\n", list(dict.fromkeys(cited))


def compiled(files: Mapping[str, bytes]) -> tuple[bytes | None, str]:
    """The PDF of `report.tex` among these files, and why there is none where there is none."""
    programs = [shutil.which(name) for name in ("pdflatex", "bibtex")]
    if None in programs:
        return None, "pdflatex or bibtex is not installed; run pdflatex, bibtex, pdflatex, pdflatex on report"
    latex, bibtex = (str(program) for program in programs)
    # What LaTeX puts into a file is the same at any time and place.
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "FORCE_SOURCE_DATE": "1", "openout_any": "p"}
    with tempfile.TemporaryDirectory() as folder:
        for name, data in files.items():
            Path(folder, name).write_bytes(data)
        setting = [latex, "-no-shell-escape", "-interaction=nonstopmode", "-halt-on-error", "report.tex"]
        for command in (setting, [bibtex, "report"], setting, setting):
            try:
                done = subprocess.run(
                    command, cwd=folder, env=environment, capture_output=True, timeout=_LONGEST, check=False
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                return None, f"{Path(command[0]).name} did not end well: {type(error).__name__}"
            if done.returncode:
                errors = [line for line in done.stdout.decode("latin-1").splitlines() if line.startswith("!")]
                return None, f"{Path(command[0]).name} failed: {errors[0] if errors else done.returncode}"
        return Path(folder, "report.pdf").read_bytes(), ""

"""The document that holds what a paper takes: it compiles alone, and its parts can be taken one by one."""

from collections.abc import Sequence

from benchmark.report.papers.latex import name, tex

PREAMBLE = r"""% Made by bench report --paper: latexmk -pdf paper.tex
% Take tables.tex, methods.tex, figures/ and references.bib into a paper of your own, with the packages below.
\documentclass[a4paper,10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{lmodern,textcomp}
\usepackage[margin=2.4cm]{geometry}
\usepackage{array,booktabs,graphicx}
\setlength{\emergencystretch}{3em}
\begin{document}
"""
ENDING = r"""
\bibliographystyle{plain}
\bibliography{references}
\end{document}
"""


def document(figures: Sequence[str]) -> str:
    """The whole.

    Args:
        figures: floats, see `interval_float` and the others.
    """
    parts = [
        r"\section*{Results}",
        r"\input{tables}",
        *figures,
        r"\clearpage",
        r"\section*{Methods}",
        r"\input{methods}",
    ]
    return PREAMBLE + "\n".join(parts) + ENDING


def interval_float(file: str, place: int, metric: str) -> str:
    """All rows of a table with their intervals."""
    caption = (
        f"All rows of Table~\\ref{{tab:results-{place}}}: {tex(metric)} with its 95\\,\\% interval. Filled circles: "
        "cannot be told apart from the row that stands first; squares: rules that see no disease."
    )
    return _figure(file, caption, f"fig:intervals-{place}")


def curve_float(file: str, place: int) -> str:
    """ROC and reliability of the rows that have them."""
    caption = (
        f"Rows of Table~\\ref{{tab:results-{place}}} on the test images, one training each: ROC (above) and "
        "reliability (below), each class against the others, with pointwise 95\\,\\% bands."
    )
    return _figure(file, caption, f"fig:curves-{place}")


def heat_float(files: Sequence[tuple[str, str]], place: int) -> str:
    """Mean heat maps, each a file and the row that it is of."""
    lines = [r"\begin{figure}[htbp]", r"\centering"]
    for file, row in files:
        lines += [
            rf"\parbox{{\linewidth}}{{\footnotesize {name(row)}}}\par",
            _included(file, "0.8\\linewidth"),
            r"\par\medskip",
        ]
    caption = "Mean heat map of each class, one training of each row; no image of the dataset is in it."
    return "\n".join([*lines, rf"\caption{{{caption}}}", rf"\label{{fig:heat-{place}}}", r"\end{figure}", ""])


def _figure(file: str, caption: str, label: str) -> str:
    picture = _included(file, r"\ifdim\width>\linewidth\linewidth\else\width\fi")
    lines = [r"\begin{figure}[htbp]", r"\centering", picture, rf"\caption{{{caption}}}", rf"\label{{{label}}}"]
    return "\n".join([*lines, r"\end{figure}", ""])


def _included(file: str, width: str) -> str:
    if width.startswith("\\ifdim"):
        return rf"\resizebox{{{width}}}{{!}}{{\includegraphics{{figures/{file}}}}}"
    return rf"\includegraphics[width={width}]{{figures/{file}}}"

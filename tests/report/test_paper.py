"""What a paper takes: tables, figures, methods and bibliography, which compile whatever the records say."""

import importlib.util
import inspect
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.comparison.compare import compare
from benchmark.comparison.external import external_tables
from benchmark.comparison.external_tables import Found
from benchmark.evaluation import external_rows
from benchmark.records.curves import Band, ClassCurves, Curves, Reliability
from benchmark.records.drawings import CurveFigure, IntervalFigure
from benchmark.records.files import write
from benchmark.report.papers.bibliography import WORKS, bibtex, by_doi, by_number
from benchmark.report.papers.document import PREAMBLE
from benchmark.report.papers.drawn import figures, heat_maps
from benchmark.report.papers.latex import digest, name, tex
from benchmark.report.papers.methods import Methods
from benchmark.report.papers.tables import elsewhere, results, unused
from registry.lookup import entries
from tests import factories
from tests.externals import evaluation
from tests.factories import A, B, C, family

LATEX = shutil.which("pdflatex")
EVIL = r"\input{/etc/passwd} a_b & 50% #1 $x$ {~^} <>| `--' ,, ?` \end{table} é ő ß Δ 中 😀 " + "\x07\u202e"
TRUE_INTERVAL = r"0\.\d{3} \[0\.\d{3}, 0\.\d{3}\]"


def unescaped(text):
    """What of a text commands LaTeX, once its known escapes are taken away."""
    known = r"\\(?:text[a-z]+|ensuremath|times|pm|leq|geq|rightarrow|Delta|kappa|alpha|beta|mu|circ|star|ldots|S|pounds"
    known += (
        r"|guillemot(?:left|right)|ss|ae|AE|o|O|oe|OE|l|L|allowbreak|[`'^~=u.\"rHvck](?=\{))(?![a-zA-Z])|\\[{}$&#%_]"
    )
    left = re.sub(r"\\ensuremath\{[^{}]*\}", "", text)
    return re.findall(r"[\\$&#%_^~]", re.sub(known, "", left))


def balance(text):
    """Depth of the braces at the end, and the lowest on the way."""
    depth, lowest = 0, 0
    for one in re.findall(r"(?<!\\)(?:\\\\)*([{}])", text):
        depth += 1 if one == "{" else -1
        lowest = min(lowest, depth)
    return depth, lowest


def compiled(folder, body):
    """The log of a document with our preamble."""
    (folder / "t.tex").write_text(f"{PREAMBLE}{body}\n\\end{{document}}\n", encoding="utf-8")
    command = [LATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "t.tex"]
    told = subprocess.run(command, cwd=folder, capture_output=True, timeout=120)
    log = (folder / "t.log").read_text(encoding="latin-1")
    assert told.returncode == 0, log[-1500:]
    return log


@given(st.text())
def test_no_text_commands_anything_and_no_character_is_outside_of_ascii(text):
    for made in (tex(text), name(text)):
        assert made.isascii()
        assert unescaped(made) == []
        assert balance(made) == (0, 0)


def test_characters_are_set_as_what_they_are():
    assert tex("a_b & 50 %") == r"a\_b \& 50 \%"
    assert tex("é ő ç Å") == r"\'{e} \H{o} \c{c} \r{A}"
    assert tex("--option <x>") == r"-{}-option \textless{}x\textgreater{}"
    assert tex("中") == "{[}U+4E2D{]}"
    assert tex("a\nb\x1b") == "a b "
    assert digest("0123456789ab") == r"\texttt{01234567\allowbreak{}89ab}"


def tables():
    """Two pipelines that cannot be told apart, one that is worse, and one that failed."""
    records = [factories.record(value, pipeline=A, seed=seed) for seed, value in enumerate((0.95, 0.94))]
    records += [factories.record(value, pipeline=B, seed=seed) for seed, value in enumerate((0.94, 0.94))]
    records += [factories.record(value, pipeline=C, seed=seed) for seed, value in enumerate((0.70, 0.71))]
    records += [factories.failed("oom", pipeline="none+xception+dense")]
    records += [factories.controls({"border": 0.6})]
    return records, compare(records, test=family(0.02)).tables


def row_of(text, start):
    """The cells of the row that begins so."""
    lines = [line for line in text.splitlines() if line.endswith(r"\\%")]
    (line,) = [line for line in lines if re.sub(r"\\(textbf\{|allowbreak\{\})", "", line).startswith(start)]
    return [cell.strip() for cell in line.removesuffix(r"\\%").split(" & ")]


def test_a_table_marks_its_tie_group_and_has_intervals_and_n():
    _, (table,) = tables()
    text = results(table, 1)
    first, second, third = (row_of(text, one) for one in (A, B, C))
    assert first[0].endswith(r"\textsuperscript{a}") and second[0].endswith(r"\textsuperscript{a}")
    assert "textsuperscript" not in third[0]
    assert re.fullmatch(rf"\\textbf{{{TRUE_INTERVAL}}}", first[1]) and re.fullmatch(TRUE_INTERVAL, third[1])
    assert "300" in first
    assert (
        r"\textsuperscript{a}~Tie group: cannot be told apart from unet+\allowbreak{}sepcnn+\allowbreak{}dense" in text
    )
    assert r"\multicolumn" in "".join(row_of(text, r"none+xception+dense")) and "machine had no memory left" in text
    assert "\\midrule\ncontrol: " in text  # rules apart from pipelines
    assert r"\ensuremath{-}0.2" in "".join(third)  # a difference below 0 has a minus, not a hyphen
    columns = len(first)
    assert len(re.search(r"\\begin\{tabular\}\{@\{\}(.*?)@\{\}\}", text)[1]) == columns


def test_a_tie_of_one_is_not_marked():
    records = [factories.record(value, pipeline=A, seed=seed) for seed, value in enumerate((0.95, 0.94))]
    records += [factories.record(value, pipeline=C, seed=seed) for seed, value in enumerate((0.70, 0.71))]
    (table,) = compare(records, test=family(0.02)).tables
    assert "Tie group" not in results(table, 1) and r"\textsuperscript{a}" not in results(table, 1)


def hostile():
    dataset = msgspec.structs.replace(factories.record().dataset, name=EVIL, origin=EVIL, notices=[EVIL], licence=EVIL)
    records = [
        factories.record(0.9, pipeline=f"{EVIL}+a+b", seed=seed, dataset=dataset, notes=[EVIL], task=EVIL)
        for seed in (0, 1)
    ]
    return records, compare(records, test=family(0.02)).tables


def everything(records, found):
    """Tables and methods."""
    external = external_tables([Found(evaluation(pipeline=EVIL), Path("nowhere"))], lambda: external_rows)
    text = [results(table, place) for place, table in enumerate(found, 1)]
    text += [elsewhere(table, place) for place, table in enumerate(external, 1)]
    text += [Methods(table, records, lambda kind, own: "").text(1) for table in found]
    return "\n".join([*text, unused(EVIL, [EVIL])])


def test_environments_and_braces_close_whatever_the_records_say():
    text = everything(*hostile())
    assert balance(text) == (0, 0)
    for environment in set(re.findall(r"\\begin\{(\w+)\}", text)):
        assert text.count(rf"\begin{{{environment}}}") == text.count(rf"\end{{{environment}}}")
    assert r"\input" not in text and text.isascii()


@pytest.mark.skipif(LATEX is None, reason="no pdflatex here")
def test_it_compiles_whatever_the_records_say(tmp_path):
    letters = "".join(map(chr, [*range(33, 127), *range(161, 384), 0x2013, 0x2192, 0x0394, 0x4E2D]))
    log = compiled(tmp_path, everything(*hostile()) + "\n\n" + name(letters))
    assert "Missing character" not in log


def test_methods_say_what_was_done_and_cite_it():
    records, (table,) = tables()
    said = {"xception": "Xception (Chollet 2017, arXiv:1610.02357)", "unet": "Mine (arXiv:2501.01234)"}
    methods = Methods(table, records[:6], lambda kind, own: said.get(own, ""))
    text = methods.text(1)
    cited = {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}
    assert cited == {work.key for work in methods.works}
    assert {"larose-pagesy", "chollet2017", "arxiv-2501.01234", "platt1999", "wilson1927", "zou2008"} <= cited
    assert "nadeau2003" not in cited and "delong1988" not in cited  # neither folds nor AUROC
    assert "Training seeds: 0, 1." in text
    whole = re.sub(r"\\allowbreak\{\}", "", text)
    assert records[0].dataset.digest in whole and records[0].split.digest in whole
    assert "2.21.0" in text and "2 cores of an Example CPU" in text


def test_folds_and_areas_cite_their_methods():
    records = factories.folds([0.9, 0.91, 0.92], pipeline=A) + factories.folds([0.8, 0.81, 0.82], pipeline=C)
    (table,) = compare(records, metric="auroc", test=family(0.02)).tables
    ranking = msgspec.structs.replace(table.ranking, pairs=1, untested="") if table.ranking else None
    methods = Methods(msgspec.structs.replace(table, ranking=ranking), records, lambda kind, own: "")
    methods.text(1)
    keys = {work.key for work in methods.works}
    assert {"delong1988", "obuchowski1997"} <= keys
    assert ("nadeau2003" in keys) == (ranking is not None)


def test_the_database_is_cited_by_the_papers_that_its_origin_names():
    from registry.datasets.covid_radiography import covid_radiography

    source = inspect.getsource(inspect.unwrap(covid_radiography))
    assert [work.key for work in by_doi(source)] == ["chowdhury2020", "rahman2021"]
    assert by_doi("elsewhere (doi:10.1000/182)") == []


def test_every_work_that_a_component_names_is_known():
    """Their sources are read, not imported: a summary is the first line of a docstring in them."""
    found = [entry for kind in ("backbone", "head", "segmenter") for entry in entries(kind).values()]
    modules = {entry.module for entry in found if entry.distribution == "cxr-bench"}
    sources = {module: Path(importlib.util.find_spec(module).origin).read_text() for module in modules}
    known = {work.key for work in WORKS}
    assert {work.key for text in sources.values() for work in by_number(text)} <= known
    lines = [line for text in sources.values() for line in text.splitlines() if line.startswith('    """')]
    assert {"chollet2017", "ronneberger2015", "oktay2018", "chen2016"} <= {work.key for work in by_number(str(lines))}


def test_the_bibliography_is_bibtex():
    text = bibtex([*WORKS, *WORKS, *by_number("arXiv:2501.01234")])
    keys = re.findall(r"^@\w+\{([^,]+),$", text, re.MULTILINE)
    assert len(keys) == len(set(keys)) == len(WORKS) + 1
    assert text.isascii() and balance(text) == (0, 0)
    dois = [work.doi for work in WORKS if work.doi]
    assert len(dois) == len(set(dois)) and all(re.fullmatch(r"10\.\d{4,9}/\S+", one) for one in dois)
    rahman = next(work for work in WORKS if work.key == "rahman2021")
    assert (rahman.fields["volume"], rahman.fields["pages"]) == ("132", "104319")


def curves():
    """A rule that is right half of the time, with bands of ± .1."""
    band = Band([0.0, 0.5, 1.0], [0.0, 0.4, 0.9], [0.1, 0.6, 1.0])
    one = ClassCurves("COVID", 30, 90, band, band, Reliability([0.1, 0.5, 0.9], band, [30, 30, 30]), band)
    grid = [0.0, 0.5, 1.0]
    return Curves(grid, grid, grid, {"": [one]})


def test_figures_are_of_what_the_table_and_the_runs_say(tmp_path):
    _, (table,) = tables()
    folder = tmp_path / "first"
    folder.mkdir()
    (folder / "curves.json").write_bytes(msgspec.json.encode(curves()))
    places = {run.run: folder for row in table.rows[:1] for run in row.runs}
    drawn = figures(table, 3, lambda run: places.get(run.run, tmp_path))
    intervals, lines = drawn
    assert isinstance(intervals, IntervalFigure) and isinstance(lines, CurveFigure)
    assert (intervals.file, lines.file) == ("intervals-3.pdf", "curves-3.pdf")
    shown = {row.name: row for row in intervals.rows}
    assert shown[A].tied and shown[B].tied and not shown[C].tied
    assert shown["control: border"].control and (shown[A].low, shown[A].high) == pytest.approx((0.925, 0.965))
    (panel,) = lines.panels
    assert panel.title == "COVID: 30 of 90 test images" and [line.name for line in panel.roc] == [f"{A}, seed 0"]
    assert panel.roc[0].low == [0.0, 0.4, 0.9] and panel.reliability[0].x == [0.1, 0.5, 0.9]


def test_a_picture_that_was_changed_is_not_taken(tmp_path):
    from benchmark.records.contents import listing

    record = factories.record()
    (tmp_path / "mean-heat.png").write_bytes(b"a picture")
    listed = msgspec.structs.replace(record, files=listing(tmp_path))
    write(listed, tmp_path)
    (table,) = compare([record, factories.record(seed=1)], test=family(0.02)).tables
    assert [row for row, _ in heat_maps(table, lambda run: tmp_path, lambda run: listed)] == [A]
    (tmp_path / "mean-heat.png").write_bytes(b"another")
    assert list(heat_maps(table, lambda run: tmp_path, lambda run: listed)) == []

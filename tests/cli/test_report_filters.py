"""`bench report` asked for some of the runs, in this process and without predictions."""

import pytest

from benchmark.records.files import write
from tests import factories
from tests.factories import A, B


@pytest.fixture
def results(tmp_path):
    for seed in range(2):
        for pipeline in (A, B):
            run = factories.record(0.9, pipeline=pipeline, seed=seed)
            write(run, tmp_path / "results" / run.run)
    return tmp_path / "results"


def test_the_page_has_the_runs_that_are_asked_for_and_says_what_was_left_out(bench_in_process, results):
    page = results.parent / "page.html"
    asked = ("--task", "binary", "--where", "seed=0", "--where", f"pipeline={A}")
    code, out, _ = bench_in_process("report", results, "-o", page, *asked)
    assert code == 0 and "at most 1 row;" in out
    text = page.read_text(encoding="utf-8").replace("<wbr>", "")
    assert f"<p>3 of 4 runs left out: 2 by --where seed=0, 1 by --where pipeline={A}.</p>" in text
    assert "seed 1 left out by --where seed=0" in text and B not in text
    code, _, _ = bench_in_process("report", results, "-o", page)
    assert code == 0 and "left out by" not in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("more", [(), ("--paper",)])
def test_where_nothing_is_left_nothing_is_written(bench_in_process, results, more):
    target = results.parent / "target"
    code, out, told = bench_in_process("report", results, "-o", target, "--where", "seed=7", *more)
    assert (code, out, target.exists()) == (3, "", False)
    assert "bench: 4 of 4 runs left out by --where seed=7, and nothing is left\n" in told


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (("--task", "binari"), "no task named 'binari'; did you mean binary"),
        (("--since", "soon"), "--since 'soon' is no length of time and no date"),
        (("--card", "run", "--where", "seed=0"), "--card is of one run; leave"),
        (("--card", "run", "--metric", "auroc"), "--card is of one run; leave"),
        (("--paper", "--rows", A), "--rows is for the page; leave it out with --paper"),
    ],
)
def test_what_cannot_be_meant_is_refused(bench_in_process, results, flags, complaint):
    folder = () if "--card" in flags else (results,)
    code, _, told = bench_in_process("report", *folder, *flags)
    assert code == 2 and complaint in " ".join(told.split())

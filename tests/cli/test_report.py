"""`bench report` on what a command has left: the page, older records, a browser, edited curves, a card, a paper."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmark.comparison.aggregates import Aggregate
from benchmark.report.screening import Decided, amount, between, screened
from tests.commands import Bench, once_run, one_line
from tests.report.test_paper import LATEX, compiled

pytestmark = pytest.mark.slow

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SET = """<script>
const box = document.querySelector(".screen"), number = box.querySelector("[inputmode=decimal]");
number.value = "10";
number.dispatchEvent(new Event("input"));
document.querySelector("#t1-t thead button").click();
const filter = document.querySelector(".filter input");
if (filter) { filter.value = "control majority"; filter.dispatchEvent(new Event("input")); }
</script></body>"""


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return once_run(tmp_path_factory)


def reported(bench: Bench, *arguments: object, output: str = "report.html") -> str:
    told = bench.call("report", bench.results, "-o", bench.root / output, *arguments)
    assert told.returncode == 0, told.stderr
    assert re.fullmatch(r".*report\.html: 1 table, curves and pictures for at most \d+ rows; \d+ kB\n", told.stdout)
    return (bench.root / output).read_text(encoding="utf-8")


def run_folder(bench: Bench) -> Path:
    (folder,) = (path.parent for path in bench.results.rglob("gallery.json"))
    return folder


def test_a_run_keeps_what_a_page_needs_and_lists_it(bench):
    folder = run_folder(bench)
    listed = json.loads((folder / "result.json").read_bytes())["files"]
    assert (folder / "curves.json").stat().st_size == listed["curves.json"]["size"] <= 20_000
    assert (folder / "gallery.json").stat().st_size == listed["gallery.json"]["size"] <= 250_000
    controls = next(path for path in bench.results.rglob("curves.json") if path.parent != folder)
    assert set(json.loads(controls.read_bytes())["of"]) >= {
        "source-oracle",
        "grey-histogram",
        "border",
        "thumbnail-8x8",
    }


def test_the_page_has_curves_of_the_run_and_of_rules_and_the_images_of_the_split(bench):
    page = reported(bench)
    assert page.count("<figcaption>ROC<") >= 5
    shown = json.loads((run_folder(bench) / "gallery.json").read_bytes())["pictures"]
    split = (run_folder(bench) / "split.csv").read_text().splitlines()
    assert {one["id"] for one in shown} <= {line.split(",")[0] for line in split if "test" in line}
    assert all(one["film"] in page for one in shown)


def test_a_record_without_curves_is_scored_again_for_them(bench, tmp_path):
    root = shutil.copytree(bench.results, tmp_path / "results")
    folder = next(path.parent for path in root.rglob("gallery.json"))
    before = (folder / "curves.json").read_bytes()
    (folder / "curves.json").unlink()
    told = bench.call("report", root, "-o", tmp_path / "report.html")
    assert told.returncode == 0
    (wanted,) = re.findall(r"bench (score) and the run", (tmp_path / "report.html").read_text())
    assert bench.call(wanted, folder).returncode == 0
    (scored,) = root.rglob("*-scored-*/curves.json")
    assert scored.read_bytes() == before
    told = bench.call("verify", root, "--json")
    assert {one["file"] for one in json.loads(told.stdout)["findings"] if one["kind"] == "left-out"} == {"curves.json"}


def test_curves_that_were_changed_are_found_and_so_are_pictures(bench, tmp_path):
    root = shutil.copytree(bench.results, tmp_path / "results")
    for name in ("curves.json", "gallery.json"):
        path = next(path.parent for path in root.rglob("gallery.json")) / name
        path.write_text(path.read_text().replace("1", "2"))
    told = bench.call("verify", root, "--json")
    assert told.returncode == 5
    found = json.loads(told.stdout)["findings"]
    assert {one["file"] for one in found if one["kind"] == "edited"} == {"curves.json", "gallery.json"}
    assert any("curves.json" in one["what"] for one in found if one["kind"] == "contradicted")


def test_what_cannot_be_written_or_found_is_one_line(bench, tmp_path):
    assert "no row named 'resnet'" in one_line(bench.call("report", bench.results, "--rows", "resnet"))
    assert "cannot be written" in one_line(bench.call("report", bench.results, "-o", "/dev/null/page.html"))
    assert "no results at" in one_line(bench.call("report", tmp_path / "nowhere"))
    assert "--card is of one run" in one_line(bench.call("report", bench.results, "--card", run_folder(bench)))
    told = bench.call("report", tmp_path)
    assert (told.returncode, told.stdout) == (3, "")
    assert not (bench.root / "report.html").exists() or "nowhere" not in (bench.root / "report.html").read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_in_a_browser_the_script_runs_under_the_policy_and_reckons_as_the_page_was_written(bench, tmp_path):
    page = reported(bench)
    drawn = shown_by_a_browser(page, tmp_path / "page.html")
    assert drawn.count('<th scope="col" aria-sort="none"><button type="button">') > 10  # ours has run
    inserted = shown_by_a_browser(page.replace("</body>", SET), tmp_path / "inserted.html")
    assert re.search(r'class="at">2\.0<', inserted)  # another script has not
    without = re.sub(r"<meta http-equiv=Content-Security-Policy[^>]*>", "", page).replace("</body>", SET)
    changed = shown_by_a_browser(without, tmp_path / "changed.html")
    assert re.search(r'class="at">10\.0<', changed)
    row = re.search(r'<tr data-p0="([^"]+)"[^>]*><th scope="row">[^<]*(?:<wbr>[^<]*)*</th>(.*?)</tr>', changed)
    assert row is not None
    values = [float(one) for one in row[1].split()]
    found = screened(Decided(Aggregate(*values[:3], 0), Aggregate(*values[3:], 0)), 0.1)
    hit = amount(found.alarms_per_hit) if found.alarms_per_hit is not None else "–"
    expected = [*map(amount, (found.found, found.missed, found.alarms)), hit, between(found.ppv), between(found.npv)]
    assert re.findall(r"<td>([^<]*)", row[2]) == expected
    assert 'aria-sort="ascending"' in changed


def shown_by_a_browser(page: str, path: Path) -> str:
    path.write_text(page, encoding="utf-8")
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={path.parent / 'browser'}"]
    told = subprocess.run(
        [CHROMIUM, *flags, "--dump-dom", path.as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    return told.stdout


def test_a_card_is_written_as_markdown_and_as_a_page(tmp_path_factory):
    bench = once_run(tmp_path_factory)
    run = next(bench.results.glob("tiny/none-*"))
    told = bench.call("report", "--card", run)
    assert told.returncode == 0 and told.stdout.startswith("# Model card: none+sepcnn"), told.stderr
    written = bench.call("report", "--card", run, "-o", bench.root / "cards" / "card.html")
    assert written.returncode == 0, written.stderr
    text = (bench.root / "cards" / "card.html").read_text()
    assert "data:image/png;base64," in text  # its mean heat
    assert ".md or .html" in one_line(bench.call("report", "--card", run, "-o", bench.root / "card.pdf"))
    assert "no run" in one_line(bench.call("report", "--card", bench.root / "nowhere"))
    record = run / "result.json"
    record.write_bytes(
        record.read_bytes()
        .replace(b'"status":"ok"', b'"status":"failed"')
        .replace(b'"status": "ok"', b'"status": "failed"')
    )
    assert bench.call("report", "--card", run).returncode == 5


def test_a_paper_is_written_as_a_document_that_is_complete(tmp_path_factory):
    bench = once_run(tmp_path_factory)
    folder = bench.root / "paper"
    told = bench.call("report", "--paper", bench.results, "-o", folder)
    assert told.returncode == 0, told.stderr
    named = [line for line in told.stdout.splitlines() if line.strip()]
    assert sorted(named) == sorted(str(path) for path in folder.rglob("*") if path.is_file())
    whole = (folder / "paper.tex").read_text()
    for file in re.findall(r"\\includegraphics(?:\[[^]]*\])?\{([^}]*)\}", whole):
        assert (folder / file).is_file()
    for file in ("intervals-1.pdf", "curves-1.pdf"):
        content = (folder / "figures" / file).read_bytes()
        assert content.startswith(b"%PDF") and b"/Type3" not in content  # fonts that journals take
    assert len(list(csv.reader((folder / "results.csv").read_text().splitlines()))) > 2
    bibliography = (folder / "references.bib").read_text()
    text = (folder / "methods.tex").read_text()
    for key in {key for keys in re.findall(r"\\cite\{([^}]*)\}", text) for key in keys.split(",")}:
        assert f"{{{key}," in bibliography
    if LATEX:
        assert "LaTeX Error" not in compiled(folder, r"\input{tables}\input{methods}")

"""The page of `bench report`: answers, tables, curves, pictures, and that it does nothing but show them."""

import base64
import hashlib
import html.parser
import re
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from benchmark.comparison.compare import compare
from benchmark.comparison.costs import cost_tables
from benchmark.comparison.external import external_tables
from benchmark.comparison.external_tables import Found
from benchmark.comparison.tables import Comparison
from benchmark.evaluation import external_rows
from benchmark.evaluation.calibration import softmax
from benchmark.evaluation.curves import Outputs, curves, encoded
from benchmark.records import files
from benchmark.records.curves import FILE as CURVES
from benchmark.records.curves import read_curves
from benchmark.records.estimate import Estimate
from benchmark.records.gallery import FILE as GALLERY
from benchmark.records.gallery import Gallery, Picture, read_gallery
from benchmark.records.record import Failure
from benchmark.report.panels import uniform
from benchmark.report.website import website
from registry.errors import UnknownNameError
from tests import factories
from tests.externals import evaluation
from tests.factories import A, B, C, family

ATTRIBUTES = {
    "aria-hidden", "aria-label", "aria-labelledby", "aria-live", "charset", "checked", "class", "colspan", "content",
    "cx", "cy", "d", "data-first", "data-of", "data-p0", "data-p1", "data-p2", "height", "hidden", "href", "http-equiv",
    "id", "inputmode", "lang", "max", "min", "name", "open", "preserveaspectratio", "r", "role", "scope", "size",
    "step", "tabindex", "text-anchor", "transform", "type", "value", "viewbox", "width", "x", "y",
}  # fmt: skip
HOSTILE = "<script>alert(1)</script>\"'&\x00\x1b[31m\u202egnp.exe\ud800</title></style>"
PIXEL = base64.b64encode(b"\xff\xd8 not a picture").decode()


class Reader(html.parser.HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def of(self, name: str) -> list[str]:
        return [value or "" for _, other, value in self.attributes if other == name]


def kept(root: Path, runs, pictures: bool = True) -> None:
    """Folders of runs with curves and pictures."""
    rng = np.random.default_rng(0)
    for place, run in enumerate(runs):
        folder = root / run.run
        folder.mkdir(parents=True, exist_ok=True)
        files.write(run, folder)
        targets = rng.integers(0, len(run.classes), 200)
        logits = rng.normal(size=(200, len(run.classes))) + 2 * np.eye(len(run.classes))[targets]
        rules = list(run.controls) if run.of_controls else [""]
        outputs = {rule: Outputs(logits, softmax(logits)) for rule in rules}
        found = curves(run.classes, run.positive, targets, outputs, np.arange(200), 0, 30)
        (folder / CURVES).write_bytes(encoded(found))
        if pictures and not run.of_controls:
            shown = [Picture(f"film-{n}", "COVID", "Non-COVID", 0.4, PIXEL, heat=f"AAA{place}") for n in range(3)]
            (folder / GALLERY).write_bytes(msgspec.json.encode(Gallery("Grad-CAM", 128, 128, shown)))


@pytest.fixture
def results(tmp_path):
    """Two pipelines over two seeds, one that failed, and rules that see no disease."""
    runs = [
        factories.record(value, pipeline=name, seed=seed) for name, value in ((A, 0.95), (B, 0.94)) for seed in (0, 1)
    ]
    runs += [factories.failed("oom", pipeline=C)]
    runs += [factories.controls({"majority": 0.5, "source-oracle": 0.96, "grey-histogram": 0.7})]
    kept(tmp_path, [run for run in runs if run.status == "ok"])
    return compare(runs, test=family(0.02)), lambda run: tmp_path / run.run


def made(results, **changes) -> tuple[str, Reader]:
    comparison, folder_of = results
    page = website(comparison, changes.pop("costs", []), changes.pop("external", []), folder_of, **changes)
    return page, Reader(page)


def test_six_questions_are_answered_before_any_table(results):
    page, read = made(results)
    answers = read.text[read.text.index("In short") : read.text.index("All rows")]
    assert f"Who leads? {A} stands first with 0.950" in answers
    assert (
        f"Is it more than noise? No: {B} may be as good, and so may a rule that sees no disease (source-oracle)."
        in answers
    )
    assert f"What explains it trivially? No gain of {A} over a rule that knows only the source can be shown" in answers
    assert f"between {A} and {B} is found in about 80 %" in answers and "--seeds" not in answers
    assert f"Which runs failed? 1 run failed: {C} (s0: oom)." in answers
    assert f"Where does the model look? {A}: the lung" in answers or f"Where does the model look? {A}: lung" in answers
    # 0.94 and 0.96 in the factory: of 20 diseased 18.8 are found, of 980 others 39.2 alarmed
    assert f"Would it help at 2% prevalence? Of 1,000 people 20 have COVID: {A} finds 18.8, misses 1.2" in answers
    assert "39.2 false alarms, 2.1 for each one found" in answers
    assert "All this only if the score is the disease's" in answers
    assert page.index("The question and the data") < page.index("In short") < page.index("<table")


def test_a_table_says_which_rows_cannot_be_told_apart(results):
    page, read = made(results)
    (sheet,) = re.findall(r'<table id="t1-t".*?</table>', page, re.S)
    rows = re.findall(r"<tr[^>]*><th scope=row>(.*?)<td>(.*?)<td>", sheet)
    groups = {re.sub(r"<wbr>|<small>.*", "", name): group for name, group in rows}
    assert (groups[A], groups[B], groups["control: source-oracle"]) == ("first", "tied", "tied")
    assert groups["control: grey-histogram"] == "behind"
    assert "0.950 [0.930, 0.970]" in page
    assert read.of("colspan")  # the row that failed spans the columns


def test_nothing_is_asked_of_another_host_and_nothing_runs_but_the_page_itself(results):
    page, read = made(results)
    (policy,) = (value for tag, name, value in read.attributes if name == "content" and "default-src" in (value or ""))
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for tag in ("style", "script"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not {"link", "iframe", "object", "embed", "img", "base"} & {*read.tags}
    assert not {"src", "style", "action", "formaction", "srcset"} & {name for _, name, _ in read.attributes}
    assert not [name for _, name, _ in read.attributes if name.startswith("on")]
    assert all(link.startswith(("#", "data:image/")) for link in read.of("href"))
    assert not re.search(r"https?:|url\(|@import|fetch\(|XMLHttp|import\(", page)


def test_links_within_the_page_lead_somewhere_and_names_are_unique(results):
    _, read = made(results)
    names = read.of("id")
    assert len(names) == len({*names})
    assert {link[1:] for link in read.of("href") if link.startswith("#")} <= {*names}
    assert {*read.of("aria-labelledby")} <= {*names}


def test_readers_of_the_screen_and_of_the_keyboard_find_their_way(results):
    page, read = made(results)
    assert read.tags.count("table") == read.tags.count("caption")
    assert all(re.search(r"scope=(col|row)", head) for head in re.findall(r"<th[ >][^>]*>", page))
    drawings = re.findall(r"<svg [^>]*>", page)
    assert drawings and all(re.search(r'role="?img"? aria-label="|aria-hidden', one) for one in drawings)
    assert 'class=skip href="#main"' in page and "<html lang=en>" in page
    assert page.count("tabindex=0") == page.count("role=region")  # what scrolls can be reached


def test_charts_have_bands_and_say_whose(results):
    page, read = made(results)
    for title in ("ROC", "Precision and recall", "Reliability", "Net benefit"):
        assert page.count(f"<figcaption>{title}<") == 4  # two pipelines, two rules; majority's one answer has none
    assert "Line and 95 % band, pointwise: seed 0; thin: 1 other training." in read.text
    assert page.count('class="b0"') == 4 * 3  # reliability has bars
    assert "nan" not in " ".join(read.of("d")).lower()


def test_the_same_images_stand_in_one_row_for_all_pipelines(results):
    page, read = made(results)
    (gallery,) = re.findall(r"<table class=gallery>.*?</table>", page, re.S)
    assert gallery.count("<tr><th scope=row>") == 3
    assert gallery.count("data:image/png;base64,AAA") == 6  # two pipelines, of each the first seed
    assert page.count(PIXEL) == 1  # a film is on the page once
    assert f"{A}, seed 0: Grad-CAM on film-0: says Non-COVID (wrong), gives COVID 0.400" in read.of("aria-label")


def test_runs_without_curves_or_pictures_say_what_brings_them(results, tmp_path):
    for path in [*tmp_path.rglob(CURVES), *tmp_path.rglob(GALLERY)]:
        path.unlink()
    _, read = made(results)
    assert read.text.count("No curves are stored") == 1 and "of these rows: bench score" in read.text
    assert str(tmp_path) not in read.text
    assert "published without pictures of patients" in read.text


def test_rows_can_be_chosen_and_an_unknown_one_is_told(results):
    page, _ = made(results, rows=[B, "control: grey"])
    assert page.count("<figcaption>ROC<") == 2
    with pytest.raises(UnknownNameError, match="no row named 'resnet'"):
        made(results, rows=["resnet"])


def test_at_most_twelve_rows_have_curves_the_leading_group_and_controls_first(tmp_path):
    runs = [factories.record(0.95 - 0.002 * n, pipeline=f"none+sepcnn[width={n}]+dense") for n in range(20)]
    runs += [factories.controls({"majority": 0.5, "source-oracle": 0.6, "border": 0.7})]
    kept(tmp_path, runs, pictures=False)
    comparison = compare(runs, test=family(0.011))
    page, _ = made((comparison, lambda run: tmp_path / run.run))
    shown = re.findall(r"<details class=panel[^>]*><summary>(.*?) <span", page)
    assert len(shown) == 12
    assert [n for n in shown if n.startswith("none")][:6] == [f"none+sepcnn[width={n}]+dense" for n in range(6)]
    assert {name for name in shown if name.startswith("control")} == {"control: source-oracle", "control: border"}


def test_tables_of_reference_records_take_no_curves_from_ones_own_and_come_last(tmp_path):
    runs = [factories.record(0.95 - 0.002 * n, pipeline=f"none+sepcnn[width={n}]+dense") for n in range(15)]
    other = msgspec.structs.replace(runs[0].split, digest="another")
    shipped = [msgspec.structs.replace(one, split=other, run=f"shipped-{one.run}", task="vote") for one in runs[:3]]
    kept(tmp_path, [*runs, *shipped], pictures=False)
    tables = compare([*shipped, *runs], test=family(0.011)).tables
    tables = [msgspec.structs.replace(one, reference=one.tasks == ["vote"]) for one in tables]
    page, read = made((Comparison(tables), lambda run: tmp_path / run.run))
    assert page.count("<details class=panel") == 12
    assert re.findall(r"<h2 id=.t\d-h.>(.*?)</h2>", page.replace('"', "'"))[-1].startswith("reference: vote")
    assert "No curves and pictures here of 3 more rows" in read.text
    assert "No curves and pictures here of its rows" in read.text
    named, _ = made((Comparison(tables), lambda run: tmp_path / run.run), rows=["none+sepcnn[width=1]"])
    assert named.count("<details class=panel") == 2  # a row of each


def test_a_page_of_a_thousand_rows_has_at_most_500_kilobytes(tmp_path):
    runs = [
        factories.record(
            0.95 - 0.0004 * n, pipeline=f"unet+sepcnn[width={n}]+dense", notes=["30 steps are fewer than asked"]
        )
        for n in range(1000)
    ]
    comparison = compare(runs, test=family(0.02))
    page, _ = made((comparison, lambda run: tmp_path / run.run))
    assert page.count("<tr><th scope=row>unet") + page.count('<tr class="t"><th scope=row>unet') >= 1000
    assert len(page.encode()) <= 500_000


def test_nothing_that_a_file_says_becomes_markup(tmp_path):
    said = HOSTILE.replace("\ud800", "")  # which no JSON holds; names of files do
    run = factories.record(0.9, pipeline=said, task=said, classes=[said, "COVID"], positive="COVID", notes=[said])
    failure = Failure(cause="oom", stage=said, message=said, log=[said])
    lost = msgspec.structs.replace(factories.failed(pipeline=f"a{said}"), failure=failure)
    shown = [Picture(said, said, said, 0.5, PIXEL, heat="AAAA")]
    runs = [msgspec.structs.replace(run, run="one"), msgspec.structs.replace(lost, task=said)]
    kept(tmp_path, runs[:1])
    (tmp_path / "one" / GALLERY).write_bytes(msgspec.json.encode(Gallery(said, 10, 10, shown)))
    comparison = Comparison(compare(runs, test=family(0.02)).tables, [HOSTILE])
    page, read = made((comparison, lambda _: tmp_path / "one"))
    assert [read.tags.count(tag) for tag in ("script", "style", "title")] == [1, 1, 1]
    assert "alert(1)" in read.text and "<script>alert" not in page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f\u202e\ud800]", page)
    assert {name for _, name, _ in read.attributes} <= ATTRIBUTES
    page.encode("utf-8")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[" * 100_000, b'{"of": NaN}', b"\xff\xfe", b"null", b"1" * 50_000,
        b'{"false_positive_rate":[0],"recall":[1],"threshold":[0.5],"of":{"":[{"name":"a"}]}}',
        b'{"false_positive_rate":[9e999],"recall":[1],"threshold":[0.5],"of":{}}',
        b'{"method":"m","width":1,"height":1,"pictures":[{"id":"","label":"","decided":"","probability":1,'
        b'"film":"\\" onload=alert(1)"}]}',
        b'{"method":"m","width":' + b"9" * 5000 + b',"height":1,"pictures":[]}',
    ],
)  # fmt: skip
def test_files_that_are_no_curves_and_no_pictures_are_as_if_they_were_not_there(content, results, tmp_path):
    for name in (CURVES, GALLERY):
        for path in tmp_path.rglob(name):
            path.write_bytes(content)
    assert read_curves(path.parent) is None and read_gallery(path.parent) is None
    page, _ = made(results)
    assert "onload" not in page and "<figcaption>ROC<" not in page


def test_costs_are_drawn_and_listed(results):
    comparison, _ = results
    speeds = [factories.speed(A), factories.speed(B)]
    page, read = made(results, costs=cost_tables(comparison.tables, speeds))
    assert "What the pipelines cost" in read.text and "Score and cost" in read.text
    assert re.search(r"<td>[\d.]+ [kMG] \*", page)  # Pareto-optimal


def test_several_classes_are_told_apart_and_each_can_be_asked_for(tmp_path):
    names = ["COVID", "Lung_Opacity", "Normal"]
    runs = [factories.record(0.9, pipeline=name, classes=names, positive=None, task="multiclass") for name in (A, B)]
    kept(tmp_path, runs)
    page, _ = made((compare(runs, test=family(0.02)), lambda run: tmp_path / run.run))
    options = re.findall(r"<option [^>]*>([^<]*)", page)
    assert options == [f"{name}, likeliest class at equal shares" for name in names]
    assert [*dict.fromkeys(re.findall(r'<path class="(c\d)" d="M0,4H24"/></svg> (\S+)', page))] == [
        ("c0", "COVID"), ("c1", "Lung_Opacity"), ("c2", "Normal"),
    ]  # fmt: skip


def elsewhere_of(runs, **changes):
    """What evaluations of runs found elsewhere, as the tables of the page have it."""
    judged = [
        evaluation(0.6, **{"run": one.run, "pipeline": one.pipeline, "seed": one.seed, **changes}) for one in runs
    ]
    judged = [
        msgspec.structs.replace(
            one, pipeline_digest=run.pipeline_digest, drop={run.metric: Estimate(-0.35, -0.4, -0.3, 300)},
            internal=run.metrics,
        )
        for one, run in zip(judged, runs, strict=True)
    ]  # fmt: skip
    return external_tables([Found(one, Path()) for one in judged], lambda: external_rows)


def test_the_answers_say_what_the_first_row_scores_elsewhere_and_lead_there(results):
    comparison, _ = results
    first = comparison.tables[0].rows[0]
    assert first.pipeline == A
    page, read = made(results, external=elsewhere_of(first.runs))
    answers = read.text[read.text.index("In short") : read.text.index("All rows")]
    said = "On 300 images of elsewhere it scores 0.600"
    assert answers.count(said) == 2 and answers.count("a fall of 0.350 [0.300, 0.400].") == 2
    assert page.count('<a href="#x1">elsewhere</a>') == 2 and "x1" in read.of("id")
    # 0.59 and 0.61 in the factory: of 20 diseased 11.8 are found, of 980 others 382.2 alarmed
    assert "By the sensitivity 0.590 and specificity 0.610 found on elsewhere, 3.0 % [" in answers


def test_numbers_of_other_runs_are_not_said_of_the_first_row(results):
    comparison, _ = results
    rows = comparison.tables[0].rows
    other = msgspec.structs.replace(rows[0].runs[0], metrics=factories.metrics(0.9))  # of other images
    for runs in (rows[1].runs, [other]):
        assert "a fall of" not in made(results, external=elsewhere_of(runs))[1].text


def test_numbers_of_a_pipeline_of_the_same_name_and_score_on_other_images_are_not_said_of_the_first_row(results):
    comparison, _ = results
    runs = comparison.tables[0].rows[0].runs
    elsewhere = [msgspec.structs.replace(one, pipeline_digest="another") for one in runs]
    assert "a fall of" not in made(results, external=elsewhere_of(elsewhere))[1].text


def test_tables_of_one_title_are_told_apart_in_the_list_of_contents_and_above_them(tmp_path):
    first = factories.record(0.9, pipeline=A)
    other = msgspec.structs.replace(first, split=msgspec.structs.replace(first.split, digest="12345678" * 8))
    read = made((compare([first, other]), lambda run: tmp_path / run.run))[1]
    titles = [f"images, split {one.split.digest[:8]}" for one in (first, other)]
    assert all(read.text.count(title) >= 2 for title in titles)


def test_what_a_reader_must_know_of_the_data_is_in_no_fold(tmp_path):
    info = msgspec.structs.replace(
        factories.record().dataset, sources={}, notices=["3 of 9 images: a part"], licence="", origin="a hospital"
    )
    values = ((A, 0.95), (B, 0.94))
    runs = [factories.record(value, pipeline=name, dataset=info, controls={}) for name, value in values]
    kept(tmp_path, runs, pictures=False)
    page, _ = made((compare(runs, test=family(0.02)), lambda run: tmp_path / run.run))
    open_ = re.sub(r"<details.*?</details>", "", page, flags=re.S)
    for said in ("3 of 9 images: a part", "sources: unknown", "patients: unknown", "scored at least 2 times",
                 "were not searched for"):  # fmt: skip
        assert said in open_, said
    assert info.digest in page and info.digest not in open_
    assert "drawn by code" not in page
    assert open_.count("no rule that sees no disease was tested beside it; nothing excludes that the hospital was") == 2


def test_films_that_are_drawn_are_said_to_be_no_result_before_any_number(results):
    page, _ = made(results)
    assert page.index("nothing here is a result about patients") < page.index("In short")


def test_controls_that_nobody_tested_are_named_where_they_score_as_much(tmp_path):
    runs = [factories.record(0.95, pipeline=A), factories.controls({"border": 0.97, "grey-histogram": 0.6})]
    kept(tmp_path, runs, pictures=False)
    _, read = made((compare(runs), lambda run: tmp_path / run.run))  # without predictions nothing is tested
    assert "no control was tested against the first row" in read.text
    assert "Untested, but scoring at least as much: border (0.970). " in read.text
    assert "rules that see no disease score at least as much (third question)" in read.text


def test_numbers_stand_before_notes_and_what_the_rest_costs(results):
    page, _ = made(results)
    (sheet,) = re.findall(r'<table id="t1-t".*?</table>', page, re.S)
    titles = re.findall(r"<th scope=col>([^<]*)", sheet)
    assert titles[:4] == ["pipeline", "tie group", "balanced-accuracy", "Δ to first"]
    assert titles.index("auroc") < titles.index("sensitivity") < titles.index("n") < titles.index("parameters")
    assert re.search(r"<tr class=n><td colspan=\d+><div>s0: oom", sheet)  # why a run failed is seen at once


def test_a_difference_that_is_not_that_of_the_numbers_says_why(results):
    comparison, folder_of = results
    (table,) = comparison.tables
    rows = [
        msgspec.structs.replace(row, verdict=msgspec.structs.replace(row.verdict, value=0.0))
        if row.pipeline == B else row
        for row in table.rows
    ]  # fmt: skip
    changed = Comparison([msgspec.structs.replace(table, rows=rows)])
    said = (
        f"Δ +0.000 is over the seeds that both rows have; over all of its own {A} scores 0.950, which would give -0.010"
    )
    assert said in made((changed, folder_of))[1].text
    assert "over the seeds that both" not in made(results)[1].text


def test_a_picture_of_which_nothing_is_left_is_said_to_be_black():
    rng = np.random.default_rng(0)
    film = rng.integers(0, 255, (128, 100), np.uint8)
    lung = np.where(np.arange(100) < 3, film, 0).astype(np.uint8)  # a strip of it
    coded = [base64.b64encode(cv2.imencode(".jpg", one)[1].tobytes()).decode() for one in (film, lung, 0 * film)]
    assert [uniform(one) for one in coded] == [False, False, True]
    assert not uniform(PIXEL)


def test_the_words_of_the_page_are_explained(results):
    _, read = made(results)
    words = read.text[read.text.index("How to read it row") :]
    for term in ("group", "segmenter, backbone, head", "keras-file, frozen", "threshold", "source-oracle", "log-odds",
                 "Grad-CAM, occlusion", "ECE", "macro-F1", "Dice", "score interval"):  # fmt: skip
        assert f" {term} " in words, term
    assert "Pareto" not in read.text


def test_a_record_whose_labels_are_of_any_kind_has_a_table(tmp_path):
    run = factories.record(0.9)
    odd = msgspec.structs.replace(run, run="odd", spec={**run.spec, "classes": {"COVID": ["a", {"b": 1}], "rest": 3}})
    assert len(compare([run, odd]).tables) == 2

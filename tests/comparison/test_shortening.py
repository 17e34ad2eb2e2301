"""Names as short as tells the rows of one table apart; what short names leave out stands above the table."""

import io
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from benchmark.comparison.compare import compare
from benchmark.comparison.names import pipeline_meant
from benchmark.comparison.shortening import left_out_of_names, short_names, shortened
from benchmark.comparison.tables import Table
from benchmark.records.record import Record
from benchmark.report.export import flat, to_json
from benchmark.report.html import html
from benchmark.report.markdown import markdown
from benchmark.report.terminal import print_comparison
from registry.errors import ConfigError, UnknownNameError
from tests import factories
from tests.factories import A, C, family

FILE = "none+keras-file[path=weights/lite0.keras,mean=127.0,frozen=true] frozen+xgboost"
OTHER = "none+keras-file[path=weights/lite4.keras,mean=127.0,frozen=true] frozen+xgboost"
COMPONENTS = st.sampled_from(["unet", "sepcnn", "keras-file[path=a/x.keras]", "keras-file[path=b/x.keras,mean=1.0]"])


def short(*names: str) -> list[str]:
    found = short_names(names)
    return [found[name] for name in names]


def test_options_that_every_row_has_are_left_out() -> None:
    assert short(FILE) == ["none+keras-file frozen+xgboost"]
    assert left_out_of_names([FILE]) == {"keras-file": "path=lite0.keras, mean=127.0, frozen=true"}


def test_a_path_is_shown_as_its_files_name_where_it_tells_rows_apart() -> None:
    assert short(FILE, OTHER) == [
        "none+keras-file[lite0.keras] frozen+xgboost",
        "none+keras-file[lite4.keras] frozen+xgboost",
    ]
    assert left_out_of_names([FILE, OTHER]) == {"keras-file": "mean=127.0, frozen=true"}


def test_of_files_of_one_name_as_much_of_the_folder_is_shown_as_tells_them_apart() -> None:
    paths = ("/home/a/old/w.keras", "/home/a/new/w.keras")
    assert short(*(f"none+keras-file[path={path}]+dense" for path in paths)) == [
        "none+keras-file[old/w.keras]+dense",
        "none+keras-file[new/w.keras]+dense",
    ]


def test_an_option_that_one_row_has_at_its_default_is_shown_where_it_is_given() -> None:
    assert short("unet+sepcnn[filters=4,pairs=1]+dense", "unet+sepcnn[pairs=1]+dense", "none+unet[depth=2]+dense") == [
        "unet+sepcnn[filters=4]+dense",
        "unet+sepcnn+dense",
        "none+unet[depth=2]+dense",
    ]


def test_the_members_of_a_vote_are_shortened_like_rows() -> None:
    vote = f"soft({FILE}, unet+sepcnn+dense)"
    assert short(vote, FILE) == ["soft(none+keras-file frozen+xgboost, unet+sepcnn+dense)", short(FILE)[0]]


@pytest.mark.parametrize("name", ["none+keras-file[path=a]b]+dense", "a[b=c", "]", "", "x[=,]+[y"])
def test_a_name_that_cannot_be_read_keeps_its_rows_apart(name: str) -> None:
    assert len(set(short(name, A, FILE))) == 3


@given(st.lists(st.lists(COMPONENTS, min_size=1, max_size=3).map("+".join), min_size=1, max_size=6, unique=True))
def test_short_names_are_as_different_as_names(names: list[str]) -> None:
    found = short(*names)
    assert len(set(found)) == len(names)
    assert all(len(one) <= len(name) for one, name in zip(found, names, strict=True))


def trained(epochs: int, seed: int = 0, **changes: object) -> Record:
    base = factories.record(0.9 + epochs / 1000, seed=seed)
    spec = {**base.spec, "training": {**base.spec["training"], "epochs": epochs, **changes}}
    return msgspec.structs.replace(
        base, spec=spec, pipeline_digest=f"{epochs}{changes}", run=f"r{epochs}{changes}{seed}"
    )


def table(*records: Record, **options: str) -> Table:
    (found,) = compare(records, test=family(0.004), **options).tables  # type: ignore[arg-type]
    return found


def test_rows_that_differ_in_epochs_alone_say_so_in_a_word() -> None:
    rows = [row for row in table(trained(15), trained(5)).rows if not row.control]
    assert [row.pipeline for row in rows] == [f"{A} (training.epochs=15)", f"{A} (training.epochs=5)"]
    assert [row.name for row in rows] == [f"{A} (epochs 15)", f"{A} (epochs 5)"]


def test_a_word_that_could_mean_two_settings_is_not_used() -> None:
    records = [trained(15), trained(5)]
    spec = {**records[0].spec, "segmentation": {"epochs": 10}}
    other = {**records[1].spec, "segmentation": {"epochs": 4}}
    records = [msgspec.structs.replace(one, spec=own) for one, own in zip(records, (spec, other), strict=True)]
    names = [row.name for row in table(*records).rows if not row.control]
    assert names[0] == f"{A} (training.epochs 15, segmentation.epochs 10)"


def test_what_the_rows_differ_in_stands_above_the_table() -> None:
    found = table(trained(15), trained(5), factories.record(0.8, pipeline=C))
    assert found.differing == {"segmenter": ["unet", "none"], "training.epochs": ["15", "5", "16"]}
    assert not table(trained(15)).differing


@pytest.mark.parametrize(
    "text", [f"{A} (epochs 5)", f"{A} (epochs 5", f"{A} (training.epochs=5)", f"{A} (training.epochs=5"]
)
def test_the_row_to_test_against_is_meant_by_either_name_or_its_beginning(text: str) -> None:
    found = table(trained(15), trained(5), against=text)
    assert found.ranking and found.ranking.reference == f"{A} (training.epochs=5)"


def test_the_beginning_of_two_names_is_one_line() -> None:
    with pytest.raises(ConfigError, match=r"may be any of 2 pipelines: .*\(epochs 15\), .*\(epochs 5\); give more"):
        table(trained(15), trained(5), against=A)


def test_a_short_name_that_begins_another_one_is_meant_itself() -> None:
    assert pipeline_meant("a+b", ["a+b[x=1]", "a+bc"], {"a+b[x=1]": "a+b"}) == "a+b[x=1]"


def test_a_rule_cannot_be_tested_against_and_the_line_says_why() -> None:
    with pytest.raises(
        ConfigError, match="'majority' is a control, which every row is tested with in any case; name a"
    ):
        table(trained(15), against="majority")
    with pytest.raises(UnknownNameError, match="no pipeline named 'nothing'"):
        table(trained(15), against="nothing")


def test_people_see_short_names_and_programs_both() -> None:
    found = compare([trained(15), trained(5)], test=family(0.02))
    page = io.StringIO()
    print_comparison(Console(file=page, width=140), found)
    for text in (page.getvalue(), markdown(found), html(found)):
        assert f"{A} (epochs 15)" in text and "training.epochs=" not in text
        assert "Rows differ in training.epochs (15, 5)." in text
    _, rows = flat(found)
    own = (f"{A} (training.epochs=15)", f"{A} (epochs 15)")
    assert own in [(row["pipeline"], row["short_name"]) for row in rows]
    told = json.loads(to_json(found))["tables"][0]
    assert own in [(row["pipeline"], row["short_name"]) for row in told["rows"]]
    assert told["ranking"]["first"] == own[0] and own[1] in told["conclusion"]
    assert told["differing"] == {"training.epochs": ["15", "5"]}


def test_a_table_whose_names_are_short_is_left_as_it_is() -> None:
    found = table(factories.record(0.9), factories.record(0.8, pipeline=C))
    assert shortened(found) is found

"""The file that says how to cite the program fits the program, and names what it stands on."""

import tomllib
from pathlib import Path

import pytest

from benchmark.report.papers.bibliography import STUDY, WORKS

ROOT = Path(__file__).parent.parent
CITATION = ROOT / ".github" / "CITATION.cff"


@pytest.fixture(scope="module")
def citation():
    return CITATION.read_text(encoding="utf-8")


def top(citation, key):
    """A field of the file's own, not of one of its references."""
    (line,) = [line for line in citation.splitlines() if line.startswith(f"{key}:")]
    return line.partition(":")[2].strip().strip('"')


def test_the_version_is_that_of_the_program(citation):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert top(citation, "version") == project["version"]
    assert top(citation, "cff-version") == "1.2.0"


def test_it_has_the_fields_that_the_format_wants(citation):
    fields = {line.partition(":")[0] for line in citation.splitlines() if line[:1].isalpha()}
    assert {"cff-version", "message", "title", "authors"} <= fields
    assert "license" not in fields  # the owner has not chosen one


def test_the_study_and_both_papers_are_named_as_in_the_bibliography(citation):
    assert "Larose" in citation and "Pagesy" in citation and STUDY.key == "larose-pagesy"
    for key in ("chowdhury2020", "rahman2021"):
        work = next(one for one in WORKS if one.key == key)
        assert f"doi: {work.fields['doi']}" in citation
        assert f"volume: {work.fields['volume']}" in citation
        assert f"start: {work.fields['pages'].partition('--')[0]}" in citation
        families = work.fields["author"].count(" and ") + 1
        assert (
            citation.partition(f"doi: {work.fields['doi']}")[2].partition("- type:")[0].count("family-names")
            == families
        )

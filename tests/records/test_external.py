"""Evaluations on images of elsewhere: sealed, and never met as results of a run."""

from benchmark.records import external
from benchmark.records.external import External
from benchmark.records.files import scan
from benchmark.storage.files import Broken
from tests.externals import evaluation


def test_an_evaluation_is_read_as_it_was_written(tmp_path):
    path = external.write(evaluation(), tmp_path / "one")
    found = external.read(path)
    assert isinstance(found, External)
    assert found.seal and found.metrics == evaluation().metrics and found.subgroups == evaluation().subgroups


def test_an_edited_evaluation_cannot_be_used(tmp_path):
    path = external.write(evaluation(), tmp_path)
    path.write_text(path.read_text().replace('"n": 300', '"n": 3000'))
    found = external.read(path)
    assert isinstance(found, Broken) and "was changed after it was sealed" in found.reason
    assert isinstance(external.read(path, verified=False), External)


def test_an_evaluation_is_no_record_of_a_run(tmp_path):
    external.write(evaluation(), tmp_path / "external" / "one")
    met = []
    assert list(scan(tmp_path, others={external.FILE: met.append})) == []
    assert met == [tmp_path / "external" / "one" / "external.json"]

"""What was found of runs before holds for the files that it was found of."""

import os

import pytest

from benchmark.comparison.kept import KeptTrust, kept
from benchmark.records.files import PREDICTIONS, write
from benchmark.records.verdicts import Contender, Standing, Verdict, Verdicts
from tests import factories

RUN = factories.record()


@pytest.fixture
def folder(tmp_path):
    write(RUN, tmp_path / "run")
    (tmp_path / "run" / PREDICTIONS).write_bytes(b"honest")
    return tmp_path / "run"


def edit(path):
    """Other bytes, as many as before, and the time at which they were written set back."""
    state = path.stat()
    path.write_bytes(path.read_bytes()[::-1])
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (state.st_size, state.st_mtime_ns)


def test_a_run_is_asked_about_again_once_its_predictions_are_others_even_of_the_same_size_and_time(folder, tmp_path):
    asked = []

    def answer():
        trust = KeptTrust(lambda run, place, metric: asked.append(metric) or "", tmp_path / "cache")
        trust(RUN, folder, "accuracy")
        trust.keep()
        return len(asked)

    assert (answer(), answer()) == (1, 1)
    edit(folder / PREDICTIONS)
    assert (answer(), answer()) == (2, 2)


def test_rows_are_tested_again_once_predictions_are_others_even_of_the_same_size_and_time(folder, tmp_path):
    made = []

    def tested(rows, metric, reference, named):
        made.append(metric)
        return Verdicts([Standing()], [Verdict()], note="tested")

    verdicts = kept(lambda: tested, lambda run: folder, tmp_path / "cache")
    row = Contender("a", [RUN])
    assert [verdicts([row], "accuracy", 0, False).note for _ in range(2)] == ["tested"] * 2
    assert len(made) == 1
    edit(folder / PREDICTIONS)
    verdicts([row], "accuracy", 0, False)
    assert len(made) == 2

"""What the page says of an image: the vote by hand, and nothing of a file's name that a browser would execute."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.demo.answers import answered, check_votes, vote
from benchmark.execution.process import Outcome, WorkerFailedError
from benchmark.records.calibration import CalibrationInfo
from benchmark.records.prediction import IMPLAUSIBLE, NOT_FOR_DIAGNOSIS, UNLIKE, Answered, ImageAnswer
from registry.errors import ConfigError
from tests import factories

PRIOR = CalibrationInfo(data_prior={"Non-COVID": 0.75, "COVID": 0.25}, decisions="likeliest class at equal shares")


def standin(answer, classes=("Non-COVID", "COVID")):
    """A pipeline that says that, and draws."""

    def said(images, *, maps, pictures):
        if isinstance(answer, Exception):
            raise answer
        Path(pictures[0]).write_bytes(b"PNG")
        return Answered("Grad-CAM", [answer])

    record = factories.record(classes=classes, calibration=PRIOR)
    return SimpleNamespace(record=record, classes=list(classes), answered=said)


def test_the_vote_is_the_mean_and_decides_as_a_run_does(tmp_path):
    """.3 is more than COVID's share of a quarter: at equal shares it is likelier, though .7 is larger."""
    assert vote([[0.9, 0.1], [0.5, 0.5]], [[0.75, 0.25]] * 2) == ([0.7, 0.3], 1)
    assert vote([[0.9, 0.1], [0.7, 0.3]], [[0.75, 0.25]] * 2)[1] == 0
    one, other = (standin(ImageAnswer(probabilities=[1 - p, p], decided=0)) for p in (0.1, 0.5))
    page = answered([one, other], "film.png", "/films/film.png", tmp_path)
    assert "Vote of 2 (mean of their probabilities): COVID" in page
    assert "Non-COVID 0.700, COVID 0.300" in page and NOT_FOR_DIAGNOSIS in page
    assert page.count("data:image/png;base64,UE5H") == 2


def test_both_warnings_are_told(tmp_path):
    odd = ImageAnswer(probabilities=[0.5, 0.5], decided=1, unlike=True, implausible_mask=True)
    page = answered([standin(odd)], "film.png", "/films/film.png", tmp_path)
    assert UNLIKE in page and IMPLAUSIBLE in page and "Vote" not in page


@pytest.mark.parametrize("how", ["problem", "death"])
def test_names_and_problems_are_escaped(how, tmp_path):
    name = "<img src=x onerror=alert(1)>\x1b[31m.png"
    worker = WorkerFailedError(Outcome(cause="killed", message="<b>ended</b>"), None)
    answer = ImageAnswer(problem="films/x.png: <b>damaged</b>") if how == "problem" else worker
    page = answered([standin(answer)], name, "/films/x.png", tmp_path)
    assert "&lt;img src=x" in page and "<img" not in page and "<b>" not in page and "\x1b" not in page
    assert "cannot be used" in page


def test_runs_of_other_classes_cannot_vote():
    answer = ImageAnswer(probabilities=[0.5, 0.5])
    with pytest.raises(ConfigError, match="they cannot vote, so show them apart"):
        check_votes([standin(answer), standin(answer, ("Normal", "COVID"))])

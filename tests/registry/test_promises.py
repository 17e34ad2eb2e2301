"""Promises are tried one after the other, and told in a line each; nothing heavy is needed for it."""

import os
import subprocess
import sys

import pytest

from registry.checks.promises import Findings, Promise, Trial, check_given, one_line, shown, tally, try_all
from registry.errors import ContractError, OptionError, UnknownNameError, WeightsError


def finding(found):
    found.number = 3


def complaining(found):
    raise ContractError("one\ntwo")


def resting(found):
    assert found.nothing


def raising(found):
    raise KeyError("gone")


def lacking(found):
    raise WeightsError("no weights here; say weights=none")


def trials(*attempts):
    return [Trial(attempt.__name__, "Somewhere", attempt) for attempt in attempts]


def test_a_broken_promise_does_not_keep_the_others_from_being_tried():
    found, watched = Findings(), []
    promises = try_all(trials(complaining, finding, resting, raising), found, watched.append)
    assert [(promise.name, promise.kept) for promise in promises] == [
        ("complaining", False),
        ("finding", True),
        ("resting", None),
        ("raising", False),
    ]
    assert found.number == 3
    assert watched == ["complaining", "finding", "resting", "raising"]
    assert tally(promises) == "1 kept, 2 broken, 1 not tried"
    first, kept, untried, raised = (promise.text() for promise in promises)
    assert first == "BROKEN   complaining: one [registry/README.md, Somewhere]"
    assert kept == "ok       finding"
    assert untried == "-        resting: not tried, as it rests on a broken one above"
    assert raised.startswith("BROKEN   raising: raised KeyError: 'gone' (")
    assert f"{__file__}:{raising.__code__.co_firstlineno + 1})" in raised


def test_what_the_user_can_mend_is_no_broken_promise():
    with pytest.raises(WeightsError, match="say weights=none"):
        try_all(trials(lacking), Findings())


def test_what_is_shown_is_one_line_without_control_characters():
    assert one_line("\n  red \x1b[31mink\r\nsecond") == r"red \x1b[31mink"
    assert one_line(" \n") == ""


def test_all_that_are_broken_are_said_in_one_error_and_the_list_is_given_back(capsys):
    kept = [Promise("a", True)]
    assert shown(finding, kept) is kept
    assert capsys.readouterr().out == "finding\n  ok       a\n"
    with pytest.raises(ContractError, match=r"^finding: why; and: more$"):
        shown(finding, [*kept, Promise("b", False, "why"), Promise("c", None, "?"), Promise("d", False, "more")])


def component(*, size: int = 3): ...


def careless(*, size: int): ...


def test_options_that_it_does_not_have_are_the_callers_fault():
    check_given(component, {"size": 4})
    with pytest.raises(UnknownNameError, match="no option of component named 'seize'"):
        check_given(component, {"seize": 4})
    with pytest.raises(OptionError, match="takes int, received 'large'"):
        check_given(component, {"size": "large"})
    check_given(careless, {"size": 4})  # a promise of its own


def test_they_are_read_without_anything_heavy():
    code = "import sys, registry.checks.promises; print({'keras', 'numpy', 'sklearn'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


@pytest.mark.parametrize("module", ["networks", "voters"])
def test_in_a_script_nothing_but_promises_is_heard(module):
    """Not even what TensorFlow writes before it has read its settings."""
    code = f"import gc, sys; gc.disable(); import registry.checks.{module}; print('keras' in sys.modules)"
    cleared = {key: value for key, value in os.environ.items() if not key.startswith("TF_")}
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=cleared)
    assert (told.stdout, told.stderr) == ("True\n", "")

"""Whatever goes wrong in a look is a finding itself."""

import pytest

from benchmark.installation.findings import INSTALL, Finding, guarded
from registry.errors import ConfigError


def look(error):
    yield Finding("it", "ok", "first")
    raise error


@pytest.mark.parametrize(
    ("error", "text", "remedy"),
    [
        (ConfigError("it is a file; maybe mine; set BENCH_CACHE"), "it is a file; maybe mine", "set BENCH_CACHE"),
        (ConfigError("no remedy"), "no remedy", ""),
        (ModuleNotFoundError("No module named 'msgspec'"), "No module named 'msgspec'", INSTALL),
        (
            ZeroDivisionError("division by zero"),
            "could not be looked at: ZeroDivisionError: division by zero",
            "this is a fault of bench itself; say so to its authors",
        ),
    ],
)  # fmt: skip
def test_a_look_that_fails_is_wrong_and_what_it_found_before_stays(error, text, remedy):
    first, last = guarded("it", lambda: look(error))
    assert first.text == "first"
    assert (last.about, last.status, last.text, last.remedy) == ("it", "wrong", text, remedy)

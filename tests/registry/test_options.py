from typing import Annotated, Literal

import pytest

from registry.errors import ContractError, OptionError, UnknownNameError
from registry.options import Option, Range, parse_scalar, read_options, resolve_options


def factory(
    shape,
    *,
    units: Annotated[int, Range(8, 64, step=8)] = 16,
    rate: float = 0.5,
    kind: Literal["a", "b"] = "a",
    path: str | None = None,
    frozen: bool = False,
):
    pass


OPTIONS = read_options(factory)


def test_options_are_read_from_the_signature_in_order():
    assert [option.name for option in OPTIONS] == ["units", "rate", "kind", "path", "frozen"]
    assert OPTIONS[0] == Option("units", 16, ("int",), (), Range(8, 64, step=8))
    assert OPTIONS[2].choices == ("a", "b")
    assert OPTIONS[3].types == ("str", "none")


def test_every_option_of_a_component_is_resolved():
    resolved = resolve_options("head 'x'", OPTIONS, {"units": 32})
    assert resolved == {"units": 32, "rate": 0.5, "kind": "a", "path": None, "frozen": False}


def test_a_whole_number_is_a_float_where_a_float_is_asked_for():
    assert resolve_options("head 'x'", OPTIONS, {"rate": 1})["rate"] == 1.0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"units": 128}, "lies in [8, 64], received 128"),
        ({"units": "many"}, "takes int, received 'many'"),
        ({"kind": "c"}, "is one of a, b, received 'c'"),
        ({"frozen": 1}, "takes bool, received 1"),
    ],
)
def test_a_value_that_does_not_fit_says_what_would(given, words):
    with pytest.raises(OptionError) as caught:
        resolve_options("head 'x'", OPTIONS, given)
    assert words in str(caught.value)


def test_an_unknown_option_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean units"):
        resolve_options("head 'x'", OPTIONS, {"unit": 1})


def test_an_option_without_default_is_refused():
    def bare(shape, *, units: int): ...

    with pytest.raises(ContractError, match="needs an annotation and a default"):
        read_options(bare)


def test_variable_keywords_are_refused():
    def loose(shape, **options): ...

    with pytest.raises(ContractError, match="names every option"):
        read_options(loose)


@pytest.mark.parametrize(("text", "value"), [("3", 3), (".3", 0.3), ("true", True), ("1e-3", 0.001), ("a b", "a b")])
def test_command_line_values_become_numbers_where_they_are(text, value):
    assert parse_scalar(text) == value

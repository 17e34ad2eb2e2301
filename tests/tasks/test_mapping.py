"""Whose label becomes which class."""

import pytest

from benchmark.tasks.mapping import check_classes, class_map, map_told, parse_map
from registry.errors import ConfigError, UnknownNameError

BINARY = {"Non-COVID": ["Normal", "Viral Pneumonia", "Lung_Opacity"], "COVID": ["COVID"]}


def test_labels_map_by_the_names_of_classes_and_of_their_labels_however_these_are_written():
    found = class_map(["covid", "NON_COVID", "viral-pneumonia", "Hernia"], BINARY, {}, "a run")
    assert found == {"covid": "COVID", "NON_COVID": "Non-COVID", "viral-pneumonia": "Non-COVID"}


def test_a_map_sends_labels_to_classes_or_to_the_class_of_a_label():
    given = parse_map(["Pneumonia=Viral Pneumonia,Pneumonia/Viral/COVID-19=COVID", "No Finding=Non-COVID"])
    labels = ["Pneumonia", "Pneumonia/Viral/COVID-19", "No Finding", "Tuberculosis"]
    assert class_map(labels, BINARY, given, "a run") == {
        "Pneumonia": "Non-COVID", "Pneumonia/Viral/COVID-19": "COVID", "No Finding": "Non-COVID",
    }  # fmt: skip


def test_a_map_to_nothing_leaves_a_label_out():
    assert class_map(["COVID", "Normal"], BINARY, parse_map(["Normal="]), "a run") == {"COVID": "COVID"}


def test_a_star_is_every_label_that_has_no_class_otherwise():
    labels = ["Pneumonia/Viral/COVID-19", "Normal", "Hernia", "Mass", "unreadable"]
    given = parse_map(["Pneumonia/Viral/COVID-19=COVID,unreadable=,*=Non-COVID"])
    assert class_map(labels, BINARY, given, "a run") == {
        "Pneumonia/Viral/COVID-19": "COVID", "Normal": "Non-COVID", "Hernia": "Non-COVID", "Mass": "Non-COVID",
    }  # fmt: skip


def test_a_label_may_hold_a_comma_and_an_equals_sign():
    assert parse_map(["a, b=COVID,c=d=COVID"]) == {"a, b": "COVID", "c=d": "COVID"}


@pytest.mark.parametrize("text", ["COVID", "a=COVID,b", "=COVID"])
def test_what_is_no_assignment_is_one_line(text):
    with pytest.raises(ConfigError, match="expected LABEL=CLASS"):
        parse_map([text])


def test_a_label_that_is_given_twice_is_one_line():
    with pytest.raises(ConfigError, match="sends 'a' to 'COVID' and to 'Normal'"):
        parse_map(["a=COVID", "a=Normal"])


def test_a_label_that_maps_to_two_classes_is_one_line():
    with pytest.raises(ConfigError, match="label 'normal' maps to A and to B"):
        class_map(["normal"], {"A": ["Normal"], "B": ["NORMAL"]}, {}, "a run")


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(
        UnknownNameError, match="label of the external dataset named 'Pneumona'; did you mean Pneumonia"
    ):
        class_map(["Pneumonia"], BINARY, {"Pneumona": "COVID"}, "a run")
    with pytest.raises(UnknownNameError, match="class or label of a run named 'COVD'; did you mean COVID"):
        class_map(["Pneumonia"], BINARY, {"Pneumonia": "COVD"}, "a run")


def test_labels_of_which_none_maps_are_one_line():
    with pytest.raises(ConfigError, match=r"no label of the external dataset \(Hernia, Mass\) is a class"):
        class_map(["Hernia", "Mass"], BINARY, {}, "a run")


CLINIC = ["Effusion", "Normal", "Pneumonia"]


def test_one_class_alone_is_one_line_unless_it_is_said_what_the_other_labels_are():
    mapping = class_map(CLINIC, BINARY, {}, "a run")
    with pytest.raises(
        ConfigError,
        match=r"^no image of clinic is COVID; its labels Effusion, Pneumonia are of no class: "
        r'say --map "LABEL=COVID", or --map "\*=" to leave them out$',
    ):
        check_classes(mapping, CLINIC, BINARY, {}, "clinic")
    for text in ("*=", "Effusion=,Pneumonia=", "Pneumonia=COVID"):
        given = parse_map([text])
        check_classes(class_map(CLINIC, BINARY, given, "a run"), CLINIC, BINARY, given, "clinic")
    check_classes(class_map(["Normal"], BINARY, {}, "a run"), ["Normal"], BINARY, {}, "healthy films alone")


def test_of_more_than_two_classes_one_may_be_absent_and_is_said():
    three = {"A": ["a"], "B": ["b"], "C": ["c"]}
    mapping = class_map(["a", "b", "Hernia"], three, {}, "a run")
    check_classes(mapping, ["a", "b", "Hernia"], three, {}, "clinic")
    assert map_told(mapping, {"a": 1, "b": 2, "Hernia": 1300, "Mass": 0}, three) == (
        "a → A, b → B; left out, of no class: Hernia 1,300; no image is C: what needs it is not defined"
    )

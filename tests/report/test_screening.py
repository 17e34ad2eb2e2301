"""What decisions come to at another prevalence, worked by hand."""

import pytest

from benchmark.comparison.aggregates import Aggregate
from benchmark.comparison.tables import Row
from benchmark.report.answers import price, screening_sentences
from benchmark.report.screening import Decided, Point, amount, between, decided, percent, points, screened, times

ILL = Point("ill", "", "sensitivity", "specificity")


def worth(sensitivity: float, specificity: float) -> Decided:
    return Decided(Aggregate(sensitivity, 0.8, 0.95, 100), Aggregate(specificity, 0.85, 0.93, 100))


def test_of_a_thousand_people_at_two_percent():
    found = screened(worth(0.9, 0.9), 0.02)
    assert (found.diseased, found.found, found.missed) == pytest.approx((20, 18, 2))
    assert found.alarms == pytest.approx(98)
    assert found.alarms_per_hit == pytest.approx(98 / 18)
    assert found.ppv == pytest.approx([18 / 116, 16 / (16 + 147), 19 / (19 + 68.6)])
    assert found.npv == pytest.approx([882 / 884, 833 / (833 + 4), 911.4 / (911.4 + 1)])


def test_it_helps_between_the_price_of_an_alarm_and_that_of_calling_everybody():
    found = screened(worth(0.9, 0.9), 0.02)
    assert (found.least, found.most) == pytest.approx((98 / 18, 882 / 2))
    for weight, helps in ((5, False), (6, True), (440, True), (442, False)):  # false alarms that a hit is worth
        own, everybody = found.found - found.alarms / weight, found.diseased - 980 / weight
        assert (own > max(0, everybody)) is helps
    assert price(found) == (
        "It helps if finding one more is worth more than 5.4 false alarms and fewer than 441; "
        "above that, calling everybody is better."
    )


def test_a_coin_helps_at_no_price_and_a_perfect_rule_at_any():
    assert "at no price" in price(screened(worth(0.5, 0.5), 0.02))
    assert "at no price" in price(screened(worth(0.0, 0.9), 0.02))
    perfect = screened(worth(1.0, 1.0), 0.02)
    assert (perfect.alarms_per_hit, perfect.most) == (0, None)
    assert price(perfect) == "It helps if finding one more is worth more than 0 false alarms."


def test_sentences_name_the_row_the_class_and_false_alarms_for_each_one_found():
    first, second, third = screening_sentences("a+b", ILL, screened(worth(0.9, 0.9), 0.02))
    assert first == (
        "Of 1,000 people 20 have ill: a+b finds 18, misses 2 and raises 98 false alarms, 5.4 for each one found."
    )
    assert second == "Of its alarms 15.5 % [9.8, 21.7] are right (PPV), of its all-clears 99.77 % [99.52, 99.89] (NPV)."
    assert third.startswith("It helps if")


def test_nobody_called_has_no_predictive_value():
    found = screened(worth(0.0, 1.0), 0.02)
    assert found.ppv[0] is None and found.alarms_per_hit is None
    assert between([None, 0.1, 0.2]) == "–"


def test_of_two_classes_without_a_positive_one_each_is_found_by_the_others_recall():
    assert [(one.sensitivity, one.specificity) for one in points(["a", "b"], None)] == [
        ("recall/a", "recall/b"), ("recall/b", "recall/a"),
    ]  # fmt: skip
    assert [one.specificity for one in points(["a", "b", "c"], None)] == [
        "specificity/a", "specificity/b", "specificity/c",
    ]  # fmt: skip
    assert [one.sensitivity for one in points(["well", "ill"], "ill")] == [
        "sensitivity", "sensitivity@specificity-95", "sensitivity@specificity-99",
    ]  # fmt: skip


def test_a_row_without_a_specificity_is_not_asked():
    row = Row("a", control=False, status="ok", metrics={"sensitivity": Aggregate(0.9, 0.8, 1.0, 10)})
    assert decided(row, ILL) is None


def test_numbers_are_short():
    assert [amount(value) for value in (0.0, 5.44, 98.0, 441.3, 12_345.0, None)] == [
        "0", "5.4", "98", "441.3", "12,345", "∞",
    ]  # fmt: skip
    assert [times(value) for value in (5.44, 441.3, None)] == ["5.4", "441", "∞"]
    assert [percent(value) for value in (0.0001, 0.00005, 0.000001)] == ["0.010", "0.005", "< 0.001"]
    assert [percent(value) for value in (0.005, 0.155, 0.9977, 1.0, None)] == ["0.50", "15.5", "99.77", "100.00", "–"]


def test_found_and_missed_add_up_to_the_diseased():
    for prevalence in (0.02, 0.2, 0.5):
        found = screened(worth(0.8985, 0.9), prevalence)
        shown = [float(amount(one).replace(",", "")) for one in (found.found, found.missed, found.diseased)]
        assert shown[0] + shown[1] == pytest.approx(shown[2])

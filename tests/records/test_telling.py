import pytest

from benchmark.records.telling import differences, telling

COUNTS = {"COVID": 40, "Normal": 100, "Pneumonia": 60}
BINARY = {"rest": ["Normal", "Pneumonia"], "COVID": ["COVID"]}


def formats(**jpeg: int) -> dict[str, dict[str, dict[str, int]]]:
    return {"format": {"JPEG": jpeg, "PNG": {label: COUNTS[label] - count for label, count in jpeg.items()}}}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (formats(COVID=40, Normal=0, Pneumonia=0), "JPEG in 100% of COVID, 0% of the others"),
        (formats(COVID=38, Normal=5, Pneumonia=3), "JPEG in 95% of COVID, 5% of the others"),
        (formats(COVID=37, Normal=0, Pneumonia=0), None),
        (formats(COVID=40, Normal=9, Pneumonia=0), None),
        (formats(COVID=0, Normal=100, Pneumonia=60), "JPEG in 100% of rest, 0% of the others"),
        (formats(COVID=40, Normal=100, Pneumonia=60), None),
    ],
)
def test_a_format_tells_a_class_that_has_it_almost_alone(facts, told):
    found = telling(facts, COUNTS, BINARY)
    assert [one.text() for one in found] == ([told] if told else [])


def test_labels_count_by_the_class_that_takes_them():
    facts = formats(COVID=0, Normal=0, Pneumonia=60)
    each = {label: [label] for label in COUNTS}
    assert telling(facts, COUNTS, BINARY) == []
    assert [one.of for one in telling(facts, COUNTS, each)] == ["Pneumonia"]


def test_of_each_property_the_value_that_tells_best_is_named():
    facts = {
        "size": {"299×299 pixels": {"COVID": 40, "Normal": 4}, "224×224 pixels": {"Normal": 96, "Pneumonia": 60}},
        "bits": {"8 bits": COUNTS},
        "shape": {"square": {"Normal": 98, "Pneumonia": 60}, "higher than wide": {"COVID": 40, "Normal": 2}},
    }
    size, shape = differences(telling(facts, COUNTS, BINARY))
    assert size == (
        "Image files: the size alone tells COVID (299×299 pixels in 100% of COVID, 2% of the others); "
        "what is learnt may be that: see the rule on metadata"
    )
    assert "the shape alone tells rest (square in 99% of rest, 0% of the others)" in shape


def test_a_format_that_was_allowed_says_so():
    (line,) = differences(telling(formats(COVID=40, Normal=0, Pneumonia=0), COUNTS, BINARY))
    assert "which was allowed (--allow-format-differences)" in line


def test_nothing_is_known_of_drawn_images():
    assert telling({}, COUNTS, BINARY) == []


def test_of_a_few_images_nothing_is_said():
    assert (
        telling({"size": {"9×9 pixels": {"odd": 4}}}, {"odd": 4, "rest": 90}, {"odd": ["odd"], "rest": ["rest"]}) == []
    )
    assert telling({"size": {"9×9 pixels": {"odd": 5}}}, {"odd": 5, "rest": 90}, {"odd": ["odd"], "rest": ["rest"]})

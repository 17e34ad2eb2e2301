"""What a check finds, against samples in which it was planted."""

import numpy as np
import pytest

from benchmark.data.check import checked, cramers_v, in_common
from benchmark.data.copies import Copy
from benchmark.data.looks import Look, look, looks
from benchmark.data.odd_films import FEW, odd_films
from benchmark.records.summary import DatasetSummary
from registry.contracts import Sample
from registry.errors import DataError


def film(seed: int, shape=(40, 40), low=0, high=255):
    return np.random.default_rng(seed).integers(low, high, shape, np.uint8)


def sample(name, label="ill", image=None, **more):
    def read():
        if image is None:
            raise DataError("truncated PNG")
        return image

    return Sample(name, label, more.pop("source", None), more.pop("group", name), read, **more)


def summary(samples):
    counts = {label: sum(one.label == label for one in samples) for label in ("ill", "well")}
    return DatasetSummary("planted", {}, "d", list(counts), counts, {}, [], "", "", len(samples), None)


def check(samples, copies=()):
    return checked(samples, summary(samples), looks(samples, workers=1, told=lambda done, total: None), list(copies))


def test_a_film_is_looked_at_as_it_is_read():
    image = np.array([[0, 255, 255, 100]], np.uint8)
    seen = look(sample("one", image=image))
    assert seen[:3] == ("", 1, 4)
    assert (seen.mean, seen.black, seen.white) == (152.5, 0.25, 0.5)
    assert seen.pixels == look(sample("other", "well", image=image.copy())).pixels
    assert seen.pixels != look(sample("turned", image=image.T)).pixels


def test_films_that_cannot_be_read_are_named_with_the_reason():
    found = check([sample("cut"), sample("black", image=np.zeros((9, 9), np.uint8)), sample("good", "well", film(0))])
    assert found.unreadable == ["cut: truncated PNG", "black: empty image: every pixel is 0"]
    assert list(found.by_label) == ["well"]


def test_copies_are_counted_by_group_and_those_that_contradict_come_first():
    same = film(1)
    samples = [
        sample("a", image=film(0)),
        sample("b", image=same),
        sample("c", "well", same),
        sample("d", image=film(3)),
    ]
    found = check(samples, [Copy(0, 3, 99), Copy(0, 1, 70)])
    assert [(one.one, one.other, one.points, one.identical, one.contradict) for one in found.twins] == [
        ("b", "c", 0, True, True),
        ("a", "b", 70, False, False),
        ("a", "d", 99, False, False),
    ]
    assert (found.twin_groups, found.twin_films, found.unsearched) == (1, 4, "")


def test_parts_that_share_patients_or_films_leak():
    samples = [
        sample("a", image=film(0), part="train", group="p1"),
        sample("b", image=film(1), part="test", group="p1"),
        sample("c", "well", image=film(2), part="train"),
        sample("d", "well", image=film(2), part="test"),
        sample("e", "well", image=film(4), part="validation", group="p2"),
        sample("f", "well", image=film(5), part="validation", group="p2"),
    ]
    patients, copies = check(samples).leaks
    assert (patients.what, patients.parts, patients.count, patients.examples) == (
        "patients",
        ("train", "test"),
        1,
        ["p1"],
    )
    assert (copies.what, copies.parts, copies.count, copies.examples) == ("copies", ("train", "test"), 1, ["c = d"])
    assert check([one for one in samples if one.part != "test"]).leaks == []


def test_films_of_no_part_share_nothing():
    samples = [sample("a", image=film(2), group="p"), sample("b", "well", film(2), group="p", part="test")]
    assert check(samples).leaks == []


def test_sources_and_annotators_are_counted_by_label():
    samples = [
        sample("a", image=film(0), source="north", mask_annotator="human"),
        sample("b", image=film(1), source="north"),
        sample("c", "well", film(2), source="south", mask_annotator="network"),
    ]
    found = check(samples)
    assert found.sources == {"ill": {"north": 2}, "well": {"south": 1}}
    assert found.cramers_v == pytest.approx(1)
    assert found.annotators == {"ill": {"human": 1}, "well": {"network": 1}}
    assert list(found.by_source) == ["north", "south"]
    unknown = check([*samples, sample("d", image=film(4))])
    assert (unknown.sources, unknown.cramers_v, unknown.by_source) == ({}, None, {})


def test_cramers_v_is_that_of_a_table_worked_by_hand():
    """Chi² of [[30, 10], [20, 40]] is 16.667, of 100 images."""
    rows = ["ill"] * 40 + ["well"] * 60
    columns = ["a"] * 30 + ["b"] * 10 + ["a"] * 20 + ["b"] * 40
    assert cramers_v(rows, columns) == pytest.approx((16.6667 / 100) ** 0.5, rel=1e-5)
    assert cramers_v(rows, ["a"] * 100) is None
    assert cramers_v(["x", "y", "x", "y"], ["a", "a", "b", "b"]) == 0


def test_masks_that_cannot_be_lungs_are_named():
    def masked(name, mask):
        return sample(name, image=film(len(name)), read_mask=lambda: mask, mask_annotator="human")

    lungs = np.zeros((40, 40), bool)
    lungs[10:30, 5:15] = lungs[10:30, 25:35] = True
    samples = [masked("good", lungs), masked("none", np.zeros((40, 40), bool)), masked("turned", ~lungs)]
    assert check([*samples, sample("without", "well", film(9))]).masks == {"empty": ["none"], "inverted": ["turned"]}


def test_exposure_is_told_by_label():
    dark, bright = film(0, low=0, high=50), film(1, low=200, high=255)
    found = check([sample("a", image=dark), sample("b", "well", bright)])
    assert found.by_label["ill"].mean == pytest.approx(dark.mean())
    assert found.by_label["well"].mean == pytest.approx(bright.mean())
    assert found.by_label["ill"].black == pytest.approx((dark == 0).mean())


def test_films_of_another_dataset_are_named_from_both_sides():
    ours, theirs = [sample("x", image=film(0))], [sample("y", "well", film(1)), sample("z", "well", film(2))]
    (pair,) = in_common(ours, theirs, [Copy(0, 1, 80)])
    assert (pair.one, pair.other, pair.labels, pair.points) == ("x", "z", ("ill", "well"), 80)


def test_the_odd_ones_are_the_extreme_ones_that_can_be_read():
    usual = [sample(f"usual {k}", image=film(k)) for k in range(12)]
    odd = [sample("dark", image=film(20, high=9)), sample("wide", image=film(21, (40, 90))), sample("cut")]
    samples = [*usual, *odd]
    seen = [*map(look, samples)]
    found = odd_films(samples, seen, check(samples, [Copy(0, 1, 61)]).twins)
    by_title = {section.title: [one.words.partition("\n")[0] for one in section.films] for section in found}
    assert by_title["Darkest"][0] == "dark"
    assert by_title["Least square"] == ["wide"]
    assert by_title["Copies"] == ["usual 0", "usual 1"]
    assert "Smallest" not in by_title, "all others are as small"
    assert all(len(names) <= FEW and "cut" not in names for names in by_title.values())
    assert max(max(one.image.shape) for section in found for one in section.films) <= 150


def test_of_nothing_that_can_be_read_there_is_nothing_to_see():
    assert odd_films([sample("cut")], [Look("truncated")], []) == []


def test_films_of_sixteen_bits_are_looked_at_as_a_run_scales_them():
    bright = film(4).astype(np.uint16) * 16
    samples = [sample("bright", image=bright), sample("dark", "well", bright // 8), sample("grey", "well", film(2))]
    seen = looks(samples, workers=2, told=lambda done, total: None)
    assert [one.bits for one in seen] == [12, 12, 0]
    assert seen[0].mean == pytest.approx(8 * seen[1].mean, rel=0.02)
    darkest = odd_films(samples, seen, [])[0].films[0].image
    assert darkest.dtype == np.uint8 and darkest.max() < 40

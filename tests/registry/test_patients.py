"""Whose film an image is: from tables, names and folders."""

from collections import Counter

import pytest

from registry.datasets.covid_radiography import covid_radiography
from registry.datasets.folder import folder
from registry.errors import DataError, OptionError
from tests import xrays


def films(root, *paths):
    for number, path in enumerate(paths):
        xrays.write(root / path, xrays.radiograph(number))
    for number in range(2):
        xrays.write(root / "other" / f"o{number}.png", xrays.radiograph(100 + number))
    return root


def groups(root, **options):
    return [sample.group for sample in folder(root, **options).samples() if sample.label != "other"]


KNOWN = {
    "Kermany": (["person3_virus_7.jpeg", "person3_virus_9.jpeg", "person33_bacteria_9.jpeg"], "person3"),
    "Kermany, normal": (["IM-0115-0001.jpeg", "IM-0115-0002.jpeg", "NORMAL2-IM-0115-0001.jpeg"], "im-0115"),
    "NIH": (["00000013_005.png", "00000013_006.png", "00000014_005.png"], "00000013"),
    "CheXpert": (
        ["patient00001/study1/view1_frontal.jpg", "patient00001/study2/view1_frontal.jpg", "patient00011/study1/v.jpg"],
        "patient00001",
    ),
    "CheXpert, flat": (
        ["patient00001_study1_view1.png", "patient00001_study1_view2.png", "patient00011_study1_view1.png"],
        "patient00001",
    ),
    "MIMIC": (["p10/p10000032/s50414267/a.jpg", "p10/p10000032/s5/b.jpg", "p10/p10000033/s50414268/a.jpg"], None),
    "BIDS": (["sub-S03047/ses-E1/a.png", "sub-S03047/ses-E2/b.png", "sub-S03048/ses-E1/a.png"], "sub-s03047"),
}


@pytest.mark.parametrize(("names", "patient"), KNOWN.values(), ids=KNOWN.keys())
def test_patients_of_well_known_names_are_recognised_and_said(tmp_path, names, patient):
    films(tmp_path, *(f"sick/{name}" for name in names))
    found = groups(tmp_path)
    if patient:
        assert Counter(found)[f"patient {patient}"] == 2
        assert len(set(found)) == 2
    assert folder(tmp_path).patients.startswith("names such as ")


def test_names_that_say_no_patient_are_groups_of_their_own(tmp_path):
    films(tmp_path, "sick/1.png", "sick/person.png", "sick/impatient.png", "sick/2020_01.png")
    assert len(set(groups(tmp_path))) == 4
    assert folder(tmp_path).patients == ""


def test_a_pattern_tells_patients(tmp_path):
    films(tmp_path, "sick/a7-1.png", "sick/a7-2.png", "sick/b8-1.png", "sick/none.png")
    assert groups(tmp_path, patient=r"^([ab]\d+)-") == ["patient a7", "patient a7", "patient b8", "sick/none"]
    assert folder(tmp_path, patient=r"^([ab]\d+)-").patients == r"patient=^([ab]\d+)-"


@pytest.mark.parametrize(
    ("pattern", "words"),
    [(r"a(\d+", "unterminated"), (r"a\d+", "one group"), (r"(a)(\d)", "one group"), ("", "one group")],
)
def test_a_pattern_that_is_none_is_refused_in_one_line(tmp_path, pattern, words):
    films(tmp_path, "sick/a7-1.png")
    with pytest.raises(OptionError, match=f"regular expression.*{words}") as told:
        folder(tmp_path, patient=pattern)
    assert "\n" not in str(told.value)


def test_a_pattern_that_fits_no_file_is_refused(tmp_path):
    films(tmp_path, "sick/a7-1.png")
    with pytest.raises(DataError, match=r"option patient=zzz\(\\d\) fits no file, such as 'o0'"):
        folder(tmp_path, patient=r"zzz(\d)")


def test_the_folder_below_the_label_tells_patients(tmp_path):
    films(tmp_path, "sick/ann/1.png", "sick/ann/late/2.png", "sick/bob/1.png", "sick/1.png")
    assert groups(tmp_path, patient="folder") == ["sick/1", "patient ann", "patient ann", "patient bob"]
    with pytest.raises(DataError, match="no image lies in a folder below its label"):
        folder(films(tmp_path / "flat", "sick/1.png"), patient="folder")


def test_images_without_a_row_and_rows_without_an_image_are_said(tmp_path):
    films(tmp_path, *(f"sick/{n}.png" for n in range(4)))
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\n0,a\n1.PNG,a\n9.png,b\n")
    dataset = folder(tmp_path)
    assert groups(tmp_path) == ["patient a", "patient a", "sick/2", "sick/3"]
    assert "sick.patients.csv: 2 images without a row, 1 row without an image" in dataset.notices
    assert dataset.patients == "sick.patients.csv"
    assert dataset.passed_over == ()


def test_a_table_that_mostly_fits_nothing_is_refused(tmp_path):
    films(tmp_path, *(f"sick/{n}.png" for n in range(4)))
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\n0,a\nIMG_1,a\nIMG_2,b\n")
    with pytest.raises(DataError, match=r"2 of 3 rows name no image, such as IMG_1, and 3 of 4 images have no row"):
        folder(tmp_path)


@pytest.mark.parametrize("separator", ";\t")
def test_a_table_may_have_another_separator(tmp_path, separator):
    films(tmp_path, *(f"sick/{n}.png" for n in range(4)))
    lines = [("file", "patient_id"), *((f"{n}.png", f"a,{n // 2}") for n in range(4))]
    (tmp_path / "sick.patients.csv").write_text("".join(separator.join(line) + "\n" for line in lines))
    assert groups(tmp_path) == ["patient a,0", "patient a,0", "patient a,1", "patient a,1"]


def test_a_file_of_two_patients_is_refused(tmp_path):
    films(tmp_path, *(f"sick/{n}.png" for n in range(4)))
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\n0.png,a\n1.png,b\n0.png,a\n1.PNG,c\n")
    with pytest.raises(DataError, match=r"sick.patients.csv gives 1.PNG to the patients b and c; keep one of the rows"):
        folder(tmp_path)


def test_a_table_of_a_larger_collection_is_as_good(tmp_path):
    films(tmp_path, *(f"sick/{n}.png" for n in range(4)))
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\n" + "".join(f"{n},{n // 2}\n" for n in range(40)))
    assert groups(tmp_path) == ["patient 0", "patient 0", "patient 1", "patient 1"]


def test_a_table_goes_before_names(tmp_path):
    films(tmp_path, "sick/person1_virus_1.png", "sick/person1_virus_2.png")
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\nperson1_virus_1.png,7\nperson1_virus_2.png,8\n")
    assert groups(tmp_path) == ["patient 7", "patient 8"]


def test_tables_lie_beside_the_labels_of_each_part(tmp_path):
    for part in ("train", "test"):
        films(tmp_path / part, "sick/0.png", "sick/1.png")
        (tmp_path / part / "sick.patients.csv").write_text(f"file,patient_id\n0,{part}\n1,{part}\n")
    assert groups(tmp_path) == ["patient train"] * 2 + ["patient test"] * 2


def test_the_database_says_what_its_table_of_patients_lacks(tmp_path):
    root = xrays.write_database(tmp_path)
    (root / "COVID.patients.csv").write_text("file,patient_id\nCOVID-1,61\nCOVID-2,61\n")
    dataset = covid_radiography(root)
    assert "COVID.patients.csv: 1 image without a row, 0 rows without an image" in dataset.notices
    assert dataset.patients == "COVID.patients.csv"


def test_patients_that_differ_in_case_or_blanks_alone_are_one_and_that_is_said(tmp_path):
    films(tmp_path, *(f"sick/{name}.png" for name in ("P001-1", "p001-2", "P 001-3", "P002-1", "q-1", "Q-2")))
    dataset = folder(tmp_path, patient=r"^(.+)-\d$")
    assert Counter(sample.group for sample in dataset.samples() if sample.label == "sick") == {
        "patient P001": 3, "patient P002": 1, "patient q": 2,
    }  # fmt: skip
    (line,) = (line for line in dataset.notices if "several ways" in line)
    assert line == (
        "2 patients are written in several ways, by case, blanks or leading zeros alone, such as P 001 and P001: "
        "each counts as one"
    )


def test_images_without_a_patient_are_not_joined_by_their_names(tmp_path):
    films(tmp_path, "sick/A.png", "sick/a.jpg")
    assert len(set(groups(tmp_path))) == 2
    assert not any("several ways" in line for line in folder(tmp_path).notices)


def test_rows_that_spell_a_patient_otherwise_do_not_contradict_each_other(tmp_path):
    films(tmp_path, "sick/1.png", "sick/2.png")
    (tmp_path / "sick.patients.csv").write_text("file,patient_id\n1,P1\n1.png,p1\n2,P1\n")
    assert len(set(groups(tmp_path))) == 1


def test_a_day_is_nobody(tmp_path):
    for label in ("COVID", "Normal"):
        for n in range(3):
            xrays.write(tmp_path / label / f"2020030{n + 1}_001.png", xrays.radiograph(n))
    assert not folder(tmp_path).patients

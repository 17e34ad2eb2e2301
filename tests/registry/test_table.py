import pickle
import unicodedata
from collections import Counter

import pytest

from registry.checks.datasets import check_dataset
from registry.datasets.folder import recognises as folder_recognises
from registry.datasets.table import recognises, table
from registry.errors import DataError, DataNotFoundError, OptionError, UnknownNameError
from tests import miniatures, xrays
from tests.miniatures import film, rows

COUNT = 8


@pytest.fixture
def root(tmp_path):
    """Eight films in images/, two labels, two films a patient, in a table of a clinic's own."""
    for n in range(COUNT):
        film(tmp_path / "images" / f"f{n}.png", n)
    write(tmp_path, [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},{('PA', 'AP')[n // 4]}" for n in range(COUNT)])
    return tmp_path


def write(root, lines, header="file,label,patient_id,view", name="labels.csv"):
    rows(root / name, [header, *lines] if header else lines)


def labels(dataset):
    return Counter(sample.label for sample in dataset.samples())


def test_it_keeps_the_contract_of_a_dataset(root):
    check_dataset(table, root)


def test_files_labels_patients_and_traits_come_from_columns_that_are_said_to_be_guessed(root):
    dataset = table(root)
    first = dataset.samples()[0]
    assert (dataset.name, dataset.labels) == (root.name, ("ill", "well"))
    assert (first.id, first.label, first.group, first.traits) == ("images/f0", "ill", "patient 0", {"view": "PA"})
    assert len({sample.group for sample in dataset.samples()}) == COUNT // 2
    assert dataset.notices[0] == (
        "columns of labels.csv, guessed: file = file; label = label; patient = patient_id; view = view"
    )
    assert dataset.patients == "the column patient_id"
    assert pickle.loads(pickle.dumps(first)).read_image().shape == (32, 32)


@pytest.mark.parametrize(
    ("header", "options"),
    [
        ("Bildname;Ergebnis;Nr;Aufnahme", {"label": "Ergebnis", "patient": "nr"}),
        ("X_ray_image_name;Label;Patient ID;View Position", {}),
        ("path;diagnosis;Subject;projection", {}),
        ("which;what;who;how", {"file": 1, "label": 2, "patient": 3, "view": 4}),
    ],
)
def test_columns_are_found_by_name_or_content_or_are_said(root, header, options):
    lines = [f"f{n}.png;{('ill', 'well')[n % 2]};{n // 2};{('PA', 'AP')[n // 4]}" for n in range(COUNT)]
    write(root, lines, header)
    dataset = table(root, **options)
    assert labels(dataset) == {"ill": 4, "well": 4}
    assert dataset.samples()[2].group == "patient 1"


def test_the_only_column_that_could_be_a_label_is_one(root):
    write(root, [f"f{n}.png,{('krank', 'gesund')[n % 2]},{n + 20}" for n in range(COUNT)], "Bild,Befundung,Alter")
    assert labels(table(root)) == {"krank": 4, "gesund": 4}


def test_two_columns_that_could_be_a_label_are_a_question(root):
    write(root, [f"f{n}.png,{'ab'[n % 2]},{'cd'[n % 2]}" for n in range(COUNT)], "Bild,Erstens,Zweitens")
    with pytest.raises(DataError, match=r"known to hold the label; say which, as label=COLUMN; it has Bild, Erstens"):
        table(root, table="labels.csv")
    assert recognises(root) == 0
    assert labels(table(root, table="labels.csv", label="Zweitens")) == {"c": 4, "d": 4}


def test_rows_without_file_and_files_without_row_are_counted_and_said(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(6)] + ["gone.png,ill,9,", "v.nii.gz,ill,9,"])
    (root / "images" / "v.nii.gz").write_bytes(b"x")
    dataset = table(root)
    assert [(one.what, one.why, one.count, one.examples) for one in dataset.passed_over] == [
        ("rows of labels.csv", "no such file here", 1, ("gone.png",)),
        ("rows of labels.csv", "the file is no image", 1, ("v.nii.gz",)),
        ("images", "no row in labels.csv", 2, ("images/f6.png", "images/f7.png")),
        (".gz files", "no image, and not the table of labels", 1, ("images/v.nii.gz",)),
    ]
    assert "1 row of labels.csv passed over, no such file here: gone.png" in dataset.notices


def test_a_table_of_other_films_is_an_error(root):
    write(root, ["f0.png,ill,0,", *(f"other{n}.png,{('ill', 'well')[n % 2]},0," for n in range(9))])
    with pytest.raises(DataError, match=r"9 of 10 rows name no file there and 7 of 8 images have no label in it"):
        table(root)


def test_a_table_of_few_of_many_films_or_a_few_films_of_a_large_table_are_read(root):
    write(root, ["f0.png,ill,0,", "f1.png,well,0,"])
    assert labels(table(root)) == {"ill": 1, "well": 1}
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(900)])
    assert labels(table(root)) == {"ill": 4, "well": 4}


def test_rows_can_be_chosen(root):
    assert len(table(root, where="view=pa").samples()) == 4
    assert len(table(root, where="View=PA|AP;patient_id!=0").samples()) == 6
    chosen = table(root, where="view=AP")
    assert chosen.passed_over[0].why == "left out by where=view=AP"
    assert len(chosen.passed_over) == 1  # what has a row is not said to have none
    with pytest.raises(UnknownNameError, match="no column named 'vew'; did you mean view"):
        table(root, where="vew=PA")
    with pytest.raises(OptionError, match="expected COLUMN=VALUE"):
        table(root, where="PA")


def test_labels_that_are_paths_are_cut_at_a_depth(root):
    words = ("Pneumonia/Viral/COVID-19", "Pneumonia/Bacterial", "No Finding", "todo")
    write(root, [f"f{n}.png,{words[n % 4]},{n}," for n in range(COUNT)])
    assert labels(table(root)) == {words[0]: 2, words[1]: 2, words[2]: 2}
    assert labels(table(root, depth=1)) == {"Pneumonia": 4, "No Finding": 2}
    assert table(root).passed_over[0].why == "no label"


@pytest.mark.parametrize("cell", ["Mass|Effusion", "['Mass', 'Effusion ']"])
def test_several_findings_are_one_label_sorted(root, cell):
    words = (f'"{cell}"', "Mass", "Effusion", "No Finding")
    write(root, [f"f{n}.png,{words[n % 4]},{n}," for n in range(COUNT)])
    dataset = table(root)
    assert dataset.labels == ("Effusion", "Mass", "No Finding", "Effusion|Mass")
    assert dataset.separator == "|"
    assert "2 images have several findings (separated by '|')" in dataset.notices


def test_what_separates_findings_is_seen_where_the_parts_are_labels_elsewhere(root):
    write(root, [f"f{n}.png,{('Mass;Effusion', 'Mass', 'Effusion', 'None')[n % 4]},{n}" for n in range(COUNT)])
    assert "Effusion;Mass" in table(root).labels
    write(root, [f'f{n}.png,"{("Pneumonia, viral", "Pneumonia")[n % 2]}",{n}' for n in range(COUNT)])
    dataset = table(root)
    assert (dataset.labels, dataset.separator) == (("Pneumonia", "Pneumonia, viral"), None)
    assert table(root, separator=",").labels == ("Pneumonia", "Pneumonia,viral")


def marks(root, cells):
    write(root, [f"f{n}.png,{cells[n % 4]}" for n in range(COUNT)], "name,Edema,Mass,No Finding")


def test_findings_may_have_a_column_each(root):
    marks(root, ["1.0,0.0,", "1,1,0", ",,1.0", "0,1,"])
    assert labels(table(root)) == {"Edema": 2, "Edema|Mass": 2, "No Finding": 2, "Mass": 2}
    assert table(root).labels == ("Edema", "Mass", "No Finding", "Edema|Mass")
    assert labels(table(root, findings="Mass;No Finding")) == {"Mass": 4, "No Finding": 2}


@pytest.mark.parametrize(
    ("uncertain", "expected"),
    [
        ("drop", {"Mass": 2, "No Finding": 2}),
        (0, {"Mass": 2, "No Finding": 2}),
        (1, {"Mass": 2, "Edema": 4, "No Finding": 2}),
    ],
)
def test_uncertain_findings_are_dropped_absent_or_present(root, uncertain, expected):
    marks(root, ["-1.0,,", "0,1,", "-1,0,0", ",,1"])
    dataset = table(root, uncertain=uncertain)
    assert labels(dataset) == expected
    assert {one.why: one.count for one in dataset.passed_over} == {
        "drop": {"a finding is uncertain": 4}, 0: {"no label": 4}, 1: {}
    }[uncertain]  # fmt: skip


def test_a_film_of_which_every_finding_is_denied_has_none(root):
    write(root, [f"f{n}.png,{('1,0', '0,0')[n % 2]}" for n in range(COUNT)], "name,Edema,Mass")
    assert labels(table(root)) == {"Edema": 4, "No finding": 4}
    write(root, [f"f{n}.png,{n % 2}" for n in range(COUNT)], "name,pneumothorax")
    assert labels(table(root)) == {"pneumothorax": 4, "no pneumothorax": 4}


def test_labels_get_names(root):
    write(root, [f"f{n}.png,{n % 2}" for n in range(COUNT)], "patientId,Target")
    assert table(root).labels == ("0", "1")
    assert table(root, names="0=Normal;1=Pneumonia").labels == ("Normal", "Pneumonia")
    assert table(root, names="Normal;Pneumonia").labels == ("Normal", "Pneumonia")
    with pytest.raises(OptionError, match="gives a name twice"):
        table(root, names="Normal;Normal")


def test_spellings_of_one_label_are_one(root):
    write(root, [f"f{n}.png,{('Normal', 'COVID', 'normal ', 'COVID')[n % 4]},{n}" for n in range(COUNT)])
    assert len(table(root).labels) == 2


def test_numbers_of_patients_and_labels_are_the_same_with_and_without_a_zero_behind(root):
    for name, zero, some in (("train.csv", "", range(6)), ("test.csv", ".0", range(6, COUNT))):
        write(root, [f"f{n}.png,{n % 2}{zero},{n // 4}{zero},PA" for n in some], name=name)
    (root / "labels.csv").unlink()
    found = table(root)
    assert found.labels == ("0", "1")
    assert Counter(sample.group for sample in found.samples()) == {"patient 0": 4, "patient 1": 4}


def test_spellings_of_one_source_are_one(root):
    write(root, [f"f{n}.png,{n % 2},{('St. A', 'st. a', 'St. A')[n % 3]}" for n in range(COUNT)], "file,label,hospital")
    assert {sample.source for sample in table(root).samples()} == {"St. A"}


def test_images_in_the_folder_of_another_label_are_said(tmp_path):
    for n in range(COUNT):
        film(tmp_path / ("ill", "Well")[n % 2] / f"f{n}.png", n)
    write(tmp_path, [f"f{n}.png,{('ill', 'well')[n % 2 or n == 4]}" for n in range(COUNT)], "file,label")
    found = table(tmp_path)
    assert labels(found) == {"ill": 3, "well": 5}
    line = "1 image lies in the folder of another label than labels.csv says; the table counts: ill/f4"
    assert line in found.notices
    write(tmp_path, [f"f{n}.png,{('well', 'ill')[n % 2]}" for n in range(COUNT)], "file,label")
    assert not any("another label" in line for line in table(tmp_path).notices)


def test_a_film_may_have_several_rows_that_agree(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},PA" for n in (*range(COUNT), 0, 1)])
    assert len(table(root).samples()) == COUNT


def test_rows_that_contradict_each_other_are_named(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},PA" for n in range(COUNT)] + ["f0.png,well,0,PA"])
    words = r"images/f0.png is labelled ill in line 2 of labels.csv and well in another row; keep one of them"
    with pytest.raises(DataError, match=words):
        table(root)
    assert "ill|well" in table(root, separator="|").labels
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},PA" for n in range(COUNT)] + ["f0.png,ill,9,PA"])
    with pytest.raises(DataError, match=r"has the patient 0 in line 2 of labels.csv and 9 in line 10"):
        table(root)


def test_a_reader_who_finds_nothing_does_not_count_against_one_who_does(root):
    lines = [f"f{n}.png,R{r},{'Mass' if n % 2 and r else 'No finding'}" for n in range(COUNT) for r in range(3)]
    write(root, lines, "image_id,rad_id,class_name")
    assert labels(table(root)) == {"Mass": 4, "No finding": 4}


@pytest.mark.parametrize(
    "written", ["images/f{}.png", "f{}", "f{}.dcm", "above/images/F{}.PNG", "C:\\data\\images\\f{}.png"]
)
def test_files_are_found_by_path_or_name_with_or_without_suffix(root, written):
    write(root, [f"{written.format(n)},{('ill', 'well')[n % 2]},{n}," for n in range(COUNT)])
    assert len(table(root).samples()) == COUNT


def test_a_name_in_two_folders_is_a_question_unless_the_folders_are_told(root):
    film(root / "more" / "f0.png", 99)
    with pytest.raises(
        DataError, match=r"line 2 of labels.csv says 'f0.png', and 2 files are called so: images/f0.png"
    ):
        table(root)
    write(root, [f"{'more' if n == 0 else 'images'}/f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(COUNT)])
    assert table(root).samples()[-1].id == "more/f0"
    folders = [f"f{n}.png,{('ill', 'well')[n % 2]},{'more' if n == 0 else 'images'}" for n in range(COUNT)]
    write(root, folders, "file,label,folder")
    assert table(root).samples()[-1].id == "more/f0"


def test_names_that_differ_in_case_alone_are_told_apart(root):
    film(root / "images" / "F0.png", 50)
    write(root, [f"{name}.png,{'ab'[n % 2]},{n}" for n, name in enumerate(("F0", *(f"f{n}" for n in range(COUNT))))])
    assert {sample.id: sample.label for sample in table(root).samples()}["images/F0.png"] == "a"
    assert len(table(root).samples()) == COUNT + 1


def test_a_namesake_in_another_folder_is_not_taken(tmp_path):
    for n in range(4):
        film(tmp_path / "test" / f"f{n}.png", n)
    lines = [
        f"{part}/f{n}.png,{('ill', 'well')[(n + (part == 'test')) % 2]}" for n in range(4) for part in ("train", "test")
    ]
    rows(tmp_path / "labels.csv", ["file,label", *lines])
    assert [sample.label for sample in table(tmp_path).samples()] == ["well", "ill", "well", "ill"]
    assert table(tmp_path).passed_over[0].count == 4


@pytest.mark.parametrize("path", ["../../etc/passwd", "images/../../f0.png", "..\\f0.png"])
def test_a_path_out_of_the_folder_is_refused(root, path):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(COUNT)] + [f"{path},ill,1,"])
    with pytest.raises(DataError, match=r"line 10 of labels.csv names .* outside of the data folder"):
        table(root)


def test_an_absolute_path_elsewhere_is_no_file_here(root, tmp_path_factory):
    elsewhere = film(tmp_path_factory.mktemp("elsewhere") / "x.png", 0)
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(COUNT)] + [f"{elsewhere},ill,1,"])
    assert table(root).passed_over[0].examples == (str(elsewhere),)


def test_a_formula_is_no_label(root):
    write(root, [f'f{n}.png,"=IF(A{n}>1,""ill"",""well"")",{n},' for n in range(COUNT)])
    with pytest.raises(DataError, match=r"labels.csv has a formula, .* where the label of 'f0.png' should be"):
        table(root)


def test_a_column_of_texts_is_no_label(root):
    for n in range(COUNT, 40):
        film(root / "images" / f"f{n}.png", n)
    write(root, [f"f{n}.png,note {n},{n}," for n in range(40)])
    with pytest.raises(DataError, match="40 different labels of 40 images"):
        table(root, label="label")


def test_parts_come_from_a_column_or_from_folders_or_from_the_names_of_tables(root, tmp_path):
    lines = [f"f{n}.png,{('ill', 'well')[n % 2]},{('TRAIN', 'valid', 'Test')[n % 3]}" for n in range(COUNT)]
    write(root, lines, "file,label,Dataset_type")
    assert [sample.part for sample in table(root).samples()][:3] == ["train", "validation", "test"]
    assert {sample.part for sample in table(root, part=None).samples()} == {None}


def test_a_table_above_the_images_is_found(root):
    assert recognises(root / "images") == 2
    assert len(table(root / "images").samples()) == COUNT


def test_two_tables_are_a_question(root):
    write(root, [f"f{n}.png,{'ab'[n % 2]},{n}," for n in range(COUNT)], name="second.csv")
    with pytest.raises(DataError, match=r"2 tables of .* may hold the labels: labels.csv and second.csv; say which"):
        table(root)
    assert table(root, table="second.csv").labels == ("a", "b")
    with pytest.raises(DataNotFoundError, match=r"no table 'third.csv' in .*; tables there: labels.csv, second.csv"):
        table(root, table="third.csv")


def test_masks_come_from_a_column_or_from_a_folder_of_masks(root):
    xrays.write(root / "masks" / "f0.png", xrays.lungs((32, 32)))
    assert [sample.mask_annotator for sample in table(root).samples()][:2] == ["dataset", None]
    lines = [f"f{n}.png,{('ill', 'well')[n % 2]},{'drawn/m0.png' if n == 1 else ''},by hand" for n in range(COUNT)]
    write(root, lines, "file,label,mask,mask_source")
    xrays.write(root / "drawn" / "m0.png", xrays.lungs((32, 32)))
    found = table(root).samples()
    assert found[1].mask_annotator == "by hand"
    assert found[1].read_mask().sum() == xrays.lungs((32, 32)).sum()


@pytest.mark.parametrize(
    "name", ["masks/f{}_mask.png", "lung masks/f{}.png", "images/f{}-mask.png", "Seg/mask_f{}.png"]
)
def test_masks_are_found_as_in_a_folder_of_labels(root, name):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(8)])
    for n in range(6):
        xrays.write(root / name.format(n), xrays.lungs((32, 32)))
    dataset = table(root)
    assert [len(sample.paths) for sample in dataset.samples()] == [2] * 6 + [1] * 2
    assert dataset.samples()[0].read_mask().any()
    assert not dataset.passed_over


def test_left_and_right_masks_are_joined_and_masks_of_no_image_are_said(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n}," for n in range(8)])
    for side in ("leftMask", "rightMask"):
        xrays.write(root / side / "f0.png", xrays.lungs((32, 32)))
    xrays.write(root / "masks" / "stranger.png", xrays.lungs((32, 32)))
    xrays.write(root / "masks" / "heart" / "f1.png", xrays.lungs((32, 32)))
    dataset = table(root)
    assert len(dataset.samples()[0].paths) == 3
    assert {(one.why, one.count) for one in dataset.passed_over} == {
        ("masks, called like no image", 1),
        ("masks of something else", 1),
    }


def test_patients_that_are_unknown_in_part_are_counted(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{n if n < 3 else ''}," for n in range(COUNT)])
    assert "patients of 5 of 8 images unknown" in table(root).notices


@pytest.mark.parametrize("word", ["-", "None", "-1", "N/A"])
def test_words_for_nobody_are_no_patient_and_no_hospital(root, word):
    lines = [
        f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2 if n < 4 else word},{'St. A' if n < 4 else word}"
        for n in range(COUNT)
    ]
    write(root, lines, "file,label,patient_id,hospital")
    found = table(root).samples()
    assert [sample.group == sample.id for sample in found] == [False] * 4 + [True] * 4
    assert {sample.source for sample in found} == {"St. A", None}


def test_ages_and_sexes_have_one_spelling(root):
    ages, sexes = ("058Y", "018M", "45,0", "?"), ("female", "M")
    lines = [f"f{n}.png;{'ab'[n % 2]};{ages[n % 4]};{sexes[n % 2]}" for n in range(COUNT)]
    write(root, lines, "file;label;Patient Age;Gender")
    assert [dict(sample.traits) for sample in table(root).samples()][:4] == [
        {"sex": "F", "age": "58"}, {"sex": "M", "age": "1"}, {"sex": "F", "age": "45"}, {"sex": "M"}
    ]  # fmt: skip


def test_a_folder_of_labels_with_tables_of_patients_or_sheets_is_not_its_own(tmp_path):
    for n in range(4):
        film(tmp_path / "ill" / f"i{n}.png", n)
        film(tmp_path / "well" / f"w{n}.png", n + 9)
    rows(tmp_path / "ill.patients.csv", ["file,patient_id", *(f"i{n}.png,{n}" for n in range(4))])
    rows(tmp_path / "notes.csv", ["who,what", "me,nothing"])
    assert (recognises(tmp_path), folder_recognises(tmp_path)) == (0, 1)


def test_the_database_with_its_sheets_is_not_its_own(tmp_path):
    miniatures.database(tmp_path)
    assert recognises(tmp_path) == 0
    assert len(table(tmp_path).samples()) == 24


def test_nothing_is_recognised_where_there_is_no_table(tmp_path):
    assert recognises(tmp_path / "absent") == 0
    film(tmp_path / "a.png", 0)
    assert recognises(tmp_path) == 0
    with pytest.raises(DataNotFoundError, match="no table in"):
        table(tmp_path)


def test_the_sheets_of_the_database_tell_labels_and_sources_of_films_in_one_folder(tmp_path):
    for label in ("COVID", "Normal"):
        for n in range(1, 4):
            film(tmp_path / "all" / f"{label}-{n}.png", n)
        urls = [f"{label.upper()}-{n},PNG,256*256,https://sirm.org/x" for n in range(1, 4)]
        rows(tmp_path / f"{label}.metadata.csv", ["FILE NAME,FORMAT,SIZE,URL", *urls])
    dataset = table(tmp_path)
    assert labels(dataset) == {"COVID": 3, "Normal": 3}
    assert {sample.source for sample in dataset.samples()} == {"SIRM"}


@pytest.mark.parametrize("name", sorted(set(miniatures.LAYOUTS) - {"kermany", "pneumoniamnist", "rsna", "vindr"}))
def test_public_layouts_are_recognised(tmp_path, name):
    miniatures.LAYOUTS[name](tmp_path)
    assert recognises(tmp_path) == 2
    check_dataset(table, tmp_path)


def test_findings_patients_and_parts_of_nih14(tmp_path):
    miniatures.nih14(tmp_path)
    dataset = table(tmp_path)
    assert labels(dataset)["Effusion|Pneumonia"] == 8
    assert len({sample.group for sample in dataset.samples()}) == 20
    assert Counter(sample.part for sample in dataset.samples()) == {"train": 24, "test": 16}


def test_patients_and_parts_of_chexpert(tmp_path):
    miniatures.chexpert(tmp_path)
    found = table(tmp_path).samples()
    assert {sample.part for sample in found} == {"train", "validation"}
    assert len({sample.group for sample in found}) == 13  # one of 14 has uncertain findings alone
    assert table(tmp_path).patients == "names such as patient00001/study1"


def test_columns_without_names_are_patient_file_label_and_source(tmp_path):
    miniatures.covidx(tmp_path)
    found = table(tmp_path).samples()
    assert Counter((sample.label, sample.source, sample.part) for sample in found) == {
        ("COVID-19", "sirm", "train"): 8, ("normal", "rsna", "train"): 8,
        ("COVID-19", "sirm", "test"): 4, ("normal", "rsna", "test"): 4,
    }  # fmt: skip
    assert len({sample.group for sample in found}) == 12


def test_labels_and_patients_that_differ_in_case_alone_are_one_and_that_is_said(root):
    write(root, [f"f{n}.png,{('ill', 'Ill', 'well')[n % 3]},{('P1', 'p1', 'P2')[n % 3]},PA" for n in range(COUNT)])
    dataset = table(root)
    assert sorted(labels(dataset).values()) == [2, 6]
    assert Counter(sample.group for sample in dataset.samples()) == {"patient P1": 6, "patient P2": 2}
    assert "labels in the table that differ in case or separators alone are one label: Ill 3, ill 3" in dataset.notices
    (line,) = (line for line in dataset.notices if "several ways" in line)
    assert line.startswith(
        "1 patient is written in several ways, by case, blanks or leading zeros alone, such as P1 and p1"
    )


def test_rows_of_a_film_that_spell_its_patient_otherwise_do_not_contradict_each_other(root):
    lines = [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},PA" for n in range(COUNT)]
    write(root, [*lines, "f0.png,ill,0 ,PA", "f7.png,well, 3,PA"])
    assert len({sample.group for sample in table(root).samples()}) == COUNT // 2


def test_a_column_of_studies_is_no_patient_and_that_is_said_where_none_is_known(root):
    lines = [f"f{n}.png,{('ill', 'well')[n % 2]},s{n // 4}" for n in range(COUNT)]
    write(root, lines, "file,label,study_id")
    dataset = table(root)
    assert all(sample.group == sample.id for sample in dataset.samples()) and dataset.patients == ""
    (line,) = (line for line in dataset.notices if "studies" in line)
    assert line == (
        "column study_id of labels.csv tells studies, of which a patient may have several: it is not taken for the "
        "patient; if nothing else is known, say patient=study_id"
    )
    said = table(root, patient="study_id")
    assert len({sample.group for sample in said.samples()}) == 2
    assert not any("studies" in line for line in said.notices)
    write(root, [f"{line},{n % 3}" for n, line in enumerate(lines)], "file,label,study_id,patient_id")
    assert not any("studies" in line for line in table(root).notices)


def test_one_row_is_one_row_in_words(root):
    lines = [f"f{n}.png,{('ill', 'well')[n % 2]},{n // 2},PA" for n in range(COUNT - 1)]
    write(root, [*lines, "gone.png,ill,9,PA"])
    notices = table(root).notices
    assert "1 row of labels.csv passed over, no such file here: gone.png" in notices
    assert "1 image passed over, no row in labels.csv: images/f7.png" in notices


def test_two_columns_of_one_name_are_a_question_where_they_differ(root):
    write(root, [f"f{n}.png,{'ab'[n % 2]},{'ab'[n // 4]}" for n in range(COUNT)], header="file,label,label")
    with pytest.raises(DataError, match=r"several columns called 'label', 2 and 3, which differ; say.*label=2"):
        table(root)
    assert [sample.label for sample in table(root, label=3).samples()] == list("aaaabbbb")
    write(root, [f"f{n}.png,{'ab'[n % 2]},{'ab'[n % 2]}" for n in range(COUNT)], header="file,label,label")
    assert labels(table(root)) == {"a": 4, "b": 4}


def test_accents_are_one_letter_however_they_are_composed(tmp_path):
    composed, apart = (unicodedata.normalize(form, "Épanchement") for form in ("NFC", "NFD"))
    for n in range(COUNT):
        film(tmp_path / "images" / unicodedata.normalize("NFD", f"Müller {n}.png"), n)
    labels_of = [composed, "Normal", apart, "Normal"] * 2
    lines = [f"Müller {n}.png,{label},{composed if n < 2 else apart}" for n, label in enumerate(labels_of)]
    write(tmp_path, lines, header="file,label,patient")
    dataset = table(tmp_path)
    assert sorted(labels(dataset).values()) == [4, 4]
    assert len({sample.group for sample in dataset.samples()}) == 1


def test_labels_that_differ_in_separators_alone_are_one_and_that_is_said(root):
    write(
        root,
        [f"f{n}.png,{('viral_pneumonia', 'Viral Pneumonia', 'COVID+', 'COVID-')[n % 4]},{n}," for n in range(COUNT)],
    )
    dataset = table(root)
    assert sorted(labels(dataset).values()) == [2, 2, 4]
    (line,) = (line for line in dataset.notices if "separators alone" in line)
    assert line.endswith("are one label: Viral Pneumonia 2, viral_pneumonia 2")


def test_a_number_that_lost_its_zeros_is_the_same_patient_and_that_is_said(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},{('0012', '12', '12.0', '7')[n % 4]}," for n in range(COUNT)])
    dataset = table(root)
    assert Counter(sample.group for sample in dataset.samples()) == {"patient 0012": 6, "patient 7": 2}
    assert any("leading zeros alone, such as 0012 and 12" in line for line in dataset.notices)


def test_rows_that_a_separator_in_a_text_has_shifted_are_passed_over(root):
    write(
        root,
        [f"f{n}.png,{'fever, cough' if n == 1 else 'cough'},{('ill', 'well')[n % 2]}" for n in range(COUNT)],
        header="file,note,label",
    )
    dataset = table(root)
    assert labels(dataset) == {"ill": 4, "well": 3}
    first = dataset.passed_over[0]
    assert (first.count, first.examples) == (1, ("line 3",)) and first.why.startswith("more cells than the first row")


def test_a_source_that_says_parts_is_the_part(root):
    write(
        root,
        [f"f{n}.png,{('ill', 'well')[n % 2]},{'train' if n < 6 else 'val'}" for n in range(COUNT)],
        "file,label,source",
    )
    dataset = table(root)
    assert Counter(sample.part for sample in dataset.samples()) == {"train": 6, "validation": 2}
    assert all(sample.source is None for sample in dataset.samples())


def test_studies_that_are_file_names_are_files_and_the_place_of_a_nodule_is_no_view(root):
    write(root, [f"f{n}.png,{('ill', 'well')[n % 2]},l.upper lobe" for n in range(COUNT)], "study_id,label,position")
    dataset = table(root)
    assert len(dataset.samples()) == COUNT and not any(sample.traits for sample in dataset.samples())
    assert not any("tells studies" in line for line in dataset.notices)


def test_well_known_names_tell_patients_where_no_column_does(tmp_path):
    names = [f"person{n // 2}_virus_{n}.png" for n in range(COUNT)]
    for n, name in enumerate(names):
        film(tmp_path / "images" / name, n)
    write(tmp_path, [f"{name},{('ill', 'well')[n // 4]}" for n, name in enumerate(names)], "file,label")
    dataset = table(tmp_path)
    assert len({sample.group for sample in dataset.samples()}) == 4
    assert dataset.patients == "names such as person3_virus_7"
    assert not table(tmp_path, patient=None).patients


def test_columns_of_yes_and_no_are_findings(root):
    write(
        root, [f"f{n}.png,{('Yes', 'no')[n % 2]},{('no', 'Yes')[n % 2]}" for n in range(COUNT)], "file,Effusion,Edema"
    )
    assert labels(table(root)) == {"Effusion": 4, "Edema": 4}

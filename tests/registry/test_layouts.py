"""Layouts in which people keep their X-rays: what is a label, a part, a mask, and what means nothing."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from registry.checks.datasets import check_dataset
from registry.datasets.covid_radiography import covid_radiography
from registry.datasets.folder import folder
from registry.errors import DataError, DataNotFoundError
from tests import xrays

LABELS = ("Effusion", "Normal")


def films(root: Path, *folders: str, count: int = 3, name: str = "{}.png") -> Path:
    """Different radiographs in each of these folders."""
    for folder_name in folders:
        for number in range(count):
            seed = sum(map(ord, folder_name)) * 100 + number
            xrays.write(root / folder_name / name.format(number), xrays.radiograph(seed))
    return root


def masks(root: Path, *folders: str, count: int = 3, name: str = "{}.png") -> Path:
    for folder_name in folders:
        for number in range(count):
            xrays.write(root / folder_name / name.format(number), xrays.lungs())
    return root


def counts(root: Path, **options) -> dict[str, int]:
    return dict(Counter(sample.label for sample in folder(root, **options).samples()))


def passed(root: Path) -> dict[str, int]:
    return {one.what: one.count for one in folder(root).passed_over}


CHAINS = ["", "Xrays/", "Xrays/Xrays/", "archive/My Xrays/v2/", "data/images/"]


@pytest.mark.parametrize("chain", CHAINS)
def test_single_folders_are_followed_from_any_level(tmp_path, chain):
    films(tmp_path / "root", *(f"{chain}{label}" for label in LABELS))
    for name in ("__MACOSX/._a.png", ".git/b.png", ".DS_Store"):
        path = tmp_path / "root" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "root" / "README.txt").write_text("x")
    names = [part for part in chain.split("/") if part]
    for depth in range(len(names) + 1):
        root = tmp_path.joinpath("root", *names[:depth])
        assert folder.recognises(root) == 1
        assert counts(root) == dict.fromkeys(LABELS, 3)
        assert folder(root).samples()[0].id == "Effusion/0"
    assert passed(tmp_path / "root") == {
        "folder .git": 0, "folder __MACOSX": 0, "hidden files and a system's own": 1, ".txt files": 1,
    }  # fmt: skip


def test_the_database_is_found_at_any_level_of_a_chain(tmp_path):
    xrays.write_database(tmp_path / "archive" / "files" / "COVID-19_Radiography_Dataset")
    for root in (tmp_path, tmp_path / "archive", tmp_path / "archive" / "files"):
        assert covid_radiography.recognises(root) == 2
        assert len(covid_radiography(root).samples()) == 12


def test_an_archive_is_to_be_unpacked(tmp_path):
    archive = tmp_path / "xrays.zip"
    archive.write_bytes(b"PK")
    for reader in (folder, covid_radiography):
        with pytest.raises(DataNotFoundError, match=r"xrays.zip is an archive; unpack it"):
            reader(archive)
    with pytest.raises(DataNotFoundError, match=r"holds no image but xrays.zip; unpack that"):
        folder(tmp_path)


def test_images_lie_at_any_depth_below_a_label(tmp_path):
    films(tmp_path, *LABELS, *(f"{label}/more" for label in LABELS), "Normal/more/deep/er", count=2)
    assert counts(tmp_path) == {"Effusion": 4, "Normal": 6}
    assert "Normal/more/deep/er/1" in {sample.id for sample in folder(tmp_path).samples()}
    assert any("folders below the labels (more)" in line for line in folder(tmp_path).notices)


PARTS = [
    ("train", "val", "test"),
    ("Training", "VALIDATION", "Testing"),
    ("TRAIN", "valid", "Test"),
    ("train_images", "dev_images", "test_images"),
    ("split/train", "split/val", "split/test"),
    ("images/train", "images/val", "images/test"),
]


@pytest.mark.parametrize("parts", PARTS)
@pytest.mark.parametrize("order", ["{part}/{label}", "{label}/{part}", "chest_xray/{part}/{label}", "{part}/x/{label}"])
def test_parts_are_never_labels(tmp_path, parts, order):
    films(tmp_path, *(order.format(part=part, label=label) for part in parts for label in LABELS))
    samples = folder(tmp_path).samples()
    assert counts(tmp_path) == {"Effusion": 9, "Normal": 9}
    assert Counter(sample.part for sample in samples) == {"train": 6, "validation": 6, "test": 6}
    assert samples[0].id == f"{parts[0].rpartition('/')[2]}/Effusion/0"
    check_dataset(folder, tmp_path)


def test_parts_without_label_folders_are_no_classes(tmp_path):
    films(tmp_path, "train", "test")
    assert folder.recognises(tmp_path) == 0
    with pytest.raises(DataNotFoundError, match=r"images without labels \(in test, train\)"):
        folder(tmp_path)


def test_one_label_spelled_differently_in_the_parts_is_one(tmp_path):
    films(tmp_path, "train/Normal", "train/Effusion", "test/NORMAL", "test/effusion")
    assert sorted(map(str.lower, counts(tmp_path))) == ["effusion", "normal"]


def test_unlabelled_test_images_are_said(tmp_path):
    films(tmp_path, "train/Effusion", "train/Normal", "test")
    masks(tmp_path, "test/masks")
    assert counts(tmp_path) == dict.fromkeys(LABELS, 3)
    assert passed(tmp_path) == {"folder test": 3}


def test_an_archive_that_holds_itself_is_read_once(tmp_path):
    for place in ("", "chest_xray/"):
        films(tmp_path, *(f"{part}/{label}" for part in ("train", "test") for label in LABELS))
        for path in [*tmp_path.glob("train/*/*"), *tmp_path.glob("test/*/*")]:
            copy = tmp_path / place / path.relative_to(tmp_path)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    assert counts(tmp_path) == dict.fromkeys(LABELS, 6)
    assert passed(tmp_path) == {"files in a second copy": 12}


NUMBERED = [
    "images_001 images_002",
    "images_a images_b",
    "part1 part2",
    "folder1 folder2",
    "trainset testset",
    "patient1 patient2",
    "001 002",
    "p10000032 p10000033",
    "CXR_png CXR_jpg",
]


@pytest.mark.parametrize("names", NUMBERED)
def test_folders_that_are_numbered_or_say_images_are_no_labels(tmp_path, names):
    films(tmp_path, *names.split())
    assert folder.recognises(tmp_path) == 0
    with pytest.raises(DataError, match=r"images without labels|not like labels"):
        folder(tmp_path)


def test_labels_may_be_short_numbers(tmp_path):
    films(tmp_path, "0", "1", "class2")
    assert counts(tmp_path) == {"0": 3, "1": 3, "class2": 3}


def test_a_table_of_labels_beside_is_named(tmp_path):
    films(tmp_path, "siteA", "siteB")
    (tmp_path / "siteA").rename(tmp_path / "alpha")
    rows = "".join(f"{n}.png,{label}\n" for n, label in enumerate(("Mass", "Hernia|Mass", "No Finding")))
    (tmp_path / "Data_Entry.csv").write_text(f"Image Index,Finding Labels\n{rows}")
    assert folder.recognises(tmp_path) == 0
    with pytest.raises(DataError, match=r"table of labels lies here, Data_Entry.csv, .* alpha, siteB are none"):
        folder(tmp_path)
    (tmp_path / "Data_Entry.csv").write_text("Image Index;Finding Labels\n0.png;alpha\n1.png;siteB\n")
    assert counts(tmp_path) == {"alpha": 3, "siteB": 3}
    (tmp_path / "Data_Entry.csv").write_text("file,age\n0.png,60\n1.png,61\n")
    assert counts(tmp_path) == {"alpha": 3, "siteB": 3}


def test_a_table_is_named_where_no_folder_is_a_label(tmp_path):
    films(tmp_path, "images_001/images", "images_002/images", name="00000{}_000.png")
    (tmp_path / "Data_Entry_2017.csv").write_text("Image Index,Finding Labels\n000000_000.png,Mass\n")
    with pytest.raises(DataNotFoundError, match=r"a table of labels lies here, Data_Entry_2017.csv"):
        folder(tmp_path)


def test_hospitals_that_hold_the_same_diagnoses_are_no_labels(tmp_path):
    films(tmp_path, *(f"hospital {site}/{label}" for site in "AB" for label in LABELS))
    with pytest.raises(DataError, match=r"hospital A, hospital B each hold effusion, normal"):
        folder(tmp_path)
    assert counts(tmp_path, level=2) == {"Effusion": 6, "Normal": 6}
    assert counts(tmp_path, level=1) == {"hospital A": 6, "hospital B": 6}
    assert len({sample.id for sample in folder(tmp_path, level=2).samples()}) == 12


def test_collections_called_like_masks_hold_images_too(tmp_path):
    for collection in ("Infection Segmentation Data", "Lung Segmentation Data"):
        for place in (f"{collection}/{collection}/{part}/{label}" for part in ("Train", "Val") for label in LABELS):
            films(tmp_path, f"{place}/images", name=f"{collection[0]}{{}}.png")
            masks(tmp_path, f"{place}/lung masks", name=f"{collection[0]}{{}}.png")
    with pytest.raises(DataError, match="Infection Segmentation Data, Lung Segmentation Data each hold effusion"):
        folder(tmp_path)
    samples = folder(tmp_path / "Lung Segmentation Data").samples()
    assert Counter(sample.label for sample in samples) == dict.fromkeys(LABELS, 6)
    assert {len(sample.paths) for sample in samples} == {2}
    assert samples[0].id == "Train/Effusion/L0"


def test_a_label_below_another_is_named(tmp_path):
    films(tmp_path, *LABELS, "old/Normal")
    with pytest.raises(DataError, match=r"folder old holds Normal, which lies beside it too"):
        folder(tmp_path)


@pytest.mark.parametrize("layout", ["results/multiclass/run-1", "multiclass/run-1"])
def test_results_of_the_program_are_no_label(tmp_path, layout):
    films(tmp_path, *LABELS)
    films(tmp_path, layout, name="gradcam{}.png")
    (tmp_path / layout / "result.json").write_text("{}")
    for name in ("objects/draw/abc", "locks", "logs"):
        films(tmp_path, f"kept/{name}", count=1)
    assert counts(tmp_path) == dict.fromkeys(LABELS, 3)
    whys = {one.what: one.why for one in folder(tmp_path).passed_over}
    assert "bench has written" in whys["folder kept"]
    assert any("bench has written" in why for what, why in whys.items() if "multiclass" in what)


def test_empty_folders_are_no_labels(tmp_path):
    films(tmp_path, *LABELS)
    (tmp_path / "results" / "figures").mkdir(parents=True)
    assert passed(tmp_path) == {"folder results": 0}


SUFFIXES = ["0.jfif", "1.JPE", "2", "3.JPEG", "4.dat"]


def test_what_a_file_is_is_told_by_its_first_bytes(tmp_path):
    for label in LABELS:
        for number, name in enumerate(SUFFIXES):
            path = xrays.write(tmp_path / label / f"{number}.jpg", xrays.radiograph(number + len(label)))
            path.rename(path.with_name(name))
        (tmp_path / label / "notes.dat").write_text("no image")
    assert counts(tmp_path) == dict.fromkeys(LABELS, 5)
    assert passed(tmp_path) == {".dat files": 2}
    check_dataset(folder, tmp_path)


MASKS = {
    "beside": ("{label}/images", "{label}/masks", "{}.png"),
    "suffix": ("{label}/images", "{label}/masks", "{}_mask.png"),
    "dash": ("{label}/images", "{label}/Masks", "{}-mask.png"),
    "prefix": ("{label}/images", "{label}/mask", "mask_{}.png"),
    "seg": ("{label}", "{label}/segmentations", "{}_seg.png"),
    "lung": ("{label}/Images", "{label}/lung masks", "{}_lung.png"),
    "two words": ("{label}", "{label}/lung_masks", "{}_lung_mask.png"),
    "parallel": ("images/{label}", "masks/{label}", "{}.png"),
    "parallel parts": ("train/images/{label}", "train/masks/{label}", "{}.png"),
    "parts of parts": ("images/train/{label}", "lung masks/train/{label}", "{}_mask.png"),
    "named parts": ("train_images/{label}", "train_masks/{label}", "{}.png"),
    "among images": ("{label}", "{label}", "{}_mask.png"),
    "named like labels": ("{label}", "{label}_masks", "{}.png"),
    "one word": ("{label}/images", "{label}/lungmasks", "{}.png"),
    "truth": ("{label}/cxr", "{label}/ground_truth_masks", "{}.png"),
    "annotations": ("{label}", "annotations/{label}", "{}.png"),
}


@pytest.mark.parametrize("names", MASKS.values(), ids=MASKS.keys())
def test_masks_are_found_by_folder_and_name(tmp_path, names):
    images, below, name = names
    for label in LABELS:
        films(tmp_path, images.format(label=label))
        masks(tmp_path, below.format(label=label), count=2, name=name)
    samples = folder(tmp_path).samples()
    assert counts(tmp_path) == dict.fromkeys(LABELS, 3)
    assert [len(sample.paths) for sample in samples] == [2, 2, 1] * 2
    assert samples[0].read_mask().sum() == xrays.lungs().sum()
    assert samples[0].id.endswith("Effusion/0")


def test_masks_of_all_labels_may_lie_in_one_folder(tmp_path):
    films(tmp_path, "images/Normal", name="n{}.png")
    films(tmp_path, "images/Effusion", name="e{}.png")
    masks(tmp_path, "masks", name="n{}_mask.png")
    assert [len(sample.paths) for sample in folder(tmp_path).samples()] == [1, 1, 1, 2, 2, 2]


def test_a_mask_that_fits_images_of_two_labels_is_named(tmp_path):
    films(tmp_path, *LABELS)
    masks(tmp_path, "masks")
    with pytest.raises(DataError, match=r"masks/0.png may belong to several images"):
        folder(tmp_path)


HALVES = {
    "folders": ("{label}/masks/left/{}.png", "{label}/masks/right/{}.png"),
    "letters": ("{label}/masks/l/{}.png", "{label}/masks/r/{}.png"),
    "Montgomery": ("ManualMask/leftMask/{label}/{}.png", "ManualMask/rightMask/{label}/{}.png"),
    "names": ("{label}/masks/{}_left.png", "{label}/masks/{}_right.png"),
    "short names": ("masks/{label}/{}_l_mask.png", "masks/{label}/{}_r_mask.png"),
    "first": ("{label}/masks/left_{}.png", "{label}/masks/right_{}.png"),
}


@pytest.mark.parametrize("halves", HALVES.values(), ids=HALVES.keys())
def test_left_and_right_masks_are_joined(tmp_path, halves):
    whole = xrays.lungs()
    for label in LABELS:
        films(tmp_path, label)
        for place, half in enumerate(halves):
            own = whole.copy()
            own[:, (1 - place) * 20 : (2 - place) * 20] = False
            for number in range(3):
                xrays.write(tmp_path / half.format(number, label=label), own)
    samples = folder(tmp_path).samples()
    assert counts(tmp_path) == dict.fromkeys(LABELS, 3)
    assert {len(sample.paths) for sample in samples} == {3}
    assert (samples[0].read_mask() == whole).all()
    check_dataset(folder, tmp_path)


def test_half_a_mask_is_named(tmp_path):
    films(tmp_path, *LABELS)
    masks(tmp_path, "Normal/masks/left")
    masks(tmp_path, "Normal/masks/right", count=2)
    with pytest.raises(DataError, match=r"left/2.png is the left lung alone; add the right one"):
        folder(tmp_path)


def test_halves_of_different_sizes_are_named(tmp_path):
    films(tmp_path, *LABELS)
    xrays.write(tmp_path / "Normal" / "masks" / "left" / "0.png", xrays.lungs())
    xrays.write(tmp_path / "Normal" / "masks" / "right" / "0.png", xrays.lungs((32, 32)))
    (sample,) = [sample for sample in folder(tmp_path).samples() if len(sample.paths) == 3]
    with pytest.raises(DataError, match=r"right/0.png: the masks of the two lungs differ in size, 40×40 and 32×32"):
        sample.read_mask()


def test_masks_of_something_else_are_said(tmp_path):
    films(tmp_path, *(f"{label}/images" for label in LABELS))
    masks(tmp_path, "Normal/lung masks", "Normal/infection masks")
    masks(tmp_path, "Effusion/masks/heart", count=2)
    assert [len(sample.paths) for sample in folder(tmp_path).samples()] == [1, 1, 1, 2, 2, 2]
    assert passed(tmp_path) == {".png files": 5}


def test_masks_that_are_called_otherwise_are_named(tmp_path):
    films(tmp_path, *LABELS)
    masks(tmp_path, "Normal/masks", name="roi{}.png")
    with pytest.raises(DataError, match=r"roi0.png and 2 more has no image; images are called like 0.png"):
        folder(tmp_path)


def test_ids_of_parts_and_of_folders_without_meaning_do_not_collide(tmp_path):
    films(tmp_path, *(f"{part}/Normal/images_{n}" for part in ("train", "test") for n in (1, 2)), "train/Effusion")
    ids = [sample.id for sample in folder(tmp_path).samples()]
    assert len(set(ids)) == 15
    assert "train/Normal/images_1/0.png" in ids
    assert "train/Effusion/0" in ids


def test_masks_in_a_folder_of_another_name_are_no_films(tmp_path):
    films(tmp_path, *(f"{label}/images" for label in LABELS))
    masks(tmp_path, *(f"{label}/lungs" for label in LABELS))
    with pytest.raises(
        DataError, match=r"^Effusion/lungs, Normal/lungs: the images there have two grey levels, as masks"
    ):
        folder(tmp_path)


def test_films_called_like_those_of_another_folder_are_films(tmp_path):
    films(tmp_path, *(f"{label}/{where}" for label in LABELS for where in ("north", "south")))
    assert counts(tmp_path) == dict.fromkeys(LABELS, 6)


def test_folders_that_are_nearly_as_many_as_the_images_are_no_labels(tmp_path):
    films(tmp_path, *(f"clinic {name}" for name in "abcdefg"), count=1)
    with pytest.raises(DataError, match=r"7 folders of 7 images .* are patients or studies rather than labels"):
        folder(tmp_path)
    assert len(folder(tmp_path, level=1).labels) == 7


def test_folders_called_like_subjects_are_no_labels(tmp_path):
    films(tmp_path, "sub-S0001", "sub-S0002")
    with pytest.raises(DataError, match="called like patients"):
        folder(tmp_path)


def test_labels_of_two_parts_that_are_written_otherwise_are_one(tmp_path):
    films(tmp_path, "train/Viral Pneumonia", "train/Normal", "train/Épanchement", count=4)
    films(tmp_path, "test/viral_pneumonia", "test/normal", "test/" + unicodedata.normalize("NFD", "Épanchement"))
    assert counts(tmp_path) == {"Viral Pneumonia": 7, "Normal": 7, "Épanchement": 7}


def test_ground_truths_are_masks(tmp_path):
    films(tmp_path, "COVID/Images", "Normal/Images")
    for label in ("COVID", "Normal"):
        masks(tmp_path, f"{label}/Ground-truths", name="mask_{}.png")
    dataset = folder(tmp_path)
    assert [len(sample.paths) for sample in dataset.samples()] == [2] * 6

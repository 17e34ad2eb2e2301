import errno
import os
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmark.data.prepare import UnusableError, prepare
from benchmark.data.prepared import load
from registry.contracts import Sample
from registry.datasets.covid_radiography import covid_radiography
from registry.errors import ContractError, DataError, StorageError, UnknownNameError
from tests import xrays


def synthetic(n: int, **fields) -> Sample:
    """A sample whose readers give arrays."""
    given = {"image": xrays.radiograph(n), "mask": None, "lesion": None, "marks": None} | {
        name: fields.pop(name) for name in ("image", "mask", "lesion", "marks") if name in fields
    }
    readers = {f"read_{name}": partial(lambda pixels: pixels, pixels) for name, pixels in given.items()}
    return Sample(**{"id": f"s{n}", "label": "a", "source": None, "group": f"g{n}"} | readers | fields)


def prepared(samples, folder, **options):
    folder.mkdir(exist_ok=True)
    told = []
    defaults = {"size": 32, "equalise": "none", "skip_bad": False, "workers": 2}
    prepare(samples, folder, **defaults | options, progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(samples), len(samples))
    return load(folder)


def test_the_artefact_holds_every_sample_in_order(tmp_path):
    samples = [synthetic(n, label="ab"[n % 2], source=[None, "here"][n % 2], mask_annotator="me") for n in range(50)]
    samples[7] = synthetic(7, mask=xrays.lungs(), mask_annotator="me", label="b")
    images = prepared(samples, tmp_path / "out")
    assert images.ids.tolist() == [f"s{n}" for n in range(50)]
    assert images.labels.tolist() == ["a", "b"] * 25
    assert images.sources.tolist()[:2] == [None, "here"]
    assert images.groups.tolist() == [f"g{n}" for n in range(50)]
    assert images.mask_annotators.tolist() == [None] * 7 + ["me"] + [None] * 42
    assert np.flatnonzero(images.has_mask).tolist() == [7]
    assert images.sizes.tolist() == [[40, 40]] * 50
    assert images.size == 32
    assert images.skipped == ()
    assert (images.images.shape, images.images.dtype) == ((50, 32, 32), np.uint8)
    for n in (0, 17, 49):
        assert np.array_equal(
            images.images[n], cv2.resize(xrays.radiograph(n), (32, 32), interpolation=cv2.INTER_LINEAR)
        )


def test_images_are_mapped_not_read(tmp_path):
    assert isinstance(prepared([synthetic(0), synthetic(1)], tmp_path / "out").images, np.memmap)


def test_masks_of_any_size_come_back_at_the_images_size(tmp_path):
    samples = [
        synthetic(0, mask=xrays.lungs((64, 64)), mask_annotator="me"),
        synthetic(1),
        synthetic(2, mask=xrays.lungs((32, 32))),
    ]
    images = prepared(samples, tmp_path / "out")
    assert images.masks().shape == (3, 32, 32)
    assert np.array_equal(images.masks()[0], xrays.lungs((32, 32)))
    assert not images.masks()[1].any()
    assert np.array_equal(images.masks([2, 0]), images.masks()[[2, 0]])
    assert images.mask_annotators.tolist() == ["me", None, "unknown"]


def test_lesions_are_kept_where_they_are_known_even_if_empty(tmp_path):
    nothing = np.zeros((32, 32), bool)
    images = prepared(
        [synthetic(0), synthetic(1, lesion=nothing), synthetic(2, lesion=xrays.lungs((32, 32)))], tmp_path / "out"
    )
    assert images.lesion_known.tolist() == [False, True, True]
    assert images.lesions().any(axis=(1, 2)).tolist() == [False, False, True]


def test_marks_are_kept_where_they_are_known_even_if_empty(tmp_path):
    plate = np.zeros((64, 64), bool)
    plate[:16] = True
    samples = [synthetic(0), synthetic(1, marks=np.zeros((32, 32), bool)), synthetic(2, marks=plate)]
    images = prepared(samples, tmp_path / "out")
    assert images.marks_known.tolist() == [False, True, True]
    assert images.marks().any(axis=(1, 2)).tolist() == [False, False, True]
    assert images.marks([2])[0, :8].all() and not images.marks([2])[0, 8:].any()
    assert not images.lesion_known.any()


def test_marks_that_do_not_fit_their_image_are_refused(tmp_path):
    with pytest.raises(DataError, match="mask of marks of 30×20 pixels does not fit"):
        prepared([synthetic(0, marks=np.ones((20, 30), bool)), synthetic(1)], tmp_path / "out")


def test_without_any_lesion_there_is_no_lesion_file(tmp_path):
    images = prepared([synthetic(0), synthetic(1)], tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["images.npy", "index.json", "masks.npy"]
    assert images.lesions([1]).shape == (1, 32, 32)
    assert images.lesions(np.array([True, False])).shape == (1, 32, 32)
    assert not images.lesions().any()


def test_threads_change_nothing(tmp_path):
    samples = [synthetic(n, mask=xrays.lungs(), paths=("a file",)) for n in range(70)]
    one, many = prepared(samples, tmp_path / "1", workers=1), prepared(samples, tmp_path / "5", workers=5)
    assert np.array_equal(one.images, many.images)
    for name in ("images.npy", "masks.npy", "index.json"):
        assert (one.folder / name).read_bytes() == (many.folder / name).read_bytes()


def test_opencv_gets_its_threads_back(tmp_path):
    before = cv2.getNumThreads()
    prepared([synthetic(0), synthetic(1)], tmp_path / "out")
    with pytest.raises(UnusableError):
        prepared([synthetic(0, image=np.zeros((20, 20), np.uint8))], tmp_path / "bad")
    assert cv2.getNumThreads() == before


def test_equalisation_is_what_its_name_says(tmp_path):
    radiograph = xrays.radiograph(3, (32, 32)) // 3
    expected = {
        "histogram": cv2.equalizeHist(radiograph),
        "clahe": cv2.createCLAHE(2.0, (8, 8)).apply(radiograph),
        "none": radiograph,
        "lungs": radiograph,
    }
    for name, pixels in expected.items():
        images = prepared([synthetic(0, image=radiograph)], tmp_path / name, equalise=name)
        assert np.array_equal(images.images[0], pixels), name
    with pytest.raises(UnknownNameError, match="did you mean histogram"):
        prepared([synthetic(0)], tmp_path / "x", equalise="histogramm")


def test_strong_shrinking_averages_what_it_drops(tmp_path):
    stripes = np.zeros((320, 320), np.uint8)
    stripes[:, ::2] = 200
    assert set(np.unique(prepared([synthetic(0, image=stripes)], tmp_path / "out").images)) == {100}


def test_identical_pixels_share_a_group_across_patients_and_names(tmp_path):
    same = xrays.radiograph(99)
    samples = [synthetic(n) for n in range(6)]
    samples[1] = synthetic(1, image=same, group="g1")
    samples[3] = synthetic(3, image=same.copy(), group="g3")
    samples[4] = synthetic(4, group="g3")
    groups = prepared(samples, tmp_path / "out").groups.tolist()
    assert groups == ["g0", "g1", "g2", "g1", "g1", "g5"]


def test_radiographs_that_differ_in_places_only_stay_apart(tmp_path):
    radiograph = xrays.radiograph(5)
    images = prepared(
        [synthetic(0, image=radiograph), synthetic(1, image=radiograph[:, ::-1])], tmp_path / "out"
    )  # same mean, same spread
    assert images.groups.tolist() == ["g0", "g1"]


def bad(root):
    """A database with one file of every kind of defect; the ids in order."""
    folder = root / "COVID"
    xrays.truncated(folder / "images" / "COVID-1.png")
    (folder / "images" / "COVID-2.png").write_bytes(b"")
    xrays.write(folder / "images" / "COVID-3.png", np.full((1, 1), 9, np.uint8))
    xrays.write(root / "Normal" / "images" / "Normal-1.png", np.full((40, 40), 9, np.uint8))
    xrays.write(root / "Normal" / "masks" / "Normal-2.png", xrays.lungs((40, 50)))
    (root / "Normal" / "masks" / "Normal-3.png").write_text("text")
    return ["COVID-1", "COVID-2", "COVID-3", "Normal-1", "Normal-2", "Normal-3"]


def test_everything_unusable_is_listed_at_once_and_nothing_is_left(tmp_path):
    root = xrays.write_database(tmp_path / "data")
    ids = bad(root)
    with pytest.raises(DataError) as raised:
        prepared(covid_radiography(root).samples(), tmp_path / "out")
    assert [line.partition(":")[0] for line in raised.value.problems] == ids
    head, *lines = str(raised.value).splitlines()
    assert head.startswith("6 of 12 samples cannot be used")
    reasons = ("truncated PNG", "0 bytes", "1×1 pixels", "every pixel is 9", "50×40 pixels does not fit", "neither PNG")
    assert all(reason in line for reason, line in zip(reasons, lines, strict=True))
    assert str(tmp_path) not in str(raised.value)
    assert list((tmp_path / "out").iterdir()) == []


def test_skipping_leaves_them_out_and_says_which(tmp_path):
    root = xrays.write_database(tmp_path / "data")
    ids = bad(root)
    samples = covid_radiography(root).samples()
    images = prepared(samples, tmp_path / "out", skip_bad=True)
    good = [sample for sample in samples if sample.id not in ids]
    assert images.ids.tolist() == [sample.id for sample in good]
    assert [line.partition(":")[0] for line in images.skipped] == ids
    clean = prepared(good, tmp_path / "clean")
    assert np.array_equal(images.images, clean.images)
    assert np.array_equal(images.masks(), clean.masks())


def test_a_long_list_is_cut_in_the_message_and_whole_in_the_error(tmp_path):
    samples = [synthetic(n, image=np.zeros((20, 20), np.uint8)) for n in range(30)] + [synthetic(30)]
    with pytest.raises(UnusableError) as raised:
        prepared(samples, tmp_path / "out")
    assert len(raised.value.problems) == 30
    assert len(str(raised.value).splitlines()) == 22
    assert str(raised.value).endswith("… and 10 more")


def test_if_all_are_unusable_skipping_does_not_help(tmp_path):
    with pytest.raises(UnusableError, match="1 of 1 samples"):
        prepared([synthetic(0, image=np.zeros((20, 20), np.uint8))], tmp_path / "out", skip_bad=True)
    with pytest.raises(DataError, match="no samples"):
        prepared([], tmp_path / "none")


def test_a_small_difference_in_shape_between_mask_and_image_is_tolerated(tmp_path):
    near = synthetic(0, image=xrays.radiograph(0, (40, 40)), mask=xrays.lungs((100, 102)))
    assert prepared([near], tmp_path / "out").has_mask.all()


@pytest.mark.parametrize("image", [np.zeros((20, 20)), np.zeros((20, 20, 3), np.uint8), [[1]], None])
def test_a_reader_that_breaks_its_promise_is_the_plugins_fault(tmp_path, image):
    with pytest.raises(ContractError, match=r"sample 's0': read_image gives uint8 \(H, W\), received"):
        prepared([synthetic(0, image=image)], tmp_path / "out", skip_bad=True)
    with pytest.raises(ContractError, match=r"a mask is bool \(H, W\) or None, received uint8"):
        prepared([synthetic(0, mask=np.zeros((20, 20), np.uint8))], tmp_path / "out2")
    assert list((tmp_path / "out").iterdir()) == list((tmp_path / "out2").iterdir()) == []


def test_a_full_disk_is_a_storage_error_and_leaves_nothing(tmp_path, monkeypatch):
    real = os.pwritev

    def full_after_a_while(descriptor, data, offset):
        if offset > 5000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(descriptor, data, offset)

    monkeypatch.setattr(os, "pwritev", full_after_a_while)
    with pytest.raises(StorageError, match=r"cannot write .*images.npy: No space left on device"):
        prepared([synthetic(n) for n in range(40)], tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_short_writes_are_continued(tmp_path, monkeypatch):
    real = os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda descriptor, pieces, offset: real(descriptor, pieces[0][:90], offset))
    monkeypatch.setattr(os, "pwrite", lambda descriptor, data, offset: real(descriptor, data[:100], offset))
    images = prepared([synthetic(n, image=xrays.radiograph(n, (32, 32))) for n in range(3)], tmp_path / "out")
    assert np.array_equal(images.images[2], xrays.radiograph(2, (32, 32)))


def test_rows_written_together_are_those_written_one_by_one(tmp_path, monkeypatch):
    """Refused radiographs and radiographs without a mask lie between the others."""
    readers = [
        synthetic(n, image=xrays.radiograph(n, (32, 32)), mask=xrays.lungs((32, 32)) if n % 3 else None)
        for n in range(20)
    ]
    readers[4] = synthetic(4, image=np.zeros((32, 32), np.uint8))
    together = prepared(readers, tmp_path / "together", skip_bad=True)
    monkeypatch.setattr("benchmark.data.prepare.GROUP_BYTES", 1)
    single = prepared(readers, tmp_path / "single", skip_bad=True)
    for name in ("images.npy", "masks.npy", "index.json"):
        assert (together.folder / name).read_bytes() == (single.folder / name).read_bytes()
    assert len(together.ids) == 19


def test_files_that_changed_before_they_are_read_again_do_no_harm(tmp_path):
    """Duplicates are confirmed by a second reading, which may give something else."""
    radiograph = xrays.radiograph(1)
    twin = replace(synthetic(1), read_image=iter([radiograph, radiograph // 2]).__next__)
    images = prepared([synthetic(0, image=radiograph), twin], tmp_path / "out", workers=1)
    assert images.groups.tolist() == ["g0", "g1"]


MEMORY = """
import sys
from functools import partial
from pathlib import Path
import numpy as np
from benchmark.data.prepare import prepare
from registry.contracts import Sample
def draw(n):
    return np.random.default_rng(n).integers(0, 256, (64, 64), np.uint8)
def mask(n):
    return draw(n) > 99
samples = [Sample(str(n), "a", None, str(n), partial(draw, n), partial(mask, n)) for n in range(int(sys.argv[1]))]
prepare(samples, Path(sys.argv[2]), size=128, equalise="histogram", skip_bad=False, workers=2, progress=print)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_peak_memory_does_not_grow_with_the_number_of_images(tmp_path):
    peaks = {}
    for count in (300, 3000):  # 5 and 49 MB of prepared images
        (tmp_path / str(count)).mkdir()
        command = [sys.executable, "-c", MEMORY, str(count), str(tmp_path / str(count))]
        peaks[count] = int(subprocess.run(command, capture_output=True, check=True, text=True).stdout.split()[-1])
    assert peaks[3000] - peaks[300] < 20_000  # kB


@pytest.mark.real_data
@pytest.mark.skipif("BENCH_REAL_DATA" not in os.environ, reason="BENCH_REAL_DATA is not set")
def test_real_radiographs_are_prepared(tmp_path):
    samples = covid_radiography(Path(os.environ["BENCH_REAL_DATA"]) / "crd-sample").samples()
    images = prepared(samples, tmp_path / "out", size=128, equalise="histogram")
    assert len(images.ids) == 180
    assert 0.1 < images.masks(images.has_mask).mean() < 0.4  # lungs fill a quarter of the frame

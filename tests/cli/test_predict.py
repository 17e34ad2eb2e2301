"""`bench predict` as a user calls it: films of the run's own test subset, others, and hostile ones."""

import base64
import csv
import io
import json
import marshal
import shutil
import struct
import types
import zipfile
import zlib
from importlib.machinery import PathFinder

import cv2
import msgspec
import numpy as np
import pydicom
import pytest

from benchmark.data.samples import open_dataset
from benchmark.execution.graphs import LIBRARIES
from benchmark.records.contents import listing
from benchmark.records.files import FILE, read, write
from benchmark.records.prediction import IMPLAUSIBLE, NOT_FOR_DIAGNOSIS, UNLIKE
from benchmark.tasks.spec import RunSpec
from tests import factories
from tests.commands import once_run, one_line

pytestmark = pytest.mark.slow

NEAR = 1e-6
HEADER = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 0, 0, 0, 0)  # of 200 megapixels


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return once_run(tmp_path_factory)


@pytest.fixture(scope="module")
def run(bench):
    """Folder of the run."""
    (path,) = bench.results.glob("tiny/none-*/result.json")
    return path.parent


@pytest.fixture(scope="module")
def stored(run):
    """What the run keeps of its test images."""
    with np.load(run / "predictions.npz", allow_pickle=False) as kept:
        test = kept["subsets"] == "test"
        return {name: kept[name][test] for name in ("ids", "probabilities", "corrected_logits")}


@pytest.fixture(scope="module")
def films(bench, run, stored):
    """A folder with the run's own test images, by their ids."""
    spec = msgspec.convert(read(run / FILE).spec, RunSpec)
    _, samples, _ = open_dataset(spec.dataset, spec.split.seed)
    known = {sample.id: sample for sample in samples}
    for name in stored["ids"].tolist():
        path = bench.root / "films" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), known[name].read_image())
    return bench.root / "films"


def predict(bench, *arguments, code=0):
    told = bench.call("predict", *arguments)
    assert told.returncode == code, told.stdout + told.stderr
    assert "Traceback" not in told.stderr
    return told


def png(header, *chunks):
    """A PNG of these chunks after its header."""
    parts = [(b"IHDR", header), *chunks, (b"IEND", b"")]
    crcs = [struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts]
    whole = [struct.pack(">I", len(data)) + kind + data + crc for (kind, data), crc in zip(parts, crcs, strict=True)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(whole)


def test_the_runs_own_test_images_get_the_stored_probabilities_and_its_decisions(bench, run, stored, films):
    told = predict(bench, films, "--run", run, "--no-map", "--json", "-o", bench.root / "own")
    found = json.loads(told.stdout)
    assert (found["run"], found["note"]) == (run.name, NOT_FOR_DIAGNOSIS)
    assert found["map_method"] is None  # no map was asked for
    by_name = {image["image"].removeprefix(f"{films}/").removesuffix(".png"): image for image in found["images"]}
    assert set(by_name) == set(stored["ids"].tolist()) and len(by_name) > 20
    given = [list(by_name[name]["probabilities"].values()) for name in stored["ids"].tolist()]
    np.testing.assert_allclose(given, stored["probabilities"], rtol=0, atol=NEAR)
    decided = [found["classes"].index(by_name[name]["decided"]) for name in stored["ids"].tolist()]
    assert decided == stored["corrected_logits"].argmax(axis=1).tolist()
    # the threshold that is said is the one that decides
    positive = np.array([by_name[name]["probabilities"]["COVID"] for name in stored["ids"].tolist()])
    assert decided == (positive >= found["probability_threshold"]).astype(int).tolist()
    if all(map(PathFinder.find_spec, LIBRARIES)):  # the very numbers above are then its
        assert found["engine"].startswith("ONNX Runtime ") and found["engine_refusal"] is None
        assert "synthetic films: probabilities differ by at most" in found["engine_proof"]
    else:
        assert (found["engine"], found["engine_proof"]) == ("Keras (tensorflow)", None)
    rule = found["unlike_rule"]
    assert rule["tested"] == len(decided)
    assert rule["false_alarms"] == sum(image["unlike"] for image in by_name.values())
    rows = list(csv.DictReader((bench.root / "own" / "predictions.csv").read_text().splitlines()))
    assert [float(row["probability COVID"]) for row in rows] == [
        image["probabilities"]["COVID"] for image in found["images"]
    ]


def test_one_image_is_said_and_drawn_with_its_warnings(bench, run, films):
    film = cv2.imread(str(next(films.rglob("*.png"))), cv2.IMREAD_GRAYSCALE)
    odd = bench.root / "upside down.tif"
    assert cv2.imwrite(str(odd), film[::-1].astype(np.uint16) * 257)
    told = predict(bench, odd, "--run", run.name[:12])  # the beginning of its name, below results/
    said = " ".join(told.stdout.split())
    assert "likeliest class at equal class shares" in said and "COVID from a probability of 0.2" in said
    assert f"warning: {UNLIKE}" in said and NOT_FOR_DIAGNOSIS in said
    assert "calibration image" in said and "test images raise it" in said
    (picture,) = (bench.root / "predictions" / run.name).iterdir()
    assert picture.name.startswith("upside_down") and f"picture: {picture.name}" in said
    drawn = cv2.imread(str(picture))
    assert drawn.shape[1] > 600 and np.ptp(drawn, axis=2).max() > 50  # heat is in colour
    assert IMPLAUSIBLE not in said  # of a run without masks


def test_what_is_hostile_is_a_line_and_nothing_else_is_lost_or_written(bench, run, films):
    folder, out = bench.root / "hostile", bench.root / "told"
    folder.mkdir()
    film = next(films.rglob("*.png")).read_bytes()
    (folder / "text.png").write_text("import os")
    (folder / "cut.png").write_bytes(film[: len(film) // 2])
    (folder / "large.png").write_bytes(png(HEADER, (b"IDAT", zlib.compress(bytes(100)))))
    (folder / "--run=x.png").write_bytes(film)
    (folder / "=cmd|'x'.png").write_bytes(film)
    (folder / "<script>[bold]\x1b[31m\n.png").write_bytes(film)
    (folder / "deep").mkdir()
    (folder / "deep" / "loop").symlink_to("..")
    frames = pydicom.Dataset()
    frames.file_meta = pydicom.dataset.FileMetaDataset()
    frames.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    frames.SOPClassUID, frames.SOPInstanceUID = pydicom.uid.SecondaryCaptureImageStorage, "1.2"
    frames.Rows = frames.Columns = 32
    frames.NumberOfFrames, frames.SamplesPerPixel, frames.PhotometricInterpretation = 9, 1, "MONOCHROME2"
    frames.BitsAllocated = frames.BitsStored = 8
    frames.HighBit, frames.PixelRepresentation, frames.PixelData = 7, 0, bytes(9 * 32 * 32)
    frames.save_as(folder / "frames.dcm", enforce_file_format=True)
    before = sorted(path for path in bench.root.rglob("*") if bench.cache not in path.parents)
    told = predict(bench, folder, "--run", run, "-o", out, code=1)
    assert all(character.isprintable() or character == "\n" for character in told.stdout + told.stderr)
    rows = list(csv.DictReader(io.StringIO((out / "predictions.csv").read_text())))
    problems = {row["image"].rpartition("/")[2]: row["problem"] for row in rows if row["problem"]}
    assert set(problems) == {"text.png", "cut.png", "large.png", "frames.dcm"}
    assert "its header claims 20000×10000 pixels" in problems["large.png"]
    assert "a DICOM of 9 frames" in problems["frames.dcm"] and "truncated" in problems["cut.png"]
    assert all(problem in told.stdout for problem in problems.values())
    assert len(rows) == 7 and all(row["decided"] for row in rows if not row["problem"])
    after = sorted(path for path in bench.root.rglob("*") if bench.cache not in path.parents)
    new = [path for path in after if path not in before]
    assert len(new) == 5 and all(path == out or path.parent == out for path in new)  # three pictures and the table


def test_names_in_the_table_are_no_formulas(bench, run, films):
    shutil.copy(next(films.rglob("*.png")), bench.root / "=1+1.png")
    predict(bench, "=1+1.png", "--run", run, "--no-map", "-o", bench.root / "formulas")
    (row,) = csv.DictReader((bench.root / "formulas" / "predictions.csv").read_text().splitlines())
    assert row["image"] == "'=1+1.png"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (factories.vote(), "is made of other runs and keeps no models of its own"),
        (factories.pooled(factories.folds([0.9, 0.8]), 0.85), "is made of other runs and keeps no models"),
        (factories.record(), "no models in"),
    ],
)
def test_votes_and_pooled_folds_are_refused_in_a_line(bench, films, tmp_path, made, said):
    write(made, tmp_path)
    assert said in one_line(bench.call("predict", films, "--run", tmp_path, "--no-map"))


def test_a_run_that_is_not_there_and_images_that_are_not_are_a_line(bench, run, films):
    assert "no run 'unet'" in one_line(bench.call("predict", films, "--run", "unet"))
    assert "nothing at 'gone.png'" in one_line(bench.call("predict", "gone.png", "--run", run))
    assert "written into" in one_line(bench.call("predict", films, "--run", run, "-o", films))


def sealed_anew(run, target, change):
    """A copy of a run that somebody has changed and sealed again."""
    shutil.copytree(run, target)
    change(target / "model")
    (target / FILE).unlink()
    write(msgspec.structs.replace(read(run / FILE), files=listing(target)), target)
    return target


def test_a_run_from_before_says_in_a_line_what_it_does_not_know(bench, run, films, tmp_path):
    older = sealed_anew(run, tmp_path / "older", lambda model: (model / "familiarity.npz").unlink())
    told = predict(bench, next(films.rglob("*.png")), "--run", older, "--no-map")
    (line,) = [line for line in told.stdout.splitlines() if "not known" in line]
    assert line.endswith("run it again") and UNLIKE not in told.stdout.replace(line, "")


def with_lambda(model, ran):
    """A head whose layer is a function that makes a file."""
    code = compile(f"open({str(ran)!r}, 'w').close()", "planted", "exec")
    made = types.FunctionType(code, {}).__code__
    function = {"class_name": "__lambda__", "config": {"code": base64.b64encode(marshal.dumps(made)).decode()}}
    layer = {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "x", "function": function}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "x", "layers": [layer]}}
    _rewritten(model / "head.keras", config)


def with_path(model, ran):
    """A head that names a function of a module in its configuration."""
    function = {"module": "builtins", "class_name": "function", "config": "open", "registered_name": "function"}
    layer = {"module": "keras.layers", "class_name": "Activation", "config": {"activation": function}}
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "../../x", "layers": [layer]}}
    _rewritten(model / "head.keras", config)


def with_objects(model, ran):
    np.savez(model / "familiarity.npz", centre=np.array([Bomb(ran), None], object), scale=1, factor=1, limit=1)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def _rewritten(path, config):
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in (content | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, data)


@pytest.mark.parametrize("plant", [with_lambda, with_path, with_objects])
def test_no_code_in_a_runs_files_is_run(bench, run, films, tmp_path, plant):
    """Sealed again by whoever planted it: the seal is no signature."""
    film, ran = next(films.rglob("*.png")), tmp_path / "ran"
    planted = sealed_anew(run, tmp_path / "planted", lambda model: plant(model, ran))
    told = bench.call("predict", film, "--run", planted, "--no-map")
    (line,) = told.stderr.strip().splitlines()
    assert told.returncode == 2 and line.startswith("bench: ") and not ran.exists()
    shutil.copytree(run, tmp_path / "edited")
    plant(tmp_path / "edited" / "model", ran)
    told = bench.call("predict", film, "--run", tmp_path / "edited", "--no-map")
    assert (told.returncode, ran.exists()) == (5, False) and "was changed since its record" in told.stderr

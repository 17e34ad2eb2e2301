"""Third parties' components: a real small distribution that runs by flag alone, and broken ones that disturb nobody."""

import json
import py_compile
import shutil
import tomllib
from pathlib import Path

import pytest

from tests.commands import Bench, untrained
from tests.distributions import register

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parents[1] / "plugin"

BROKEN = '''
"""Components that go wrong, each in its own way."""

import keras
from keras import layers


def raises(image_shape):
    """Cannot be built."""
    raise RuntimeError("the moon is in the wrong phase")


def flat(image_shape):
    """Ends in a vector."""
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Flatten()(images))


def explodes(image_shape):
    """Features that are not numbers."""
    images = keras.Input(image_shape)
    features = layers.Conv2D(8, 3, strides=4)(images)
    return keras.Model(images, layers.Rescaling(float("inf"))(layers.Rescaling(0.0)(features)))


def greedy(image_shape, **options):
    """Takes whatever it is given."""
'''

COMPONENTS = {"raises": "broken:raises", "flat": "broken:flat", "explodes": "broken:explodes"}
USELESS = {
    "greedy": ("broken:greedy", "takes **options; a factory names every option"),
    "absent": ("broken:nowhere", "AttributeError: module 'broken' has no attribute 'nowhere'"),
    "hungry": ("hungry:factory", "ModuleNotFoundError: No module named 'there_is_no_such_module'"),
    "quitter": ("quitter:factory", "SystemExit: 3"),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The plugin of tests/plugin and a broken one, as they lie in site-packages."""
    folder = tmp_path_factory.mktemp("site")
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    register(folder, project["name"], project["version"], project["entry-points"])
    shutil.copy(PLUGIN / "cxr_bench_example.py", folder)
    backbones = COMPONENTS | {name: value for name, (value, _) in USELESS.items()}
    register(folder, "broken-ones", "6.6.6", {"cxr_bench.backbones": backbones})
    (folder / "broken.py").write_text(BROKEN)
    (folder / "hungry.py").write_text("print('noise on standard output')\nimport there_is_no_such_module\n")
    (folder / "quitter.py").write_text("import sys\nsys.exit(3)\n")
    return folder


@pytest.fixture(scope="module")
def bench(tmp_path_factory) -> Bench:
    return untrained(tmp_path_factory, Bench(tmp_path_factory.mktemp("bench")))


THIRD_PARTY = ("--dataset", "discs[count=64]", "--backbone", "strided[filters=8]", "--head", "linear")


def test_installed_components_are_listed_and_a_broken_one_is_a_row_with_its_reason(bench, installed):
    told = bench.call("list", "--json", PYTHONPATH=str(installed))
    assert told.returncode == 0, told.stderr
    rows = {(row["kind"], row["name"]): row for row in json.loads(told.stdout)["components"]}
    for kind, name in (("backbone", "strided"), ("head", "linear"), ("dataset", "discs")):
        row = rows[kind, name]
        assert (row["distribution"], row["version"], row["error"]) == ("cxr-bench-example", "0.1.0", None)
    assert rows["backbone", "strided"]["summary"] == "Two strided convolutions."
    (option,) = rows["backbone", "strided"]["options"]
    assert (option["name"], option["default"], option["range"]["high"]) == ("filters", 16, 64)
    for name, (_, reason) in USELESS.items():
        assert reason in rows["backbone", name]["error"], name
        assert rows["backbone", name]["distribution"] == "broken-ones"
    assert {row["error"] for (_, name), row in rows.items() if name not in USELESS} == {None}

    page = bench.call("list", "backbones", PYTHONPATH=str(installed)).stdout
    assert "  strided  (cxr-bench-example 0.1.0)\n      Two strided convolutions.\n      filters=16 [8, 64]\n" in page
    assert "  hungry  (broken-ones 6.6.6)\n      broken: backbone 'hungry' of broken-ones does not import:" in page


def test_third_party_components_run_by_flag_alone(bench, installed):
    bench.run(*THIRD_PARTY, PYTHONPATH=str(installed))
    (record,) = bench.records().values()
    assert record["pipeline"] == "none+strided[filters=8]+linear"
    for kind in ("dataset", "backbone", "head"):
        component = record["components"][kind]
        assert (component["distribution"], component["version"]) == ("cxr-bench-example", "0.1.0")
        assert component["code"]
    assert record["dataset"]["name"] == "discs"


SMALL = (
    *(
        "--dataset",
        "discs[count=64]",
        "--segmenter",
        "none",
        "--backbone",
        "strided[filters=8]",
        "--set",
        "images.size=32",
    ),
    *("--epochs", 1, "--set", "augmentation.rotated=0"),
)


@pytest.mark.parametrize(
    ("task", "flags", "expected"),
    [
        ("multiclass", ("--head", "linear"), "none+strided[filters=8]+linear"),
        ("ova-vote", ("--head", "linear", "--voter", "soft"), "soft(2 × none+strided[filters=8]+linear)"),
        (
            "vote",
            ("--head", "linear", "--head", "dense", "--voter", "hard"),
            "hard(none+strided[filters=8]+linear, none+strided[filters=8]+dense)",
        ),
        ("features-xgb", ("--set", "features.head=linear"), "none+strided[filters=8]+xgboost"),
    ],
)
def test_third_party_components_take_part_in_every_task_by_flag_alone(bench, installed, task, flags, expected):
    told = bench.run(*SMALL, *flags, task=task, PYTHONPATH=str(installed))
    records = [json.loads(path.read_bytes()) for path in (bench.results / task).rglob("result.json")]
    assert {record["pipeline"]: record["status"] for record in records}.get(expected) == "ok", told


LAYERED = """
import keras
from keras import layers


@keras.saving.register_keras_serializable("layered")
class Doubled(layers.Layer):
    def call(self, inputs):
        return 2 * inputs


def backbone(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, Doubled()(layers.Conv2D(8, 3, strides=4)(images)))


def segmenter(image_shape):
    images = keras.Input(image_shape)
    return keras.Model(images, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(Doubled()(images)))


def head(feature_shape, num_classes):
    features = keras.Input(feature_shape)
    return keras.Model(features, layers.Dense(num_classes)(layers.GlobalAveragePooling2D()(Doubled()(features))))
"""


def test_layers_of_a_third_party_are_read_by_a_worker_that_did_not_train_them(tmp_path, tmp_path_factory):
    kinds = ("segmenter", "backbone", "head")
    register(tmp_path, "own-layers", "1", {f"cxr_bench.{kind}s": {"layered": f"layered:{kind}"} for kind in kinds})
    (tmp_path / "layered.py").write_text(LAYERED)
    layered = untrained(tmp_path_factory, Bench(tmp_path))
    flags = [flag for kind in kinds for flag in (f"--{kind}", "layered")]
    layered.run(*flags, "--epochs", 1, PYTHONPATH=str(tmp_path))
    for stage in ("masks", "inputs", "predict", "explain"):
        shutil.rmtree(layered.cache / "objects" / stage)
    shutil.rmtree(layered.results)
    layered.run(*flags, "--epochs", 1, PYTHONPATH=str(tmp_path))
    (record,) = layered.records().values()
    assert (record["status"], record["stages"]["fit"], record["stages"]["predict"]) == ("ok", "cached", "built")
    layered.run(*flags[:4], "--head", "majority", "--set", "features.head=layered", PYTHONPATH=str(tmp_path))


def test_a_run_that_fails_is_a_row_with_its_cause_and_the_others_go_on(bench, installed, tmp_path):
    offline = {"https_proxy": "http://127.0.0.1:9", "KERAS_HOME": str(tmp_path / "keras")}
    names = [*COMPONENTS, "xception[weights=imagenet]"]
    more = [flag for name in names for flag in ("--backbone", name)]
    told = bench.run(*more, *THIRD_PARTY, code=1, PYTHONPATH=str(installed), **offline)
    assert "Traceback" not in told
    head = told[: told.index("[1/")]
    assert "what needs it will fail: Xception's weights 'imagenet' cannot be had" in head
    runs = {name.split("+")[1]: record for name, record in bench.records().items()}
    assert runs["strided[filters=8]"]["status"] == "ok"
    failures = {name: record["failure"] for name, record in runs.items() if record["status"] == "failed"}
    assert {failure["stage"] for failure in failures.values()} == {"fit"}
    assert "the moon is in the wrong phase" in failures["raises"]["message"]
    assert any("broken.py" in line for line in failures["raises"]["log"])
    assert "does not end in a feature map" in failures["flat"]["message"]
    assert failures["explodes"]["cause"] == "nan"
    assert "use weights=none, or weights=FILE" in failures["xception"]["message"]
    for name, failure in failures.items():
        assert f"{name}" in told
        assert failure["message"].splitlines()[0] in told
    assert "balanced-accuracy" in told


def test_a_component_that_does_not_import_stops_only_the_run_that_asks_for_it(bench, installed):
    told = bench.call(
        "run", "--task", bench.task, "--full", "--plan", "--backbone", "hungry", PYTHONPATH=str(installed)
    )
    assert told.returncode == 2
    (line,) = told.stderr.splitlines()
    assert "backbone 'hungry' of broken-ones does not import: ModuleNotFoundError" in line
    assert "repair or uninstall it" in line


def test_a_component_without_source_or_version_is_made_anew_each_time_and_says_so(bench, tmp_path):
    """As one from a notebook: nothing tells whether it is still what it was."""
    register(tmp_path, "unnumbered", "", {"cxr_bench.heads": {"sourceless": "sourceless:linear"}})
    py_compile.compile(str(PLUGIN / "cxr_bench_example.py"), str(tmp_path / "sourceless.pyc"), doraise=True)
    line, there = ("--epochs", 1, "--head", "sourceless"), {"PYTHONPATH": str(tmp_path)}
    told = "made anew each time: the source of head sourceless cannot be read"
    before = bench.artefacts("fit")
    for count in (1, 2):
        assert told in bench.run(*line, "--plan", **there)
        bench.run(*line, **there)
        assert bench.artefacts("fit") == before + count
        (record,) = (one for one in bench.records().values() if one["pipeline"].endswith("+sourceless"))
        assert told in record["notes"]
        assert record["components"]["head"]["code"] == ""
    shared = {role for role, status in record["stages"].items() if status == "cached"}
    assert shared == {"prepare", "split", "familiarity"}


def test_a_name_claimed_twice_names_both_distributions(bench, tmp_path):
    for folder, distribution in (("one", "first-thief"), ("two", "second-thief")):
        register(tmp_path / folder, distribution, "1", {"cxr_bench.backbones": {"stolen": f"{folder}:factory"}})
    both = {"PYTHONPATH": f"{tmp_path / 'one'}:{tmp_path / 'two'}"}
    for command in (("list", "backbones"), ("run", "--task", bench.task, "--backbone", "stolen")):
        told = bench.call(*command, **both)
        assert told.returncode == 2
        (line,) = told.stderr.splitlines()
        assert "two distributions register a backbone named 'stolen': first-thief" in line
        assert "second-thief" in line


def test_datasets_that_cannot_answer_do_not_keep_the_others_from_recognising_a_folder(bench, tmp_path):
    (tmp_path / "deaf.py").write_text(
        "def factory(root): ...\ndef recognises(root): raise KeyError(root)\nfactory.recognises = recognises\n"
    )
    register(tmp_path, "deaf", "1", {"cxr_bench.datasets": {"deaf": "deaf:factory", "gone": "deaf_and_gone:factory"}})
    (tmp_path / "films" / "one").mkdir(parents=True)
    told = bench.call("run", "--task", bench.task, "--data", tmp_path / "films", PYTHONPATH=str(tmp_path))
    assert told.returncode == 2
    assert "is not laid out like any known dataset" in told.stderr

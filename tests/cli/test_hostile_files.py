"""Images, label tables, task files, models and searches that somebody has changed to do harm.

Each is read, or refused in a line; nothing is run, and no other file is opened.  `pytest --mutations 200` tries more.
"""

import os
import random
import shutil
import signal
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.models.boosted_file import check_boosted
from benchmark.tasks.reading import read_task
from benchmark.tuning.ledger import FILE, read
from benchmark.tuning.outcome import trials_csv
from benchmark.tuning.search import Created, Failed, Finished, Search
from benchmark.tuning.space import Dimension, Space
from registry.datasets.folder import folder
from registry.datasets.table import table
from registry.errors import BenchError, DataError
from registry.networks.archives import check_archive
from registry.readers.dicom import facts_of
from registry.readers.files import read_gray, read_mask
from registry.readers.headers import read_header
from tests import hostile_images, hostile_models, hostile_tables, xrays
from tests.commands import TINY
from tests.hostile_documents import TEXTS, mutated

pytestmark = pytest.mark.slow

LONGEST_S = 30
DEFAULTS = Path(__file__).parents[2] / "configs" / "defaults.toml"
FORBIDDEN = ("os.system", "subprocess.Popen", "socket.connect", "os.exec", "os.posix_spawn", "marshal.loads")
_WATCHED: list[Path] = []
_SEEN: list[str] = []


def _hook(name, arguments):
    """Notes what starts a program, connects, or opens a file for writing outside the test's own folder."""
    if not _WATCHED:
        return
    if name in FORBIDDEN and not (name == "marshal.loads" and "importlib" in str(sys._getframe(1).f_code.co_filename)):
        _SEEN.append(f"{name} {arguments!r:.100}")
    if name == "open" and isinstance(arguments[0], str):
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(arguments[2], int) else 0
        outside = not Path(arguments[0]).is_relative_to(_WATCHED[0]) and not arguments[0].startswith("/dev/")
        if outside and (writes or arguments[0] == "/etc/hostname"):
            _SEEN.append(f"opened {arguments[0]}")


sys.addaudithook(_hook)


class Slow(BaseException):
    pass


def _late(*_):
    raise Slow


@contextmanager
def watched(root):
    """Gives a list of what was done that nobody may do."""
    _SEEN.clear()
    _WATCHED.append(root)
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LONGEST_S)
    try:
        yield _SEEN
    finally:
        signal.alarm(0)
        _WATCHED.clear()


def fault(root, use, *arguments):
    """What is wrong with how a file is used; nothing where it is read, or refused in a line."""
    with watched(root) as seen:
        try:
            use(*arguments)
        except BenchError as error:
            return "" if "\n" not in str(error) and not seen else f"{error!r:.300} {seen}"
        except Slow:
            return f"longer than {LONGEST_S} s"
        except BaseException:
            return "".join(traceback.format_exc().splitlines(keepends=True)[-5:])
    return "; ".join(seen)


@pytest.fixture
def count(pytestconfig):
    """How many mutations of each kind."""
    return pytestconfig.getoption("--mutations")


@pytest.mark.parametrize("kind", hostile_images.KINDS)
def test_an_image_is_read_whole_or_refused_in_a_line(kind, tmp_path, count):
    path, wrong = tmp_path / "film", {}
    for seed in range(count):
        path.write_bytes(hostile_images.mutated(kind, seed))
        for use in (read_header, facts_of, read_gray, read_mask):
            if told := fault(tmp_path, use, str(path)):
                wrong[seed, use.__name__] = told
    assert not wrong


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Twelve films in a folder, and in a folder for each of two labels."""
    root = tmp_path_factory.mktemp("films")
    for place in range(12):
        picture = xrays.radiograph(place)
        xrays.write(root / "images" / f"film{place}.png", picture)
        xrays.write(root / "labels" / ("ill", "well")[place % 2] / f"film{place}.png", picture)
    return root


TABLES = {
    "images/labels.csv": (table, hostile_tables.text),
    "images/labels.txt": (table, hostile_tables.text),
    "images/labels.xlsx": (table, hostile_tables.workbook),
    "labels/ill.patients.csv": (folder, hostile_tables.text),
    "labels/ill.metadata.xlsx": (folder, hostile_tables.workbook),
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_of_labels_is_read_or_refused_in_a_line(name, films, tmp_path, count):
    root = shutil.copytree(films, tmp_path / "films")
    reader, spoilt = TABLES[name]
    rows, wrong = hostile_tables.rows([f"film{place}.png" for place in range(12)]), {}

    def use():
        for sample in reader((root / name).parent).samples():
            assert sample.label.isprintable() and sample.id.isprintable()

    for seed in range(count):
        (root / name).write_bytes(spoilt(rows, seed))
        if told := fault(tmp_path, use):
            wrong[seed] = told
    assert not wrong


def test_a_task_file_is_a_task_or_refused_in_a_line(tmp_path, count):
    path, wrong = tmp_path / "task.toml", {}
    values = [
        *(repr(one) for one in TEXTS[:14]),
        "1e999",
        "nan",
        "9" * 5000,
        "[" * 2000 + "]" * 2000,
        "1979-05-27",
        "{}",
    ]
    for seed in range(2 * count):
        chance = random.Random(seed)
        lines = TINY.splitlines()
        place = chance.randrange(len(lines))
        name, mark, _ = lines[place].partition("=")
        lines[place] = f"{name if mark else 'x'} = {chance.choice(values)}"
        content = "\n".join(lines).encode()
        path.write_bytes(hostile_models.damaged(content, chance) if seed % 3 == 0 else content)
        if told := fault(tmp_path, lambda: read_task(path, DEFAULTS, quick=True, overrides={})):
            wrong[seed] = told
    assert not wrong


def test_the_ledger_of_a_search_adds_up_or_is_refused_in_a_line(tmp_path, count):
    space = Space(
        [Dimension("units", 16, "int", 8, 64, step=8), Dimension("kind", None, "choice", choices=["relu", None])]
    )
    values = {"units": 16, "kind": None}
    events = [
        Search("hyperband", space, 0, 8, 4, "stand-in"),
        Created(0, values, 0, 4, None, "default"), Finished(0, 0.5, 4, 1.5, {"seed": 0}),
        Created(1, values, 0, 2, None, "random"), Failed(1, "oom", "memory ran out", 2.0),
        Created(2, values, 0, 2, None, "random"), Finished(2, 0.4, 2, 1.0, {}),
        Created(3, values, 2, 4, 2, "promoted"),
    ]  # fmt: skip
    whole, wrong = [msgspec.json.encode(event) for event in events], {}

    def use():
        state = read(tmp_path)
        return state.best(), state.spent_s, state.epochs_trained, trials_csv(state)

    for seed in range(2 * count):
        lines = list(whole)
        lines[seed % len(lines)] = mutated(msgspec.json.decode(lines[seed % len(lines)]), seed)
        (tmp_path / FILE).write_bytes(b"\n".join(lines) + b"\n")
        if told := fault(tmp_path, use):
            wrong[seed] = told
    assert not wrong
    (tmp_path / FILE).write_bytes(b"\n".join(whole) + b"\n")
    assert use()[0].number == 0
    foreign = msgspec.json.encode(Created(3, values, 2, 4, 99, "promoted"))
    (tmp_path / FILE).write_bytes(b"\n".join([*whole[:-1], foreign]) + b"\n")
    with pytest.raises(BenchError, match="trial 3 continues trial 99, which has not finished"):
        read(tmp_path)


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """The bytes of a saved network."""
    import keras

    images = keras.Input((8, 8, 1))
    tensor = keras.layers.Conv2D(4, 3, activation="relu", kernel_regularizer="l2")(images)
    tensor = keras.layers.BatchNormalization()(tensor)
    tensor = keras.layers.Dense(64)(keras.layers.GlobalAveragePooling2D()(tensor * 2.0))
    path = tmp_path_factory.mktemp("network") / "network.keras"
    keras.Model(images, tensor).save(path)
    return path.read_bytes()


def test_a_network_of_keras_own_layers_passes(network, tmp_path):
    (tmp_path / "x.keras").write_bytes(network)
    check_archive(tmp_path / "x.keras")


@pytest.mark.parametrize("planted", hostile_models.layers("/etc/hostname"), ids=lambda one: one["class_name"])
def test_a_network_that_names_anything_else_is_refused_before_it_is_built(network, tmp_path, planted):
    held, path = hostile_models.parts(network), tmp_path / "x.keras"
    config = msgspec.json.decode(held[hostile_models.CONFIG])
    config["config"]["layers"].append(planted)
    path.write_bytes(hostile_models.archive(held | {hostile_models.CONFIG: msgspec.json.encode(config)}))
    if planted["registered_name"] and ">" in planted["registered_name"] and planted["class_name"] != "Lambda":
        check_archive(path)  # a component's own, which Keras refuses where nobody has registered it
        return
    with watched(tmp_path) as seen, pytest.raises(DataError, match=r"holds|more than its weights"):
        check_archive(path)
    assert not seen


def test_an_archive_of_keras_is_looked_at_without_running_or_writing(network, tmp_path, count):
    path, wrong = tmp_path / "x.keras", {}
    for seed in range(4 * count):
        path.write_bytes(hostile_models.keras_file(network, seed))
        if told := fault(tmp_path, check_archive, path):
            wrong[seed] = told
    assert not wrong


@pytest.fixture(scope="module")
def boosted(tmp_path_factory):
    """The bytes of a boosted classifier."""
    from registry.boosting import xgboost

    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(60, 5)), rng.integers(0, 3, 60)
    path = tmp_path_factory.mktemp("boosted") / "classifier.ubj"
    xgboost().XGBClassifier(n_estimators=4, max_depth=3).fit(features, targets).save_model(path)
    return path.read_bytes()


def test_trees_that_lead_nowhere_but_to_their_own_nodes_pass(boosted, tmp_path):
    (tmp_path / "classifier.ubj").write_bytes(boosted)
    check_boosted(tmp_path / "classifier.ubj")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        (b"left_children", 30_000, "leads out of its nodes"),
        (b"left_children", 0, "circle"),
        (b"split_indices", 77, "splits by a feature that there is not"),
    ],
)
def test_a_tree_that_leads_elsewhere_is_refused(boosted, tmp_path, name, value, said):
    """XGBoost reads where it is told to: the process dies, or gives what lies there."""
    data = bytearray(boosted)
    place = data.index(name) + len(name) + len(b"[$l#L") + 8  # the length is a number of eight bytes
    assert data[place - 13 : place - 8] == b"[$l#L"
    data[place : place + 4] = value.to_bytes(4, "big")
    (tmp_path / "classifier.ubj").write_bytes(data)
    with pytest.raises(DataError, match=said):
        check_boosted(tmp_path / "classifier.ubj")


def test_a_boosted_classifier_is_looked_at_before_xgboost_reads_it(boosted, tmp_path, count):
    path, wrong = tmp_path / "classifier.ubj", {}
    for seed in range(4 * count):
        path.write_bytes(hostile_models.boosted_file(boosted, seed))
        if told := fault(tmp_path, check_boosted, path):
            wrong[seed] = told
    assert not wrong

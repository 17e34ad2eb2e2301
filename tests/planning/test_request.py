"""A request: what it takes, and what it says of task, data, runtime and folders."""

import msgspec
import pytest

from benchmark.planning.request import check_folders, dataset_of, requested, runtime_of, settings_of, task_of
from registry.errors import ConfigError, DataNotFoundError, StorageError, UnknownNameError


def asked(**changes):
    return requested(**{"task": "binary", "cache": "cache", "results": "results", **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"limit": 3}, "limit: expected int >= 8, received 3"),
        ({"epochs": 0}, "epochs: expected int >= 1, received 0"),
        ({"folds": 1}, "folds: expected int >= 2, received 1"),
        ({"jobs": "two"}, "jobs: expected int, got str, received 'two'"),
        ({"seeds": (0, 0)}, "expected different seeds, received 0, 0"),
        ({"seeds": ()}, r"seeds: expected array of length >= 1, received \(\)"),
        ({"precision": "float64"}, "precision: invalid enum value 'float64', received 'float64'"),
        ({"timeout_s": 0.0}, r"timeout_s: expected float > 0.0, received 0\.0"),
        ({"backbone": "sepcnn"}, "backbone: expected array, got str, received 'sepcnn'"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line_that_names_it(changes, message):
    with pytest.raises(ConfigError, match=message):
        asked(**changes)


def test_the_laptop_setting_is_taken_without_data_unless_it_is_said():
    assert [asked().is_quick, asked(data="x").is_quick, asked(data="x", quick=True).is_quick] == [True, False, True]


def test_settings_epochs_and_folds_are_in_the_task():
    name, path, task, forced = task_of(
        asked(settings=("images.size=96", "head.dropout=.3"), epochs=2, folds=5, quick=False)
    )
    assert (name, path.name) == ("binary", "binary.toml")
    assert (task.images.size, task.split.folds, task.training.epochs, task.segmentation.epochs) == (96, 5, 2, 2)
    assert (task.training.exact_epochs, task.segmentation.exact_epochs) == (True, True)
    assert forced == {"head": {"dropout": 0.3}}


def test_a_setting_beats_the_number_of_epochs():
    task = task_of(asked(settings=("training.epochs=7",), epochs=2)).task
    assert (task.training.epochs, task.segmentation.epochs) == (7, 2)


def test_the_seed_of_the_segmenter_is_a_number_or_that_of_the_training():
    seeds = [(), ("segmentation.seed=3",), ("segmentation.seed=training",)]
    assert [task_of(asked(settings=one)).task.segmentation.seed for one in seeds] == [0, 3, "training"]
    with pytest.raises(
        ConfigError, match=r"segmentation\.seed is a whole number .* or one of training, received 'seed'"
    ):
        task_of(asked(settings=("segmentation.seed=seed",)))


def test_the_quick_table_is_not_set():
    with pytest.raises(ConfigError, match=r"quick\.x=1.*laid over the other tables"):
        settings_of(asked(settings=("quick.x=1",)))


def test_the_laptop_setting_takes_the_phantom_on_which_a_plate_tells_covid():
    options = dataset_of(asked(), task_of(asked()).task).options
    assert (options["count"], options["size"], options["lettering"], options["difficulty"]) == (1200, 64, 1, 0.9)


def test_a_task_that_nobody_knows_suggests_the_nearest():
    with pytest.raises(UnknownNameError, match="no task named 'binari'; did you mean binary"):
        task_of(asked(task="binari"))


def test_data_are_those_that_are_named_else_recognised_else_the_tasks():
    task = task_of(asked()).task
    assert dataset_of(asked(), task).name == "phantom"
    assert dataset_of(asked(data="x", limit=9, skip_bad=True), task) == dataset_of(
        asked(data="x", limit=9, skip_bad=True, dataset=""), task
    )
    found = dataset_of(asked(data="x", dataset="folder", limit=9), task)
    assert (found.name, found.root, found.limit, found.skip_bad) == ("folder", "x", 9, False)
    with pytest.raises(UnknownNameError, match="did you mean folder"):
        dataset_of(asked(dataset="foldr"), task)


def test_a_task_of_a_collection_says_who_reads_its_folder():
    task = task_of(asked(task="pneumoniamnist")).task
    found = dataset_of(asked(task="pneumoniamnist", data="x"), task)
    assert (found.name, found.options) == ("arrays", {"names": "Normal;Pneumonia"})
    assert dataset_of(asked(task="pneumoniamnist", data="x", dataset="folder"), task).name == "folder"
    assert dataset_of(asked(task="pneumoniamnist", dataset="phantom"), task).root is None
    with pytest.raises(DataNotFoundError, match="task 'pneumoniamnist' is of a collection of files; give its folder"):
        dataset_of(asked(task="pneumoniamnist"), task)


def test_labels_that_a_task_ignores_are_left_out_but_for_the_rest_which_is_not_known_yet():
    task = task_of(asked()).task
    chosen = msgspec.structs.replace(task, ignore=["Lung_Opacity", "*"])
    assert dataset_of(asked(), chosen).ignore == ["Lung_Opacity"]
    assert dataset_of(asked(), task).ignore == []


def test_the_runtime_has_threads_only_where_bits_must_repeat(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)))
    assert runtime_of(asked()).threads is None
    found = runtime_of(asked(deterministic=True, jobs=2, precision="mixed_bfloat16"))
    assert (found.backend, found.deterministic, found.threads, found.precision) == (
        "tensorflow",
        True,
        4,
        "mixed_bfloat16",
    )
    assert runtime_of(asked(precision="auto")).precision == "float32"


@pytest.mark.parametrize("writes", [False, True])
def test_a_plan_makes_no_folder_for_results(tmp_path, writes):
    """Nor does a run, before it has looked at the data, in whose folder they may be."""
    request = asked(cache=str(tmp_path / "cache"), results=str(tmp_path / "some" / "results"))
    check_folders(request, "-o", writes=writes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache"]


def test_a_file_in_the_place_of_results_is_refused_of_a_plan_too(tmp_path):
    request = asked(cache=str(tmp_path / "cache"), results=str(tmp_path / "results"))
    (tmp_path / "results").touch()
    with pytest.raises(StorageError, match=r"cannot be written \(it is a file\); choose another one with -o"):
        check_folders(request, "-o", writes=False)


def test_labels_to_ignore_are_those_of_the_task_and_of_the_request(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('title = "t"\nmetric = "accuracy"\nclasses = "labels"\npipelines = []\nignore = ["a", "b"]\n')
    request = asked(task=str(path), ignore=("b", "c"))
    assert dataset_of(request, task_of(request).task).ignore == ["a", "b", "c"]
    assert dataset_of(asked(), task_of(asked()).task).ignore == []


def test_a_folder_for_results_is_not_made_before_there_are_any(tmp_path):
    results = tmp_path / "data" / "results"
    (tmp_path / "data").mkdir()
    check_folders(asked(results=str(results), cache=str(tmp_path / "cache")), "-o")
    assert not results.exists()

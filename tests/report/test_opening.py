"""What is said of the data before anything is built."""

import io
import json

from rich.console import Console

from benchmark.records.summary import LeftAside, Understood
from benchmark.report.display import ConsoleDisplay
from benchmark.report.opening import opening
from benchmark.report.progress import plan_json
from tests.specs import spec, summary
from tests.workers import plans

KNOWN = Understood(
    read=5000,
    ignored={"Mass": 400},
    limited=1400,
    masks={"COVID": 1000, "Normal": 200},
    patients=700,
    patients_of=1200,
    patients_by="names such as person3_virus_7",
    parts={"train": {"COVID": 900, "Normal": 1100}, "test": {"COVID": 100, "Normal": 1100}},
    shared_patients=3,
    shared_files=1,
    traits={"age": 3000, "view": 3200},
    passed_over=[
        LeftAside("folder __MACOSX", "hidden, or a system's own", 0),
        LeftAside(".txt files", "no image", 1002, ["notes.txt", "more.txt"]),
    ],
)
FOUND = summary(
    labels=["COVID", "Normal", "Sick"],
    counts={"COVID": 1000, "Normal": 2200, "Sick": 0},
    sources={"RSNA": 2200, "SIRM": 1000},
    images=3200,
    notices=["sources unknown: none", "patients of 9 of 10 unknown", "a tenth of the database"],
    masks=1200,
    understood=KNOWN,
)


def test_everything_that_was_understood_is_said():
    assert opening(FOUND, "own") == [
        "  labels: COVID 1,000, Normal 2,200, Sick 0",
        "  masks: 1,200 of 3,200 images (COVID 1,000, Normal 200); none of Sick",
        "  patients: 700 with 1,200 images, known by names such as person3_virus_7; of 2,000 images unknown: each "
        "stands by itself",
        "  sources: RSNA 2,200, SIRM 1,000",
        "  parts: train 2,000, test 1,200; 3 patients and 1 identical file lie in train and in test; not used, all "
        "images are divided anew (--set split.parts=given keeps them)",
        "  also known: age of 3,000 images, view of 3,200 images",
        "  left out: Mass 400 (ignored), 1,400 beyond --limit",
        "  passed over: folder __MACOSX (hidden, or a system's own); 1,002 .txt files (no image, such as notes.txt)",
        "  note: a tenth of the database",
    ]
    assert (
        opening(FOUND, "given")[4]
        == "  parts: train 2,000, test 1,200, as given; 3 patients and 1 identical file lie in train and in test, "
        "where a run stops unless split.leaks is drop or keep"
    )


def test_what_is_unknown_is_said_too():
    found = summary(labels=["a", "b"], counts={"a": 9, "b": 1}, images=10, masks=0)
    assert opening(found, "own") == [
        "  labels: a 9, b 1",
        "  masks: none",
        "  patients: unknown: each image stands by itself, but for identical ones",
        "  sources: unknown",
    ]


def test_of_many_labels_the_first_are_said():
    counts = {f"label {n}": 1 for n in range(30)}
    assert opening(summary(labels=[*counts], counts=counts), "own")[0].endswith("label 11 1, 18 more")


def test_the_screen_and_the_plan_as_json_show_it(tmp_path):
    page = Console(file=io.StringIO(), width=60)
    ConsoleDisplay(page).understood(FOUND, "own")
    assert page.file.getvalue().splitlines() == opening(FOUND, "own")
    planned, _ = plans(tmp_path, [spec()])
    told = json.loads(plan_json(planned))
    assert told["dataset"]["images"] == planned[0].summary.images

"""Editing code retrains what uses it and nothing else: on a copy of the source that the tests may edit.

The copy stands first on PYTHONPATH; entry points come from the installed metadata.  A small plugin stands beside it.
"""

import ast
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import TINY, Bench, untrained

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "tests" / "plugin"
OURS, THEIRS = "none+sepcnn[filters=8,pairs=1]+dense", "none+strided[filters=8]+linear"
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
FROM_EXPLAIN = ["explain", "score", "draw"]
FROM_FIT = ["fit", "predict", *FROM_EXPLAIN]
SECOND = '[[pipelines]]\nsegmenter = "none"\nbackbone = "strided[filters=8]"\nhead = "linear"\n\n[images]'


@dataclass
class Copy(Bench):
    """A bench whose commands run the copied source."""

    @property
    def source(self) -> Path:
        return self.root / "source"

    def environment(self, **more: str) -> dict[str, str]:
        paths = f"{self.source}:{self.root / 'plugin'}"
        return super().environment(**{"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **more})

    def to_build(self, *arguments: object) -> dict[str, list[str]]:
        """Pipeline -> stages that would be built."""
        return {run["pipeline"]: run["to_build"] for run in self.plan(*arguments)}

    @contextmanager
    def edited(self, *names: str, edit: Callable[[str], str] | None = None) -> Iterator[None]:
        """Files of the copy with another text, by default a line more that does something, until the block ends."""
        paths = [self.root / name for name in names]
        before = [path.read_text() for path in paths]
        for path, text in zip(paths, before, strict=True):
            line = "EDITED = 1\n" if path.suffix == ".py" else "# edited\n"
            path.write_text(edit(text) if edit else text + line)
            assert path.read_text() != text
        try:
            yield
        finally:
            for path, text in zip(paths, before, strict=True):
                path.write_text(text)


def install_plugin(folder: Path) -> None:
    """What pip would leave of the example plugin."""
    metadata = folder / "cxr_bench_example-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(PLUGIN / "cxr_bench_example.py", folder)
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: cxr-bench-example\nVersion: 0.1.0\n")
    lines = [
        line
        for group, points in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {place}" for name, place in points.items()))
    ]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """Two pipelines that ran once: one of built-in models, with a helper and a data file, and one of the plugin's."""
    bench = untrained(tmp_path_factory, Copy(tmp_path_factory.mktemp("edits")))
    for name in ("registry", "benchmark", "configs"):
        shutil.copytree(ROOT / name, bench.source / name)  # times, too: what Python has compiled stays so
    install_plugin(bench.root / "plugin")
    backbones, heads = bench.source / "registry" / "backbones", bench.source / "registry" / "heads"
    (backbones / "helper.py").write_text("WIDTH = 1\n")
    with (backbones / "sepcnn.py").open("a") as file:
        file.write("\n\ndef widest():\n    from . import helper\n\n    return helper.WIDTH\n")
    (heads / "table.txt").write_text("1\n")
    with (heads / "dense.py").open("a") as file:
        file.write('\n\ncxr_bench_sources = ["table.txt"]\n')
    bench.task.write_text(TINY.replace("[images]", SECOND))
    bench.run()
    assert {run["state"] for run in bench.plan()} == {"cached"}
    assert bench.to_build() == {OURS: [], THEIRS: []}
    return bench


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("source/registry/backbones/helper.py", {OURS: FROM_FIT, THEIRS: []}),
        ("source/registry/heads/table.txt", {OURS: FROM_FIT, THEIRS: []}),
        ("plugin/cxr_bench_example.py", {OURS: [], THEIRS: FROM_FIT}),
        ("source/benchmark/stages/predict.py", {OURS: FROM_FIT[1:], THEIRS: FROM_FIT[1:]}),
        (
            "source/registry/datasets/phantom/radiograph.py",
            {each: ["prepare", "split", "fit", "predict", "familiarity", *FROM_EXPLAIN] for each in (OURS, THEIRS)},
        ),
    ],
    ids=["helper", "data-file", "plugin", "stage", "dataset"],
)
def test_an_edit_rebuilds_exactly_what_depends_on_the_file(bench, name, expected):
    with bench.edited(name):
        assert bench.to_build() == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("step=2)] = 3", "step=2)] = 5"),
        ("pairs: Annotated[int, Range(1, 5)]", "pairs: Annotated[int, Range(1, 4)]"),
        ("CELLS = 16", "CELLS = 8"),
        ("CELLS = 16", "CELLS = 16\nABOUT = __doc__"),
    ],
    ids=["default", "annotation", "constant", "reads-docstring"],
)
def test_an_edit_of_what_a_backbone_does_trains_anew_what_uses_it(bench, old, new):
    with bench.edited("source/registry/backbones/sepcnn.py", edit=lambda text: text.replace(old, new)):
        assert bench.to_build() == {OURS: FROM_FIT, THEIRS: []}


NEW_FIELD = ('    created: str = ""', '    created: str = ""\n    mood: str = ""')


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("figures/curves.py", "Training loss: mean", "The loss in training: mean", ["draw"]),
        ("stages/draw.py", "WORST_MASKS = 8", "WORST_MASKS = 9", ["draw"]),
        ("evaluation/scoring.py", "DECISION_RULE = ", "DECISION_RULE = '' + ", ["score"]),
        ("evaluation/calibration.py", "def softmax(", "EDITED = 1\n\n\ndef softmax(", FROM_EXPLAIN),
        ("models/gradcam.py", "def grad_cam(", "EDITED = 1\n\n\ndef grad_cam(", ["explain", "draw"]),
    ],
    ids=["caption", "worst-masks", "scoring", "calibration", "maps"],
)
def test_an_edit_of_how_a_run_is_judged_trains_and_predicts_nothing(bench, name, old, new, expected):
    with bench.edited(f"source/benchmark/{name}", edit=lambda text: text.replace(old, new)):
        assert bench.to_build() == {OURS: expected, THEIRS: expected}


def test_a_new_field_of_a_record_recomputes_no_map_and_no_score(bench):
    """Nor does an edit of what writes it: a record's key has the number of its schema, and no code."""
    with bench.edited("source/benchmark/records/record.py", edit=lambda text: text.replace(*NEW_FIELD)):
        for building in bench.to_build().values():
            assert set(building) <= {"draw"}
    with bench.edited("source/benchmark/stages/record.py", "source/benchmark/stages/costs.py"):
        assert {run["state"] for run in bench.plan()} == {"cached"}


def test_another_schema_writes_records_anew_and_computes_nothing(bench):
    """But for the figures, whose code reads what a task is made of."""
    raised = ("SCHEMA = ", "SCHEMA = 7 + ")
    with bench.edited("source/benchmark/records/record.py", edit=lambda text: text.replace(*raised)):
        plan = bench.plan()
    assert {run["state"] for run in plan} == {"to run"}
    assert all(set(run["to_build"]) <= {"draw"} for run in plan)


def test_after_an_edit_of_a_caption_its_figure_alone_is_drawn_anew_and_copied(bench):
    before, figures = bench.records(), drawn(bench)
    caption = ("Training loss: mean", "The loss in training: mean")
    with bench.edited("source/benchmark/figures/curves.py", edit=lambda text: text.replace(*caption)):
        bench.run()
        state, after, redrawn = bench.plan(), bench.records(), drawn(bench)
    bench.run()  # as it was, for the tests that follow
    assert {run["state"] for run in state} == {"cached"}
    assert {name for name in figures if redrawn[name] != figures[name]} == {
        name for name in figures if name.endswith("curves.png")
    }
    for name, record in after.items():
        assert {stage for stage, status in record["stages"].items() if status == "built"} == {"draw"}
        assert record["key"] != before[name]["key"]
        for found in ("metrics", "controls", "confusion", "calibration", "gradcam", "cost"):
            assert record[found] == before[name][found]
    assert drawn(bench) == figures


def drawn(bench: Copy) -> dict[str, bytes]:
    """Run and figure -> its bytes."""
    return {f"{path.parent.name}/{path.name}": path.read_bytes() for path in bench.results.rglob("*.png")}


def reworded(text: str) -> str:
    """With a longer docstring wherever there is one, and a comment."""
    lines = text.encode().splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            end, column = node.body[0].end_lineno - 1, node.body[0].end_col_offset - 3
            lines[end] = lines[end][:column] + b" Reworded." + lines[end][column:]
    return b"\n".join([*lines, b"# a comment\n"]).decode()


def test_other_words_rebuild_nothing_and_are_listed(bench):
    """In every file of ours, and in a stranger's."""
    sources = [path for name in ("registry", "benchmark") for path in (bench.source / name).rglob("*.py")]
    names = [str(path.relative_to(bench.root)) for path in sources]
    backbone = "source/registry/backbones/sepcnn.py"
    with bench.edited(*names, "plugin/cxr_bench_example.py", edit=reworded):
        assert {run["state"] for run in bench.plan()} == {"cached"}
        assert bench.to_build() == {OURS: [], THEIRS: []}
        with bench.edited(backbone, edit=lambda text: text.replace('"""Pairs of', '"""Several pairs of')):
            assert bench.to_build() == {OURS: [], THEIRS: []}
            listed = bench.call("list", "backbones")
    assert "Several pairs of separable convolutions" in listed.stdout, listed.stderr
    assert "Several pairs" not in bench.call("list", "backbones").stdout


def test_what_no_chosen_pipeline_uses_may_be_edited_and_an_edit_taken_back_is_forgotten(bench):
    """Also after the edits of the tests above: keys follow bytes, not times."""
    unused = [
        "source/registry/backbones/xception.py",
        "source/registry/heads/sepconv.py",
        "source/registry/segmenters/unet.py",
        "source/registry/networks/losses.py",
        "source/benchmark/stages/segmenter.py",
        "source/benchmark/storage/cache.py",
        "source/benchmark/execution/process.py",
        "source/benchmark/comparison/compare.py",
        "source/benchmark/cli/run.py",
        "source/benchmark/cli/cache.py",
        "source/benchmark/storage/inventory.py",
        "source/benchmark/stages/score_vote.py",
        "source/benchmark/stages/score_folds.py",
        "source/benchmark/planning/keys.py",
        "source/benchmark/planning/schedule.py",
        "source/benchmark/report/terminal.py",
        "source/configs/binary.toml",
    ]
    with bench.edited(*unused):
        assert bench.to_build() == {OURS: [], THEIRS: []}


def test_after_an_edit_of_a_backbone_only_what_uses_it_is_trained_again(bench):
    before = bench.records()
    with bench.edited("source/registry/backbones/sepcnn.py"):
        assert bench.to_build() == {OURS: FROM_FIT, THEIRS: []}
        bench.run()
        after = bench.records()
        assert bench.to_build() == {OURS: [], THEIRS: []}
    assert after[f"{THEIRS} s0"] == before[f"{THEIRS} s0"]
    ours = after[f"{OURS} s0"]
    assert {stage for stage, status in ours["stages"].items() if status == "built"} == set(FROM_FIT)
    digests = [record[f"{OURS} s0"]["components"]["backbone"]["code"] for record in (before, after)]
    assert digests[0] != digests[1]
    assert json.dumps(ours["spec"]) == json.dumps(before[f"{OURS} s0"]["spec"])

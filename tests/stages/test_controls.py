"""Rules that see no lungs, on radiographs whose rim, size or masks give the class away."""

import json

import msgspec
import numpy as np
import pytest

from benchmark.data.originals import Originals
from benchmark.data.prepared import pack
from benchmark.evaluation.controls import controls as of_shares
from benchmark.evaluation.recomputing import recompute
from benchmark.records.files import FILE, verify
from benchmark.records.findings import Findings
from benchmark.stages import controls, controls_folds, originals, record_controls
from benchmark.stages.context import Context, RunFacts
from benchmark.stages.score import FINDINGS, PREDICTIONS
from benchmark.tasks.schema import Component, Images, Segmentation, Split
from benchmark.tasks.spec import ControlsSpec, Setting
from registry.contracts import Sample
from tests.specs import spec, summary

COUNT, SIZE = 360, 32
LABELS = np.array(["COVID", "Normal", "Lung_Opacity"])[np.arange(COUNT) % 3]
TARGETS = (LABELS == "COVID").astype(int)
SUBSETS = np.array(["train"] * 200 + ["validation"] * 50 + ["calibration"] * 50 + ["test"] * 60)
TESTED = SUBSETS == "test"


def rules(**changes):
    one = spec(images=Images(size=SIZE), resamples=200)
    return ControlsSpec(**{**{name: getattr(one, name) for name in Setting.__struct_fields__}, **changes})


@pytest.fixture
def context(tmp_path):
    """Noise, brighter at the rim for COVID, all of one size and with the same grey levels within."""
    return Context(rules(), artefacts(tmp_path), tmp_path, lambda told: None)


def artefacts(folder, *, rim=60, sources=("north", "south"), heights=None):
    generator = np.random.default_rng(0)
    images = generator.integers(40, 120, (COUNT, SIZE, SIZE)).astype(np.uint8)
    inner = np.ones((SIZE, SIZE), bool)
    inner[2:-2, 2:-2] = False
    images[np.ix_(np.flatnonzero(TARGETS))] += (rim * inner).astype(np.uint8)
    made = {name: folder / name for name in ("prepare", "split", "originals")}
    for path in made.values():
        path.mkdir(parents=True)
    np.save(made["prepare"] / "images.npy", images)
    np.save(made["split"] / "subsets.npy", SUBSETS)
    (made["split"] / "digest").write_text("who is where")
    index = {
        "ids": [f"radiograph-{row}" for row in range(COUNT)],
        "labels": LABELS.tolist(),
        "sources": [sources[row % 2] for row in range(COUNT)],
        "groups": [f"patient-{row}" for row in range(COUNT)],
        "mask_annotators": [None] * COUNT,
        "lesion_known": [False] * COUNT,
        "parts": [None] * COUNT,
        "traits": [{} for _ in range(COUNT)],
        "marks_known": [False] * COUNT,
        "sizes": [[SIZE, SIZE]] * COUNT,
        "skipped": ["radiograph-x: empty file"],
    }
    (made["prepare"] / "index.json").write_text(json.dumps(index))
    sizes = np.stack([np.full(COUNT, 100) if heights is None else heights, np.full(COUNT, 100)], axis=1)
    flat = generator.dirichlet(np.ones(32), COUNT).astype(np.float32)
    kinds = np.full(COUNT, "PNG")
    ids = np.array(index["ids"])[::-1]  # whoever reads them finds them by id
    found = Originals(ids, flat, sizes[::-1], kinds, np.full(COUNT, "grey"), np.full(COUNT, 8))
    np.savez_compressed(made["originals"] / "originals.npz", **found._asdict())
    return made


def built(context, name="controls", module=controls):
    folder = context.partial / name
    folder.mkdir()
    module.build(context, folder)
    found = msgspec.json.decode((folder / FINDINGS).read_bytes(), type=Findings)
    with np.load(folder / PREDICTIONS, allow_pickle=False) as stored:
        return found, dict(stored)


def test_what_gives_the_class_away_is_found_by_the_rule_that_sees_it_and_by_no_other(context):
    found, _ = built(context)
    assert list(found.controls) == ["majority", "source-oracle", "grey-histogram", "border", "thumbnail-8x8"]
    worth = {name: metrics["auroc"].value for name, metrics in found.controls.items()}
    assert worth["border"] == 1
    assert worth["thumbnail-8x8"] > 0.9  # its outer cells hold the rim
    assert 0.3 < worth["grey-histogram"] < 0.7
    assert found.metrics == {}
    assert found.skipped == ["radiograph-x: empty file"]
    assert found.split.counts["test"] == {"rest": 40, "COVID": 20}


def test_outputs_are_stored_for_every_rule_as_those_of_a_run_are(context):
    found, stored = built(context)
    assert stored["ids"].tolist() == [f"radiograph-{row}" for row in range(200, COUNT)]
    assert stored["subsets"].tolist() == SUBSETS[200:].tolist()
    assert stored["targets"].tolist() == TARGETS[200:].tolist()
    tested = stored["subsets"] == "test"
    for name, metrics in found.controls.items():
        logits, probabilities = stored[f"corrected_logits@{name}"], stored[f"probabilities@{name}"]
        assert logits.shape == probabilities.shape == (160, 2)
        assert np.allclose(probabilities.sum(axis=1), 1)
        right = (logits.argmax(axis=1) == stored["targets"])[tested]
        assert right.mean() == pytest.approx(metrics["accuracy"].value)


def test_each_rule_says_what_it_saw_and_which_learner_was_taken(context):
    found, _ = built(context)
    assert found.rules["border"].sees == "outer 2 rings of 24×24"
    assert set(found.rules["border"].losses) == {"boosted trees", "logistic regression"}
    for rule in found.rules.values():
        assert not rule.losses or rule.losses[rule.learner] == min(rule.losses.values())
    assert (found.rules["majority"].learner, found.rules["source-oracle"].sees) == ("", "the source")


def test_majority_answers_as_in_the_records_of_runs(context):
    found, _ = built(context)
    groups = np.arange(COUNT).astype(str)
    expected = of_shares(["rest", "COVID"], "COVID", TARGETS, SUBSETS, groups, None, 0, 200)["majority"]
    assert found.controls["majority"] == expected


def test_the_source_is_decided_at_equal_class_priors(tmp_path):
    """Two in five of one source are COVID, one in four of the other: at the data's prior it would never be called."""
    context = Context(rules(), artefacts(tmp_path), tmp_path, lambda told: None)
    index = json.loads((tmp_path / "prepare" / "index.json").read_text())
    rare = np.cumsum(TARGETS) % 4 != 0
    index["sources"] = [
        "north" if (covid and often) or (not covid and row % 2) else "south"
        for row, (covid, often) in enumerate(zip(TARGETS, rare, strict=True))
    ]
    (tmp_path / "prepare" / "index.json").write_text(json.dumps(index))
    found, _ = built(context)
    assert 0.6 < found.controls["source-oracle"]["recall/COVID"].value < 0.9
    assert found.controls["source-oracle"]["balanced-accuracy"].value > 0.55


def test_unknown_sources_and_files_all_alike_give_no_rule(tmp_path):
    context = Context(rules(), artefacts(tmp_path, sources=("north", None)), tmp_path, lambda told: None)
    found, _ = built(context)
    assert not {"source-oracle", "metadata"} & set(found.rules)


def test_files_of_another_height_are_found_by_their_metadata(tmp_path):
    heights = 100 + 20 * TARGETS
    context = Context(rules(), artefacts(tmp_path, rim=0, heights=heights), tmp_path, lambda told: None)
    found, _ = built(context)
    assert found.rules["metadata"].sees == "height, ratio"
    assert found.controls["metadata"]["auroc"].value == 1
    assert found.controls["border"]["auroc"].value < 0.7


def masks(folder, wide=4):
    """Two boxes, wider for COVID."""
    lungs = np.zeros((COUNT, SIZE, SIZE), bool)
    lungs[:, 6:26, 4:12] = lungs[:, 6:26, 20:28] = True
    lungs[TARGETS == 1, :, 28 - wide : 32] = True
    folder.mkdir()
    np.save(folder / "masks.npy", pack(lungs))
    return folder


def on_masks(context):
    rule = {"rule": "mask-shape(unet)", "segmenter": Component("unet"), "segmentation": Segmentation()}
    own = {**context.artefacts, "masks": masks(context.partial / "masks")}
    del own["originals"]
    return Context(rules(**rule), own, context.partial, lambda told: None)


def test_the_shape_of_masks_is_a_rule_of_its_own(context):
    found, stored = built(on_masks(context))
    assert list(found.rules) == ["mask-shape(unet)"]
    assert found.controls["mask-shape(unet)"]["auroc"].value == 1
    assert {"corrected_logits@mask-shape(unet)", "probabilities@mask-shape(unet)"} <= set(stored)


def test_folds_are_pooled_and_every_image_is_tested_once(tmp_path):
    count = 3
    fold_of = np.arange(COUNT) % 9 // 3
    own = {}
    for fold in range(count):
        made = artefacts(tmp_path / str(fold))
        rest = np.where(
            np.arange(COUNT) % 5 == 0, "validation", np.where(np.arange(COUNT) % 5 == 1, "calibration", "train")
        )
        np.save(made["split"] / "subsets.npy", np.where(fold_of == fold, "test", rest))
        inner = Context(rules(split=Split(folds=count), fold=fold), made, tmp_path / str(fold), lambda told: None)
        built(inner)
        own[f"folds/{fold}/controls"] = tmp_path / str(fold) / "controls"
    context = Context(rules(split=Split(folds=count), fold=None), own, tmp_path, lambda told: None)
    found, stored = built(context, "pooled", controls_folds)
    assert sorted(stored["ids"].tolist()) == sorted(f"radiograph-{row}" for row in range(COUNT))
    assert np.bincount(stored["fold"]).tolist() == [120, 120, 120]
    assert set(stored["subsets"].tolist()) == {"test"}
    assert found.controls["border"]["accuracy"].n == COUNT
    assert found.controls["border"]["auroc"].value > 0.99
    assert found.controls["majority"]["balanced-accuracy"].low == 0.5
    assert found.split.counts == {"test": {"rest": 240, "COVID": 120}}
    assert set(found.rules) == {"majority", "source-oracle", "grey-histogram", "border", "thumbnail-8x8"}


def test_images_are_read_as_their_dataset_gives_them(tmp_path, monkeypatch):
    films = [Sample(str(k), "COVID", None, str(k), lambda k=k: np.full((20, 30 + k), 250, np.uint8)) for k in range(2)]
    monkeypatch.setattr(originals, "open_dataset", lambda *_: (None, films, {}))
    originals.build(Context(rules(), {}, tmp_path, lambda told: None), tmp_path)
    with np.load(tmp_path / "originals.npz", allow_pickle=False) as stored:
        assert stored["sizes"].tolist() == [[20, 30], [20, 31]]


def test_the_folder_of_controls_has_their_record_and_their_outputs(context, tmp_path):
    built(context)
    context.artefacts["controls"] = tmp_path / "controls"
    facts = RunFacts(
        run="controls-00000000", digest="d" * 64, pipeline_digest="p" * 64, key="k" * 64, pipeline="controls",
        code={"dataset": "1"}, summary=summary(), duration_s={"controls": 3.5},
    )  # fmt: skip
    written = record_controls.write_run(context, facts, {}, tmp_path / "run")
    record = verify(tmp_path / "run" / FILE)
    assert msgspec.structs.replace(record, seal="") == written
    assert record.of_controls
    assert (record.metrics, record.status) == ({}, "ok")
    assert set(record.controls) == set(record.rules)
    assert (tmp_path / "run" / PREDICTIONS).read_bytes() == (tmp_path / "controls" / PREDICTIONS).read_bytes()
    assert {path.name for path in (tmp_path / "run").iterdir()} == {FILE, PREDICTIONS, "curves.json", "spec.json"}


def test_the_record_of_controls_can_be_checked_against_its_outputs(context, tmp_path):
    built(context)
    context.artefacts["controls"] = tmp_path / "controls"
    facts = RunFacts(
        run="controls-00000000", digest="d" * 64, pipeline_digest="p" * 64, key="k" * 64, pipeline="controls",
        code={"dataset": "1"}, summary=summary(), duration_s={"controls": 3.5}, scoring={"a module": "5" * 64},
    )  # fmt: skip
    record = record_controls.write_run(context, facts, {}, tmp_path / "run")
    assert record.scoring == facts.scoring
    assert recompute(record, tmp_path / "run", True).contradictions == []
    border = dict(record.controls["border"])
    border["auroc"] = msgspec.structs.replace(border["auroc"], value=0.5)
    forged = msgspec.structs.replace(record, controls={**record.controls, "border": border})
    (found,) = recompute(forged, tmp_path / "run", True).contradictions
    assert found.startswith("control border, auroc: ")

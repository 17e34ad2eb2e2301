"""What follows from stored logits, as the code of aa12731 had it (what is calibrated: since calibrations are shrunk):
numbers that hold on every machine.

    python -m tests.stored_logits --regenerate      writes both files anew; review them like code

`tests/golden/stored-logits.npz` holds what goes in (logits, targets, subsets, groups, sources, maps, masks) and the
arrays that come out, `tests/golden/stored-logits.json` the numbers; texts are left out.  The inputs are read, not drawn
again.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from benchmark.evaluation.calibration import Calibration, correct_prior, without_prior
from benchmark.evaluation.estimates import Outputs, evaluate
from benchmark.evaluation.intervals import paired_difference
from benchmark.evaluation.localisation import localisation, localisation_estimates

# All that is known of the product's names: what is renamed or moved is mended here.
from benchmark.evaluation.masks import implausible, mask_estimates
from benchmark.evaluation.metrics import log_odds, metric_named
from benchmark.evaluation.scoring import Scores, score
from benchmark.evaluation.voting import agreement, member_probabilities, vote
from registry.voters.hard import hard
from registry.voters.soft import soft
from registry.voters.stacking import stacking
from registry.voters.weighted import weighted

RENAMED = {  # part of a name in the files -> what the product says now
    " › detectable": " › minimum_detectable",
    "validation_specificity": "calibration_specificity",
    "validation_sensitivity": "calibration_sensitivity",
}
SUBSETS = ("train", "validation", "calibration", "test")
VOTERS = {"soft": soft, "hard": hard, "weighted": weighted, "stacking": stacking}
FITTED = (stacking,)  # by scikit-learn's solver
CLASSES = {"two": ("rest", "COVID"), "four": ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")}
POSITIVE = {"two": "COVID", "four": None}
RESAMPLES = 500
EVERY = 4  # one in so many rows of a resulting array is kept
MAPS, SIDE = 40, 16
SEED = 7

GOLDEN = Path(__file__).parent / "golden"
ARRAYS, NUMBERS = GOLDEN / "stored-logits.npz", GOLDEN / "stored-logits.json"
GIVEN, RESULT = "given ", "result "  # what arrays of the file are
FITTED_NAME = "fitted"  # of what rests on how far a fit converges

Arrays = dict[str, np.ndarray]


def inputs() -> Arrays:
    """Inputs that a run might have left: two networks on two classes and on four, one-vs-all models, maps, masks."""
    rng = np.random.default_rng(20261127)
    given = _case(rng, "two", 260, (0.75, 0.25)) | _case(rng, "four", 340, (0.2, 0.3, 0.4, 0.1))
    own = given["four targets"] == np.arange(4)[:, None]  # (4, n)
    given["four one-vs-all"] = (rng.normal(size=(4, 340, 2)) + np.stack([~own, own], axis=2) * 1.5).astype(np.float32)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    spots, lesions = (rng.uniform(3, SIDE - 3, (MAPS, 2)) for _ in range(2))
    heat = np.stack([np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 12) for y, x in spots])
    given["maps"] = (heat * (rng.random(MAPS) > 0.1)[:, None, None]).astype(np.float32)
    given["lungs"] = np.stack([np.abs(columns - SIDE / 2) > SIDE / 2 - width for width in rng.integers(3, 8, MAPS)])
    given["lesions"] = np.stack([(rows - y) ** 2 + (columns - x) ** 2 < 9 for y, x in lesions])
    given["predicted"] = given["lungs"] ^ (rng.random(heat.shape) < 0.03)
    given["labels"] = rng.choice(["COVID", "rest"], MAPS)
    given["map groups"] = np.array([f"patient-{i // 2}" for i in range(MAPS)])
    return given


def _case(rng: np.random.Generator, name: str, n: int, shares: tuple[float, ...]) -> Arrays:
    """Logits (2, n, K) of two networks that saw balanced batches, for patients with one to three images."""
    count = len(shares)
    patients = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    targets = rng.choice(count, n, p=shares)[patients]
    logits = rng.normal(size=(2, n, count)) * 1.3
    logits[:, np.arange(n), targets] += np.array([[2.2], [1.4]])
    powers = np.exp(logits / 1.3)
    return {
        f"{name} logits": logits.astype(np.float32),
        f"{name} probabilities": powers / powers.sum(axis=2, keepdims=True),
        f"{name} targets": targets,
        f"{name} groups": np.array([f"patient-{patient}" for patient in patients]),
        f"{name} sources": rng.choice(["north", "south"], n, p=(0.3, 0.7)),
        f"{name} subsets": rng.choice(SUBSETS, n, p=(0.4, 0.1, 0.2, 0.3))[patients],
        f"{name} data_prior": np.array(shares),
        f"{name} batch_prior": np.full(count, 1 / count) + np.linspace(-0.01, 0.01, count),
    }


def results(given: Arrays) -> dict[str, Any]:
    """All that today's code makes of the inputs: nested tables of numbers, arrays and texts.

    What stands under ``fitted`` rests on how far a fit converges: a calibration to some 1e-8, which the last bits of
    another processor move, a regression of scikit-learn to its solver's tolerance.  All else is arithmetic.
    """
    result: dict[str, Any] = {}
    for name in CLASSES:
        scores = [_scores(given, name, logits) for logits in given[f"{name} logits"]]
        members = np.log(given[f"{name} probabilities"])
        result[name] = {
            FITTED_NAME: {str(place): _scored(one) for place, one in enumerate(scores)},
            "controls": scores[0].controls,
            "applied": _applied(given, name),
            "judged": _judged(given, name),
            "differences": _differences(given, name),
            "votes": _votes(
                given, name, np.stack([member_probabilities(one, None, len(CLASSES[name])) for one in members])
            ),
        }
    result["one-vs-all"] = _one_vs_all(given)
    result["maps"] = _maps(given)
    return msgspec.to_builtins(result, builtin_types=(np.ndarray,), enc_hook=lambda value: value)


def _scores(given: Arrays, name: str, logits: np.ndarray) -> Scores:
    return score(
        classes=CLASSES[name],
        positive=POSITIVE[name],
        targets=given[f"{name} targets"],
        logits=logits,
        subsets=given[f"{name} subsets"],
        groups=given[f"{name} groups"],
        data_prior=given[f"{name} data_prior"].tolist(),
        batch_prior=given[f"{name} batch_prior"].tolist(),
        seed=SEED,
        sources=given[f"{name} sources"].tolist(),
        resamples=RESAMPLES,
    )


def _scored(scores: Scores) -> dict[str, Any]:
    return {
        "metrics": scores.metrics,
        "confusion": scores.confusion,
        "calibration": scores.calibration,
        "corrected_logits": scores.corrected_logits[::EVERY],
        "probabilities": scores.probabilities[::EVERY],
    }


def _applied(given: Arrays, name: str) -> dict[str, np.ndarray]:
    """Logits with the prior of the batches taken out, and what known calibrations make of them."""
    logits, priors = given[f"{name} logits"][0][::EVERY], (given[f"{name} data_prior"], given[f"{name} batch_prior"])
    corrected = correct_prior(logits, *priors)
    temperature, platt = Calibration("temperature", temperature=1.7), Calibration("platt", slope=1.2, intercept=-0.3)
    known = {"temperature": temperature} | ({"platt": platt} if len(CLASSES[name]) == 2 else {})
    applied = {method: calibration.apply(corrected) for method, calibration in known.items()}
    return {"equal priors": without_prior(logits, priors[1]), "priors of the data": corrected, **applied}


def _judged(given: Arrays, name: str) -> dict[str, Any]:
    """Every metric of known probabilities, with intervals."""
    test, probabilities = given[f"{name} subsets"] == "test", given[f"{name} probabilities"][0]
    outputs = Outputs(probabilities.argmax(axis=1), log_odds(np.log(probabilities)), probabilities).of(test)
    targets, groups = given[f"{name} targets"][test], given[f"{name} groups"][test]
    return evaluate(CLASSES[name], POSITIVE[name], targets, outputs, groups, SEED, RESAMPLES)


def _differences(given: Arrays, name: str) -> dict[str, Any]:
    """Of both networks on the same test images, by metric."""
    test = given[f"{name} subsets"] == "test"
    targets, groups = given[f"{name} targets"][test], given[f"{name} groups"][test]
    one, other = given[f"{name} probabilities"][:, test]
    result = {}
    for wanted in ("balanced-accuracy", "auroc", "log-loss"):
        metric = metric_named(wanted, list(CLASSES[name]), POSITIVE[name])
        sides = (one, other) if metric.needs == "probabilities" else (np.log(one), np.log(other))
        result[wanted] = paired_difference(metric.compute, targets, *sides, groups, SEED, RESAMPLES)
    return result


def _votes(given: Arrays, name: str, members: np.ndarray) -> dict[str, Any]:
    """What each voter makes of members' probabilities (M, n, K)."""
    calibration = given[f"{name} subsets"] == "calibration"
    result: dict[str, Any] = {"members": members[:, ::EVERY]}
    for voter, make in VOTERS.items():
        probabilities, note = vote(make, members, given[f"{name} targets"], given[f"{name} groups"], calibration, SEED)
        result[voter] = {FITTED_NAME if make in FITTED else "vote": probabilities[::EVERY], "note": note}
    return result


def _one_vs_all(given: Arrays) -> dict[str, Any]:
    """Of four models that know one class each."""
    columns = range(len(CLASSES["four"]))
    members = np.stack(
        [member_probabilities(given["four one-vs-all"][k].astype(float), k, len(columns)) for k in columns]
    )
    return {"agreement": agreement(members, list(columns)), "votes": _votes(given, "four", members)}


def _maps(given: Arrays) -> dict[str, Any]:
    """Where maps as large as their images lie, and how good masks are."""
    labels, groups = given["labels"], given["map groups"]
    on_lungs = localisation(given["maps"], given["lungs"])
    on_lesions = localisation(given["maps"], given["lesions"], within=given["lungs"])
    return {
        "lungs": localisation_estimates(on_lungs, labels, groups, "lung", SEED),
        "lesions": localisation_estimates(on_lesions, labels, groups, "lesion", SEED),
        "enrichment": on_lesions.enrichment,
        "masks": mask_estimates(given["lungs"], given["predicted"], groups, SEED, RESAMPLES),
        "implausible": implausible(given["predicted"]),
    }


def flat(content: Any, name: str = "") -> dict[str, Any]:
    """Name -> number, None or array of nested tables and lists; without texts."""
    if isinstance(content, str):
        return {}
    if not isinstance(content, (Mapping, list)):
        return {name: content}
    items = content.items() if isinstance(content, Mapping) else enumerate(content)
    within = f"{name} › " if name else ""
    return {place: leaf for key, value in items for place, leaf in flat(value, f"{within}{key}").items()}


def stored() -> tuple[Arrays, dict[str, Any]]:
    """The inputs, and what followed from them, by the names that the product has now."""
    with np.load(ARRAYS, allow_pickle=False) as arrays:
        kept = dict(arrays)
    given = {name.removeprefix(GIVEN): array for name, array in kept.items() if name.startswith(GIVEN)}
    result = {name.removeprefix(RESULT): array for name, array in kept.items() if name.startswith(RESULT)}
    result |= flat(msgspec.json.decode(NUMBERS.read_bytes()))
    for old, new in RENAMED.items():
        result = {name.replace(old, new): value for name, value in result.items()}
    return given, result


def regenerate() -> None:
    """Write both files anew."""
    given = inputs()
    result = results(given)
    arrays = {RESULT + name: value for name, value in flat(result).items() if isinstance(value, np.ndarray)}
    np.savez_compressed(ARRAYS, **{GIVEN + name: value for name, value in given.items()}, **arrays)
    NUMBERS.write_bytes(msgspec.json.format(msgspec.json.encode(_numbers(result)), indent=1) + b"\n")


def _numbers(content: Any) -> Any:
    if not isinstance(content, Mapping):
        return content
    return {key: _numbers(value) for key, value in content.items() if not isinstance(value, (np.ndarray, str))}


if __name__ == "__main__":
    if sys.argv[1:] != ["--regenerate"]:
        sys.exit(__doc__)
    regenerate()

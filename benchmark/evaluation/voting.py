"""What the members of a vote predict, made comparable: probabilities of every class, at equal class priors."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmark.data.splits import fold_of

FLOOR = 1e-7  # of a vote's probability, before its logarithm is taken
FOLDS = 5


def member_probabilities(corrected_logits: np.ndarray, column: int | None, num_classes: int) -> np.ndarray:
    """Probabilities (n, K) of one member, at equal shares of the K classes.

    A member that knows class k against the rest has p in column k and (1 - p) / (K - 1) in the others, where p takes
    k for one class in K: its log-odds, at even odds, less log(K - 1).

    Args:
        corrected_logits: of a member that knows all classes (n, K), else (n, 2), of the rest and of its class; at equal
            shares of its own classes.
        column: the class that the member knows; None: all.
    """
    if column is None:
        powers = np.exp(corrected_logits - corrected_logits.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)
    odds = corrected_logits[:, 1] - corrected_logits[:, 0] - np.log(num_classes - 1)
    own = 0.5 * (1 + np.tanh(odds / 2))  # the logistic function, without overflow
    probabilities = np.repeat((1 - own)[:, None] / (num_classes - 1), num_classes, axis=1)
    probabilities[:, column] = own
    return probabilities


def vote(
    make_voter: Callable[[], Any],
    members: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    calibration: np.ndarray,
    seed: int,
) -> tuple[np.ndarray, str]:
    """Class probabilities (n, K) of a vote, and a note where there is something to say.

    The voter learns from the images of `calibration`.  What it says of those themselves comes from voters that had
    not seen them, fold by fold, so that a calibration fitted on them later is not fooled by a voter that learnt them
    by heart.

    Args:
        members: (M, n, K) probabilities of all members.
        calibration: (n,) bool.
    """
    result: np.ndarray = make_voter().fit(members[:, calibration], targets[calibration]).predict_proba(members)
    rows = np.flatnonzero(calibration)
    present = sorted(set(targets[rows].tolist()))
    fewest = min(len(set(np.asarray(groups)[rows[targets[rows] == k]].tolist())) for k in present)
    folds = min(FOLDS, fewest)
    if folds < 2:
        return (
            result,
            "a class has one group to fit on: the vote is calibrated on what its voter learnt from",
        )
    own = np.asarray(groups)[rows]
    fold = fold_of([str(target) for target in targets[rows]], [None] * len(rows), own, folds=folds, seed=seed)
    for place in range(folds):
        seen, left = rows[fold != place], rows[fold == place]
        result[left] = make_voter().fit(members[:, seen], targets[seen]).predict_proba(members[:, left])
    return result, ""


def agreement(members: np.ndarray, columns: Sequence[int | None]) -> dict[str, np.ndarray]:
    """How members agree on n images: name -> bool (n,).

    ``disagreement``: members that know all classes decide differently, or other than exactly one member claims its
    class.  ``no-vote``: no member has p > .5 for any class.  ``tie``: two classes share the most such votes.
    """
    cast = members > 0.5  # (M, n, K); two classes cannot both exceed a half
    count = cast.sum(axis=0)  # (n, K)
    most = count.max(axis=1)
    votes = {"no-vote": most == 0, "tie": (most > 0) & ((count == most[:, None]).sum(axis=1) > 1)}
    claims = [cast[m, :, column] for m, column in enumerate(columns) if column is not None]
    decided = np.stack([members[m].argmax(axis=1) for m, column in enumerate(columns) if column is None] or [most * 0])
    split = (decided != decided[0]).any(axis=0)
    return {"disagreement": split | (np.sum(claims, axis=0) != 1) if claims else split, **votes}

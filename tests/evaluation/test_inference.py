"""All rows of a table at once: by hand, by McNemar and Nadeau-Bengio, and on simulated tables whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from benchmark.evaluation import scale
from benchmark.evaluation.inference import Question, TestedRow, infer, own_intervals
from benchmark.evaluation.influences import influences
from benchmark.evaluation.intervals import wilson
from benchmark.evaluation.pairs import image_errors
from benchmark.evaluation.retraining import retraining
from benchmark.evaluation.scale import Z, from_normal, sidak_deviate, to_normal
from benchmark.evaluation.simultaneous import DRAWS, FEW_DRAWS, draws_for, root
from tests.simulations.enumeration import covered
from tests.simulations.verdicts import TARGETS, Cell, equal_cells, own_cells, power_cells
from tests.simulations.worlds import Kind, seeded, table, targets_of

ACCURACY = influences("accuracy", ["a", "b"], None)


def rows_of(*right: np.ndarray) -> list[TestedRow]:
    """Rows of one training by accuracy; the images are all of the first class."""
    found = []
    for one in right:
        decisions = np.eye(2)[(~one).astype(int)]
        value, moves = ACCURACY(np.zeros(len(one), int), decisions, np.arange(len(one)))
        found.append(TestedRow(np.array([value]), moves[None], *wilson(value, len(one)), control=not found))
    return found


@pytest.mark.parametrize(("ahead", "behind", "significant"), [(5, 0, False), (12, 3, True)])
def test_of_two_rows_of_one_training_the_test_is_as_careful_as_mcnemars(
    ahead: int, behind: int, significant: bool
) -> None:
    exact = stats.binomtest(ahead, ahead + behind).pvalue
    assert (exact < 0.05) == significant
    place = np.arange(200)
    first = (place >= behind + 20) | (place < 20)
    second = (place < 20) | (place >= 20 + behind + ahead) | ((place >= 20) & (place < 20 + behind))
    found = infer(rows_of(first, second), Question(fewest=200))
    assert found.pairs.value[0, 1] == pytest.approx((ahead - behind) / 200)
    assert (found.p(float(found.pairs.deviates[0, 1])) < 0.05) == significant == bool(found.told_apart[0, 1])


def test_of_two_rows_without_retraining_the_quantile_is_the_normals() -> None:
    rng = np.random.default_rng(0)
    found = infer(rows_of(rng.random(2000) < 0.9, rng.random(2000) < 0.9), Question(fewest=2000))
    assert found.quantile == pytest.approx(1.96, abs=0.05)
    assert found.critical[0, 1] == pytest.approx(found.quantile, abs=1e-3)


def test_the_widened_error_of_a_difference_is_bonett_and_prices() -> None:
    first, second = np.zeros(300, bool), np.zeros(300, bool)
    first[:12], second[9:15] = True, True  # 9 images speak for the first, 3 for the second
    images2, _ = image_errors(np.stack([row.moves[0] for row in rows_of(first, second)]), 300)
    assert images2[0, 1] == pytest.approx(14 / 300**2 * (1 - 2 * 0.02), rel=0.05)


def test_where_no_image_tells_two_rows_apart_wilsons_bound_stands_in() -> None:
    moves = np.tile(np.random.default_rng(0).normal(size=50), (2, 1))
    images2, widen = image_errors(moves, 40)
    assert np.sqrt(images2[0, 1]) == pytest.approx(wilson(0.0, 40)[1] / Z)
    assert widen[0, 1] == 0


@pytest.mark.parametrize("freedom", [1, 2, 3, 5, 10, 50])
def test_the_scale_is_that_of_students_t(freedom: int) -> None:
    for t in (0.5, 2.0, 4.0, 12.7):
        exact = stats.norm.isf(stats.t.sf(t, freedom))
        assert to_normal(t, freedom) == pytest.approx(exact, rel=0.035 if freedom > 1 else 0.08)
        assert from_normal(to_normal(t, freedom), freedom) == pytest.approx(t)
    assert to_normal(3.0, np.inf) == pytest.approx(3.0, abs=1e-3)
    assert scale.MANY > 1000


def test_sidaks_deviate() -> None:
    assert sidak_deviate(1) == pytest.approx(1.96, abs=1e-3)
    assert 2 * stats.norm.sf(sidak_deviate(8)) == pytest.approx(1 - 0.95 ** (1 / 8))


def test_a_rows_spread_is_its_own_or_that_of_all_whichever_is_larger() -> None:
    calm, restless = np.array([0.8, 0.81, 0.82]), np.array([0.7, 0.8, 0.9])
    found = retraining([calm, restless, np.array([0.8]), np.array([0.7])], [False, False, False, True])
    pooled = (0.0001 + 0.01) / 2
    assert found.total == 4
    assert found.spread == pytest.approx([pooled, 0.01, pooled, 0])
    assert found.error2 == pytest.approx([pooled / 3, 0.01 / 3, pooled, 0])
    assert found.borrowed.tolist() == [False, False, True, False] and not found.unknown.any()


def test_below_four_degrees_of_freedom_nothing_stands_for_the_spread_of_one_training() -> None:
    found = retraining([np.array([0.8, 0.81, 0.82]), np.array([0.8])], [False, False])
    assert found.error2[1] == 0 and found.unknown.tolist() == [False, True]


def test_trainings_that_say_the_same_vary_by_nothing() -> None:
    found = retraining([np.array([0.8, 0.8]), np.array([0.7, 0.8, 0.9])], [True, False])
    assert (found.total, found.error2[0], found.unknown[0]) == (2, 0, False)


def test_the_error_of_a_pair_is_images_and_retraining_together() -> None:
    (rng,) = seeded(1, "error")
    rows = table(rng, [Kind(3), Kind(3)], TARGETS)
    found = infer(rows, Question(464))
    moves = np.stack([row.moves.mean(axis=0) for row in rows])
    images2, _ = image_errors(moves, 464)
    variances = [np.var(row.values, ddof=1) for row in rows]
    spread = [max(one, np.mean(variances)) for one in variances]
    error2 = images2[0, 1] + sum(spread) / 3
    assert found.pairs.error[0, 1] ** 2 == pytest.approx(error2)
    assert found.pairs.freedom[0, 1] == pytest.approx(max(1, 4 * error2**2 / (sum(spread) / 3) ** 2))  # type: ignore[union-attr]


def test_rows_on_common_trainings_differ_by_their_paired_differences() -> None:
    (rng,) = seeded(1, "common")
    rows = table(rng, [Kind(5), Kind(3, vote_on=0), Kind(1, vote_on=0), Kind(3)], TARGETS)
    found = infer(rows, Question(464))
    differences = rows[0].values[:3] - rows[1].values
    assert found.pairs.value[0, 1] == pytest.approx(differences.mean())
    assert found.pairs.training2[0, 1] == pytest.approx(np.var(differences, ddof=1) / 3)  # type: ignore[union-attr]
    assert found.pairs.common == {(0, 1): 2, (0, 2): 0, (1, 2): 0}  # type: ignore[union-attr]
    assert found.pairs.training2[0, 2] == 0  # type: ignore[union-attr]
    assert found.pairs.value[2, 0] == pytest.approx(rows[2].values[0] - rows[0].values[0])
    assert found.pairs.value[0, 3] == pytest.approx(rows[0].values.mean() - rows[3].values.mean())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tiny", [0.0, 1e-16, 1e-9])
def test_trainings_that_hardly_move_two_rows_apart_are_no_trouble(tiny: float) -> None:
    (rng,) = seeded(1, "tiny")
    first, _ = table(rng, [Kind(3), Kind(3)], TARGETS)
    moved = first.moves + 1e-5 * rng.normal(size=first.moves.shape)
    second = TestedRow(first.values + 0.01 + tiny * np.arange(3), moved, 0, 1, first.seeds, first.trainings)
    found = infer([first, second, first], Question(464))
    assert np.isfinite(found.quantile) and np.isfinite(found.critical[0, 1])


def test_folds_are_tested_as_nadeau_and_bengio_do() -> None:
    by_fold = np.array([[0.02, 0.01, 0.03, 0.00, 0.04]])
    moves = np.random.default_rng(0).normal(size=(1, 400)) * 1e-3
    rows = [
        TestedRow(np.array([0.02]), moves, 0, 1, by_fold=by_fold),
        TestedRow(np.array([0.0]), 0 * moves, 0, 1, control=True, by_fold=0 * by_fold),
    ]
    found = infer(rows, Question(100, share=0.25))
    deviate = float(found.pairs.deviates[0, 1])
    assert deviate == pytest.approx(1.886, abs=5e-4)
    assert found.p(deviate) == pytest.approx(0.1324, abs=0.01)
    assert found.critical[0, 1] == pytest.approx(stats.t.ppf(0.975, 4), abs=0.15)


def test_controls_are_not_tested_against_each_other_and_a_named_row_has_its_own_family() -> None:
    (rng,) = seeded(1, "family")
    rows = table(rng, [Kind(3), Kind(3), Kind(3), Kind(0), Kind(0)], TARGETS)
    whole, named = (infer(rows, Question(464, reference=reference)) for reference in (None, 0))
    assert np.triu(whole.pairs.tested).sum() == 9 and np.triu(named.pairs.tested).sum() == 4
    assert not whole.pairs.tested[3, 4] and not named.pairs.tested[1, 2]
    assert named.quantile < whole.quantile


def test_all_of_ten_rows_are_tested() -> None:
    (rng,) = seeded(1, "ten")
    found = infer(table(rng, [Kind(2)] * 10, TARGETS), Question(464))
    assert np.triu(found.pairs.tested).sum() == 45


def test_the_interval_leaves_0_out_exactly_where_p_is_below_five_percent() -> None:
    (rng,) = seeded(1, "p")
    found = infer(table(rng, [Kind(3), Kind(3)], TARGETS), Question(464))
    q = found.quantile
    assert found.p(np.nextafter(q, 9)) < 0.05 <= found.p(q)


def test_an_inference_repeats_bit_for_bit_and_other_images_draw_otherwise() -> None:
    (rng,) = seeded(1, "again")
    rows = table(rng, [Kind(3)] * 4, TARGETS)
    first, again, other = (infer(rows, Question(464, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.largest, again.largest)
    assert not np.array_equal(first.largest, other.largest)
    assert first.quantile == pytest.approx(other.quantile, rel=0.03)
    assert (draws_for(60), draws_for(61)) == (DRAWS, FEW_DRAWS)


def test_the_root_of_a_covariance_without_full_rank_gives_it_back() -> None:
    moves = np.random.default_rng(0).normal(size=(3, 40))
    rows = np.stack([*moves, moves[0], np.zeros(40)])
    found = root(rows @ rows.T)
    assert found @ found.T == pytest.approx(rows @ rows.T, abs=1e-3)


def test_a_row_of_one_training_has_todays_interval() -> None:
    row = TestedRow(np.array([0.9]), np.zeros((1, 5)), 0.85, 0.93)
    assert own_intervals([row], retraining([row.values], [False]), Z) == [pytest.approx((0.85, 0.93))]


def test_retraining_widens_a_rows_interval_to_the_same_side() -> None:
    row = TestedRow(np.array([0.89, 0.9, 0.91]), np.zeros((3, 5)), 0.84, 0.93)
    trained = retraining([row.values], [False])
    ((low, high),) = own_intervals([row], trained, Z)
    for end, images in ((low, 0.06), (high, 0.03)):
        error2 = (images / Z) ** 2 + 0.0001 / 3
        freedom = 2 * (error2 / (0.0001 / 3)) ** 2
        assert abs(end - 0.9) == pytest.approx(stats.t.ppf(0.975, freedom) * np.sqrt(error2), rel=0.02)


@pytest.mark.parametrize(("negatives", "positives", "least"), [(249, 51, 0.88), (1660, 340, 0.93)])
@pytest.mark.parametrize("metric", ["accuracy", "balanced-accuracy"])
def test_one_trainings_own_interval_covers_by_enumeration(
    metric: str, negatives: int, positives: int, least: float
) -> None:
    shares = covered(metric, negatives, positives, np.linspace(0.9, 0.998, 8))
    assert shares.min() >= least and shares.mean() >= 0.94


THIN = 60  # draws; the whole simulation is `python -m tests.simulations.verdicts`
THINNED = (
    "equal: 2 rows, SD 0.023, 2 seeds",
    "equal: 8 rows, SD 0.015, 2 seeds",
    "equal: 1, 1, 1, 1, 3, 3 seeds",
    "equal: a row, two votes on it, another, 2 seeds",
    "equal: 5 folds, 2 rows",
    "own: of 2, SD 0.023, 3 seeds",
    "power: gap 0.03, 2 rows, SD 0.006, 3 seeds",
)
CELLS = {cell.name: cell for cells in (equal_cells(), own_cells(), power_cells()) for cell in cells}


@pytest.mark.parametrize("cell", [CELLS[name] for name in THINNED], ids=lambda cell: cell.name)
def test_what_is_promised_holds_within_what_few_draws_can_tell(cell: Cell) -> None:
    slack = 3.5 * np.sqrt(cell.bound * (1 - cell.bound) / THIN)
    found = cell.measured(THIN)
    assert found >= cell.bound - slack if cell.at_least else found <= cell.bound + slack


def test_images_alone_would_tell_equal_rows_apart_far_too_often() -> None:
    """The fault that this replaced: the simulation must be able to see it."""
    targets = targets_of(2000, 464)
    wrong = 0
    for draw, rng in enumerate(seeded(THIN, "images alone")):
        rows = table(rng, [Kind(3, 0.023)] * 2, targets)
        means = [TestedRow(row.values.mean(keepdims=True), row.moves.mean(axis=0)[None], 0, 1) for row in rows]
        wrong += bool(infer(means, Question(464, seed=draw)).told_apart.any())
    assert wrong / THIN > 0.2

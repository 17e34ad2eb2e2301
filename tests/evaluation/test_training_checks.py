"""What is said of trainings that went wrong, and that nothing is said of the others."""

import pytest

from benchmark.evaluation.training_checks import learning, masks, one_answer, shortened, training_notes
from benchmark.records.estimate import Estimate
from benchmark.tasks.schema import Training

CLASSES = ["Non-COVID", "COVID"]


def history(losses, validation):
    """Losses of every epoch; of validation where there is a number."""
    pairs = enumerate(zip(losses, validation, strict=True), 1)
    return [
        {"epoch": epoch, "loss": loss, **({} if checked is None else {"val_loss": checked})}
        for epoch, (loss, checked) in pairs
    ]


@pytest.mark.parametrize(
    ("confusion", "answer"),
    [
        ([[0, 75], [0, 25]], "COVID"),
        ([[75, 0], [25, 0]], "Non-COVID"),
        ([[74, 1], [24, 1]], "Non-COVID"),  # 98 of 100
        ([[73, 2], [24, 1]], None),
        ([[70, 5], [3, 22]], None),
    ],
)
def test_one_answer_for_all_is_said(confusion, answer):
    notes = one_answer(confusion, CLASSES)
    assert [note.partition(" for ")[0] for note in notes] == ([f"answers {answer}"] if answer else [])
    assert all("--epochs" in note for note in notes)


GOOD = (
    [0.6, 0.4, 0.3, 0.25, 0.22, 0.21, 0.2, 0.19, 0.185, 0.18],
    [None, 0.5, None, 0.4, None, 0.3, None, 0.28, None, 0.27],
)


@pytest.mark.parametrize(
    ("losses", "validation", "said"),
    [
        (*GOOD, []),
        ([0.7] * 4, [None, 0.72, None, 0.694], ["never fell below"]),
        ([0.7] * 4, [None, 0.72, None, 0.692], []),
        ([0.1] * 4, [0.694, 0.9, 1.1, 1.4], ["by heart"]),  # and not to train it longer, which would not mend that
        ([0.6, 0.5, 0.4, 0.3], [None, None, None, 0.3], ["still falling"]),
        ([*GOOD[0][:-1], 0.15], GOOD[1], ["still falling"]),  # by a fifth from the ninth tenth to the last
        ([*GOOD[0][:-1], 0.17], GOOD[1], []),
        ([0.5, 0.05, 0.03, 0.018], [None, None, None, 0.02], []),  # a third, but of next to nothing
        ([0.5, 0.3, 0.08, 0.056], [None, None, None, 0.06], []),  # as healthy trainings scatter from epoch to epoch
        ([0.5, 0.3, 0.2, 0.1], [None, None, None, 0.9], ["by heart"]),  # it falls too, and longer would make it worse
        ([0.6, 0.4, 0.3, 0.3], [None, None, None, 0.72], ["never fell below"]),
        ([0.5, 0.1, 0.1], [0.6, None, 0.5], ["by heart"]),
        ([0.5, 0.1, 0.1], [0.6, None, 0.29], []),
        ([0.01, 0.001, 0.001], [None, None, 0.05], []),  # three times and more, but of next to nothing
        ([0.5], [0.4], []),  # one epoch says nothing of falling
    ],
)
def test_losses_say_what_went_wrong(losses, validation, said):
    notes = learning(history(losses, validation), 2)
    assert len(notes) == len(said)
    assert all(words in note for words, note in zip(said, notes, strict=True))


def test_what_knows_nothing_depends_on_the_number_of_classes():
    rows = history([1.0, 1.0], [None, 1.0])
    assert learning(rows, 2) and not learning(rows, 3)


def test_a_training_that_was_told_to_be_short_says_so_and_names_the_flag():
    exact = Training(epochs=5, minimum_steps=300, exact_epochs=True)
    (note,) = shortened(exact, 120)
    assert note.startswith("120 steps are fewer than training.minimum_steps (300): --epochs asks for exactly 5")
    assert shortened(exact, 300) == []
    assert shortened(Training(epochs=5, minimum_steps=300), 300) == []


def test_a_training_that_was_told_to_be_short_is_not_told_that_it_still_falls():
    rows, exact = history([0.6, 0.5, 0.4, 0.3], [None, None, None, 0.3]), Training(epochs=4, exact_epochs=True)
    assert [note.split()[0] for note in training_notes(rows, 2, exact, 40)] == ["40"]
    assert [note.split()[0] for note in training_notes(rows, 2, Training(epochs=4), 400)] == ["the"]
    constant = history([0.7] * 4, [None, None, None, 0.7])
    assert len(training_notes(constant, 2, exact, 40)) == 2


@pytest.mark.parametrize(("share", "said"), [(None, False), (0.0, False), (0.05, False), (0.2, True)])
def test_implausible_masks_are_said(share, said):
    assert bool(masks({"implausible": Estimate(share, n=50)}, trained=True)) is said
    assert masks({}, trained=True) == []


def test_masks_that_are_implausible_throughout_are_called_so():
    (note,) = masks({"implausible": Estimate(0.97, n=50), "dice": Estimate(0.9, n=50)}, trained=True)
    assert note.startswith("all or nearly all the lung masks are implausible (see masks.png): train the segmenter ")


def test_of_a_rule_that_draws_masks_no_longer_training_and_no_picture_that_is_not_there_is_advised():
    bad = {"implausible": Estimate(0.97, n=50), "dice": Estimate(None, n=0, note="no images with a mask")}
    (note,) = masks(bad, trained=False)
    assert note.endswith(
        "are implausible (see network-view.png): take a segmenter that is trained, or --segmenter none"
    )
    (note,) = masks({"dice": Estimate(0.4, n=50)}, trained=False)
    assert note.endswith("against the dataset's own; take a segmenter that is trained, or --segmenter none")


@pytest.mark.parametrize(
    ("quality", "said"),
    [
        ({"dice": 0.79}, "the lung masks are poor: Dice below .80 against the dataset's own; train the segmenter"),
        ({"dice": 0.8}, ""),
        ({"dice": None}, ""),  # the dataset has no masks: it cannot be known
        (
            {"dice": 0.9, "dice/COVID (CXR)": 0.7, "dice/Normal (RSNA)": 0.95},
            "masks of COVID (CXR) are poor",
        ),
        ({"dice": 0.7, "dice/COVID (CXR)": 0.6}, "the lung masks are poor"),  # once
    ],
)
def test_poor_masks_are_said_where_it_can_be_known(quality, said):
    found = {name: Estimate(one, n=50) for name, one in quality.items()}
    notes = masks({"implausible": Estimate(0.0, n=50)} | found, trained=True)
    assert len(notes) == bool(said)
    assert all(said in note for note in notes)


def test_a_dice_of_few_groups_says_nothing():
    few = {"dice/COVID (nobody)": Estimate(0.4, n=50, note="fewer than ten groups"), "dice": Estimate(0.9)}
    assert masks(few, trained=True) == []


def test_masks_that_are_poor_and_implausible_are_both_said():
    assert len(masks({"implausible": Estimate(0.5, n=50), "dice": Estimate(0.3, n=50)}, trained=True)) == 2

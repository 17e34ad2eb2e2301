"""How the networks of a run were trained, and its classical head, as a record holds it."""

from msgspec import UNSET, Struct, UnsetType


class Pace(Struct, frozen=True, omit_defaults=True):
    """What the training of a network found out on its device.

    Attributes:
        batch_size: that memory allowed.
        jit: whether XLA compiled.
        steps_per_execution: steps that the device takes at once.
        input_stall: share of the epochs' time that it waited for images.
        tracing_s: seconds of compilation before the epochs; 0 in records that counted it as input_stall.
    """

    batch_size: int
    jit: bool
    steps_per_execution: int
    input_stall: float
    tracing_s: float = 0.0


class TrainingInfo(Struct, frozen=True, omit_defaults=True):
    """How a run was trained; what does not apply to it is absent.

    Attributes:
        stage_duration_s: role -> seconds of every step of the run, whoever built it; of a vote's member as
            ``NAME/fit``, of pooled folds as ``folds/0/fit``.
        steps: of all epochs.
        batch_prior: class -> its share in the batches.
        val_loss: class-balanced, on validation, of the weights that were kept.
        best_epoch, final_learning_rate: of trainings that validation steered (schemas 1 and 2): the epoch whose weights
            were kept, from 1, and the learning rate of the last one.
        batch_size, jit, steps_per_execution, input_stall, tracing_s: see `Pace`; of the classifier.
        segmenter: the same of the segmenter.
        balanced: what made the classes weigh alike for a classical head.
        rounds: of boosting that answer; None where fitting did not stop early.
        notes: of the classical head, or of a vote.
    """

    stage_duration_s: dict[str, float] | None = None
    epochs: int | None = None
    steps: int | None = None
    batch_prior: dict[str, float] | None = None
    best_epoch: int | None = None
    val_loss: float | None = None
    final_learning_rate: float | None = None
    precision: str | None = None
    batch_size: int | None = None
    jit: bool | None = None
    steps_per_execution: int | None = None
    input_stall: float | None = None
    tracing_s: float = 0.0
    segmenter: Pace | None = None
    balanced: str | None = None
    rounds: int | UnsetType | None = UNSET
    notes: list[str] | None = None

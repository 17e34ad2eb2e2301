"""What a trained pipeline says of single images, as a worker tells it."""

from msgspec import Struct

NOT_FOR_DIAGNOSIS = "Not for diagnosis: this is the output of a benchmark, and no medical device."
UNLIKE = "unlike the images that the run learnt from"
IMPLAUSIBLE = "the lung mask cannot be two lungs"


class ImageAnswer(Struct, frozen=True, omit_defaults=True):
    """Of one image.

    Attributes:
        problem: why it cannot be used; empty where it can, else nothing below is known.
        size: width and height as it was read, pixels.
        probabilities: of each class, calibrated, at the class shares of the training data.
        decided: index of the class that is likeliest at equal class shares.
        implausible_mask: whether its mask cannot be two lungs; None where none is drawn.
        unlike: whether it is unlike the images that the run learnt from; None where the run does not know.
    """

    problem: str = ""
    size: tuple[int, int] = (0, 0)
    probabilities: list[float] = []
    decided: int = 0
    implausible_mask: bool | None = None
    unlike: bool | None = None

    @property
    def warnings(self) -> list[str]:
        """What speaks against believing it, in words."""
        found = {UNLIKE: self.unlike, IMPLAUSIBLE: self.implausible_mask}
        return [words for words, raised in found.items() if raised]


class FamiliarityInfo(Struct, frozen=True):
    """What the rule that finds images unlike the training set is worth.

    Attributes:
        calibration: images that set its limit.
        false_alarms, tested: images of the test subset that it finds unlike, and how many there are.
    """

    calibration: int
    false_alarms: int
    tested: int


class Answered(Struct, frozen=True):
    """What is said of images.

    Attributes:
        method: how heat maps are made.
        images: in the order in which they were asked about.
        familiarity: None of a run from before there was a rule.
    """

    method: str
    images: list[ImageAnswer]
    familiarity: FamiliarityInfo | None = None

    @property
    def problems(self) -> list[str]:
        """What is wrong with images that cannot be used."""
        return [image.problem for image in self.images if image.problem]

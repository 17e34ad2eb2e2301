"""One member, one vote."""

import numpy as np

from registry.voters.soft import SoftVote


class HardVote:
    """Counts the members that give a class more than one half; a member with none such abstains."""

    def fit(self, probabilities: np.ndarray, targets: np.ndarray) -> "HardVote":
        """Learns nothing."""
        return self

    def predict_proba(self, probabilities: np.ndarray) -> np.ndarray:
        """Class probabilities (N, K) of members' probabilities (M, N, K).

        The mean probability counts as one vote more, shared out among the classes.  It breaks ties and decides where
        nobody voted, and nothing else: who votes for a class gives it more than one half, so of two classes the one
        with fewer votes never leads by a whole vote in the mean.
        """
        votes = (probabilities > 0.5).sum(axis=0)  # (N, K)
        mean = SoftVote().predict_proba(probabilities)
        return (votes + mean) / (votes.sum(axis=1, keepdims=True) + 1)


def hard() -> HardVote:
    """Votes of the members, by whom each gives more than one half; the mean probability breaks ties."""
    return HardVote()

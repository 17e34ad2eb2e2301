"""Does a component keep its kind's contract?  One check per kind, for built-ins and strangers alike.

    from registry.checks import check_backbone

    def test_my_backbone_keeps_the_contract():
        check_backbone(my_backbone, filters=8)

Each check builds the component at a small size and returns nothing; it raises `ContractError` with one line that says
what was promised and what came instead.  See `registry.contracts` for the promises.
"""

from registry.checks.datasets import check_dataset
from registry.checks.networks import check_backbone, check_head, check_segmenter
from registry.checks.voters import check_voter

__all__ = ["check_backbone", "check_dataset", "check_head", "check_segmenter", "check_voter"]

"""Workers without a process: what they are asked, and what they answer."""

from typing import Any

import msgspec

from benchmark.execution.process import Outcome


def answered(value: Any) -> Outcome:
    """The end of a request that succeeded, its value as it comes over the line."""
    return Outcome(msgspec.Raw(msgspec.json.encode(value)))

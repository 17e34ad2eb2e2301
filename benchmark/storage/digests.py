"""One text for one value, whatever the order of its keys."""

from typing import Any

import msgspec


def canonical(value: Any) -> str:
    """JSON with sorted keys, for digests."""
    return msgspec.json.encode(value, order="deterministic").decode()

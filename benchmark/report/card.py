"""A run as a model card."""

from pathlib import Path

from benchmark.records.record import Record
from registry.errors import ConfigError


def card(record: Record, folder: Path) -> str:
    """The card, as Markdown.

    Args:
        folder: where the record lies.
    """
    raise ConfigError(f"no card of {record.run} in {folder}: this version writes none")

"""The flags that say which runs are meant, and the selection that they make."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

    from benchmark.records.selection import Selection

where_flag = click.option(
    "--where",
    "wheres",
    multiple=True,
    metavar="SETTING=VALUE",
    help="Only runs with it, such as training.batch_size=32, seed=0, backbone.name!=unet, training.epochs>=5.",
)


def selection_flags(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --task, --dataset, --where and --since to a command."""
    for flag in (
        click.option("--since", metavar="AGE|DATE", help="Only runs made since: 7d, 12h, 2026-01-31."),
        where_flag,
        click.option("--dataset", "datasets", multiple=True, metavar="NAME", help="Only runs on it; repeatable."),
        click.option("--task", "tasks", multiple=True, metavar="NAME", help="Only runs of it; repeatable."),
    ):
        function = flag(function)
    return function


def selection_of(
    tasks: tuple[str, ...],
    datasets: tuple[str, ...],
    wheres: tuple[str, ...],
    since: str | None,
    older_than: str | None = None,
    failed: bool = False,
) -> "Selection":
    """Which runs flags mean.

    Raises:
        ConfigError: one of them cannot be read.
    """
    from benchmark.records.selection import Selection, parse_condition

    return Selection(
        tasks,
        datasets,
        tuple(parse_condition(text) for text in wheres),
        _time(since, "--since") if since else None,
        _time(older_than, "--older-than") if older_than else None,
        since or "",
        older_than or "",
        failed,
    )


def _time(text: str, flag: str) -> "datetime":
    """A time in UTC that lies so long ago, or that is named; days begin at midnight here."""
    from datetime import UTC, datetime, timedelta

    from benchmark.planning.durations import check_age, parse_duration
    from registry.errors import ConfigError

    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        pass
    check_age(text, flag)
    try:
        return datetime.now(UTC) - timedelta(seconds=parse_duration(text, flag))
    except (ConfigError, OverflowError) as error:
        raise ConfigError(
            f"{flag} {text!r} is no length of time and no date; expected one such as 7d, 12h or 2026-01-31"
        ) from error

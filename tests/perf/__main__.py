"""Speed against the obvious way of doing the same: `python -m tests.perf -o FILE.json`, in the root of a checkout.

Each measurement runs in a process of its own, so that none inherits another's memory, threads or imports.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from tests.perf.machine import load, machine
from tests.perf.table import markdown, show
from tests.perf.timing import Line

MEASUREMENTS = {
    "a": "training",
    "b": "epochs",
    "c": "preparation",
    "d": "masking",
    "e": "startup",
    "f": "orchestration",
    "g": "comparing",
    "h": "scheduling",
}


@click.command()
@click.option("--only", default=",".join(MEASUREMENTS), show_default=True, help="Letters, comma-separated.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write everything as JSON to this file.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table as Markdown.")
@click.option("--from", "source", type=click.Path(path_type=Path, exists=True), help="Measure nothing; show this JSON.")
def main(only: str, output: Path | None, as_markdown: bool, source: Path | None) -> None:
    """Measure this checkout against what a competent user would write, side by side."""
    told = json.loads(source.read_bytes()) if source else measured(_letters(only), output)
    if output:
        _write(told, output)
    lines = msgspec.convert(told["lines"], list[Line])
    if as_markdown:
        click.echo(markdown(lines, told), nl=False)
    else:
        show(lines, told)


def measured(letters: list[str], output: Path | None) -> dict[str, Any]:
    """Lines of these measurements, with the machine and its load before and after each; kept after each one."""
    told: dict[str, Any] = {"machine": machine(), "load": {}, "duration_s": {}, "lines": []}
    for letter in letters:
        started, before = time.perf_counter(), load()
        told["lines"] += _in_a_process(letter)
        told["duration_s"][letter] = round(time.perf_counter() - started, 1)
        told["load"][letter] = {"before": before, "after": load()}
        if output:
            _write(told, output)
    return told


def _write(told: dict[str, Any], output: Path) -> None:
    output.write_text(json.dumps(told, indent=1) + "\n")


def _in_a_process(letter: str) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="bench-perf-") as place:
        out = Path(place) / "lines.json"
        command = [sys.executable, "-m", "tests.perf.one", MEASUREMENTS[letter], place, str(out)]
        environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
        subprocess.run(command, check=True, env=environment)
        return json.loads(out.read_bytes())


def _letters(text: str) -> list[str]:
    letters = [letter.strip() for letter in text.split(",")]
    unknown = [letter for letter in letters if letter not in MEASUREMENTS]
    if unknown:
        raise click.BadParameter(
            f"{', '.join(unknown)}; expected some of {', '.join(MEASUREMENTS)}", param_hint="--only"
        )
    return letters


if __name__ == "__main__":
    main()

"""One measurement in this process: `python -m tests.perf.one MODULE FOLDER OUT.json`."""

import importlib
import sys
import time
from pathlib import Path

import msgspec


def main(module: str, place: str, out: str) -> None:
    """Write the lines of one measurement; its progress goes to standard error."""
    started = time.perf_counter()

    def told(text: str) -> None:
        print(f"{module:>13} {time.perf_counter() - started:6.1f} s  {text}", file=sys.stderr, flush=True)

    lines = importlib.import_module(f"tests.perf.{module}").measure(Path(place) / "work", told)
    Path(out).write_bytes(msgspec.json.encode(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])

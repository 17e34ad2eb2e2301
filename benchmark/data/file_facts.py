"""What image files say of themselves, counted by label: format, colour mode, bits, size, proportions."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmark.storage.files import write_whole
from benchmark.storage.refusals import storage_errors
from registry.contracts import Sample
from registry.cores import usable_cores
from registry.readers.headers import Header, read_header

SELDOM = 0.05  # a value that fewer images of each label have tells nothing
SQUARE = 0.02  # of the longer side

Facts = dict[str, dict[str, dict[str, int]]]


def file_facts(samples: Sequence[Sample], digests: Mapping[str, str], memory: Path, version: str) -> Facts:
    """Property -> value -> label -> images, of the first file of each image; of values that some label often has.

    Args:
        digests: file -> digest of its bytes, under which its header is remembered.
        memory: file that keeps headers from one command to the next.
        version: of the code that reads them.
    """
    firsts = [(sample.label, sample.paths[0]) for sample in samples if sample.paths]
    headers = _headers(dict.fromkeys(path for _, path in firsts), digests, memory, version)
    found: Facts = defaultdict(lambda: defaultdict(Counter))
    for label, path in firsts:
        for name, value in _facts(headers[path]).items():
            found[name][value][label] += 1
    totals = Counter(label for label, _ in firsts)
    return {
        name: {value: dict(counts) for value, counts in sorted(values.items()) if _is_common(counts, totals)}
        for name, values in found.items()
    }


def _is_common(counts: Mapping[str, int], totals: Mapping[str, int]) -> bool:
    return any(count >= SELDOM * totals[label] for label, count in counts.items())


def _facts(header: Header | None) -> dict[str, str]:
    """Nothing of a file without a header: it holds many images, or cannot be read."""
    if header is None:
        return {}
    wide, high = header.width, header.height
    is_square = abs(wide - high) <= SQUARE * max(wide, high)
    return {
        "format": header.kind,
        "colour mode": header.colour,
        "bits": f"{header.bits} bits",
        "size": f"{wide}×{high} pixels",
        "shape": "square" if is_square else "wider than high" if wide > high else "higher than wide",
    }


def _headers(
    paths: Sequence[str] | Mapping[str, None], digests: Mapping[str, str], memory: Path, version: str
) -> dict[str, Header | None]:
    known = _remembered(memory, version)
    unknown = [path for path in paths if digests[path] not in known]
    with ThreadPoolExecutor(usable_cores()) as pool:
        read = dict(zip(unknown, pool.map(read_header, unknown), strict=True))
    if unknown:
        known |= {digests[path]: header for path, header in read.items()}
        with storage_errors(memory):
            memory.parent.mkdir(parents=True, exist_ok=True)
            write_whole(memory, json.dumps({"version": version, "headers": known}).encode(), flush=False)
    return {path: read[path] if path in read else known[digests[path]] for path in paths}


def _remembered(memory: Path, version: str) -> dict[str, Header | None]:
    try:
        found = json.loads(memory.read_bytes())
        if found["version"] != version:
            return {}
        return {name: Header(*header) if header else None for name, header in found["headers"].items()}
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):  # absent, half written, or by another version
        return {}

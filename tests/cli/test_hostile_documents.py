"""Records, evaluations, measurements, curves, galleries and ledgers that somebody has changed to do harm.

Whatever they hold, a command ends with an exit status of its own and a line for what it cannot use, runs nothing,
writes nothing but what it was asked for, and shows no character that commands a terminal, a page, a table or LaTeX.
`pytest --mutations 200` tries more of each.
"""

import csv
import html.parser
import io
import json
import os
import re
import resource
import shutil
import signal
import traceback
import warnings
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmark.records import external, speed
from benchmark.records.contents import entry
from benchmark.records.curves import FILE as CURVES
from benchmark.records.files import FILE, PREDICTIONS, write
from benchmark.records.gallery import FILE as GALLERY
from benchmark.records.ledger import FOLDER, Ledger
from tests import externals, factories
from tests.hostile_documents import PLANTED, mutated, mutated_arrays, sealed_again
from tests.hostile_tables import spoilt_columns
from tests.published import publish
from tests.report.test_website import kept

pytestmark = pytest.mark.slow

UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
LONGEST_S = 30
MOST_BYTES = 2 << 30  # of memory, more than before
OUT = "told"
LISTED = (PREDICTIONS, "split.csv", "history.csv", "spec.json", CURVES, GALLERY)
COMMANDS = {
    "table": ("compare", "RESULTS"),
    "details": ("compare", "RESULTS", "--details"),
    "unverified": ("compare", "RESULTS", "--no-verify"),
    "markdown": ("compare", "RESULTS", "-o", "OUT/table.md"),
    "csv": ("compare", "RESULTS", "-o", "OUT/table.csv"),
    "json": ("compare", "RESULTS", "-o", "OUT/table.json"),
    "html": ("compare", "RESULTS", "-o", "OUT/table.html"),
    "costs": ("compare", "RESULTS", "--costs", "--format", "csv"),
    "elsewhere": ("compare", "RESULTS", "--external", "--format", "csv"),
    "where": ("compare", "RESULTS", "--where", "training.epochs>=2", "--since", "3000d"),
    "page": ("report", "RESULTS", "-o", "OUT/page.html"),
    "card": ("report", "--card", "RUN", "-o", "OUT/card.html"),
    "plain card": ("report", "--card", "RUN"),
    "verify": ("verify", "RESULTS", "--details"),
    "verify json": ("verify", "RESULTS", "--json"),
    "rm": ("rm", "-o", "RESULTS", "--failed", "--dry-run"),
    "rm named": ("rm", "-o", "RESULTS", "RUN", "--dry-run", "--with-dependants"),
    "score": ("score", "RUN"),
}
SCORED = ("*/*-scored-*", f"{FOLDER}/*")  # what that one writes
# kind of document -> the commands that read it
READ_BY = {
    **dict.fromkeys(("record", "vote", "one-vs-all", "pooled", "failed", "controls"), [*COMMANDS][:-1]),
    "external": ["table", "markdown", "json", "html", "elsewhere", "page", "card", "verify", "rm named"],
    "speed": ["table", "markdown", "json", "html", "costs", "page", "verify"],
    "curves": ["page"], "gallery": ["page"],
    "predictions": ["table", "verify", "html", "page", "json", "score"],
    "elsewhere-arrays": ["table", "verify", "page"],
    "ledger": ["table", "verify", "verify json", "rm"],
    "split": ["score", "verify", "verify json", "page", "score", "details", "card"],
    "history": ["verify", "page", "card", "details"], "spec": ["verify", "page", "card", "score"],
}  # fmt: skip


@pytest.fixture(scope="module")
def seed_results(tmp_path_factory):
    """Results of every kind: with predictions, curves and pictures, of votes, folds, rules, elsewhere and costs."""
    root = tmp_path_factory.mktemp("documents") / "results"
    ledger = Ledger(root)
    first = publish(root, ledger=ledger)
    publish(root, pipeline="unet+sepcnn+dense", skill=1.2, ledger=ledger)
    made = {"vote": factories.vote(), "one-vs-all": factories.ova_vote(), "failed": factories.failed("oom")}
    made["pooled"] = factories.pooled(factories.folds([0.9, 0.8]), 0.85)
    made["controls"] = factories.controls({"majority": 0.5, "border": 0.7})
    places = {"record": first / FILE}
    for name, record in made.items():
        places[name] = write(record, root / record.task / record.run)
    kept(first.parent / "beside", [factories.record()])
    (shown,) = (first.parent / "beside").iterdir()
    for name in (CURVES, GALLERY):
        shutil.copy(shown / name, first / name)
    shutil.rmtree(first.parent / "beside")
    places |= {"curves": first / CURVES, "gallery": first / GALLERY}
    targets = np.arange(60) % 3 // 2
    elsewhere = root / external.FOLDER / "elsewhere"
    externals.stored(elsewhere, targets, externals.deciding(targets, [1, 5, 8]), np.arange(60).astype(str))
    places |= {"external": elsewhere / external.FILE, "speed": speed.write(factories.speed(), root)}
    places |= {"predictions": first / PREDICTIONS, "elsewhere-arrays": elsewhere / PREDICTIONS}
    places |= {"split": first / "split.csv", "history": first / "history.csv", "spec": first / "spec.json"}
    places["ledger"] = next((root / FOLDER).iterdir())
    return root, places


def spoilt(kind, content, seed):
    """Another content of a file of that kind."""
    if kind in ("predictions", "elsewhere-arrays"):
        return mutated_arrays(content, seed)
    if kind in ("split", "history"):
        return spoilt_columns(content, seed)
    if kind != "ledger":
        return mutated(json.loads(content), seed)
    lines = content.splitlines()
    place = seed % len(lines)
    lines[place] = mutated(json.loads(lines[place]), seed)
    return b"\n".join(lines) + b"\n"


def listed_anew(path):
    """Let the document beside these predictions list them as they are, under a seal that fits."""
    beside = [path.with_name(name) for name in (FILE, external.FILE)]
    document = next(one for one in beside if one.exists())
    content = json.loads(document.read_bytes())
    content["files"][path.name] = msgspec.to_builtins(entry(path))
    document.write_bytes(sealed_again(content))


def _taken():
    """Bytes of memory that this process has asked for."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


class Slow(BaseException):
    pass


def _late(*_):
    raise Slow


def faults_of(call, name, root, run, out):
    """What is wrong with how a command takes the folder; nothing where all is well."""
    known = {path.relative_to(root.parent) for path in root.parent.rglob("*")}
    words = [{"RESULTS": root, "RUN": run}.get(word, word) for word in COMMANDS[name]]
    words = [word.replace("OUT", str(out)) if isinstance(word, str) else word for word in words]
    signal.signal(signal.SIGALRM, _late)
    signal.alarm(LONGEST_S)
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_taken() + MOST_BYTES, limits[1]))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            code, said, complained = call(*words)
    except Slow:
        return f"longer than {LONGEST_S} s"
    except BaseException:
        return "".join(traceback.format_exc().splitlines(keepends=True)[-9:])
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_AS, limits)
    wrong = [] if code in (0, 2, 3, 4, 5) else [f"status {code}: {complained[:300]}"]
    if code == 2 and (complained.count("\n") != 1 or not complained.startswith("bench: ")):
        wrong.append(f"complaint of {complained.count(chr(10))} lines: {complained[:300]!r}")
    new = {path.relative_to(root.parent) for path in root.parent.rglob("*")} - known
    written = [path for pattern in SCORED for path in root.glob(pattern)] if name == "score" else []
    own = {path.relative_to(root.parent) for path in written}
    wrong += [
        f"wrote {path}" for path in new if path.parts[0] not in (OUT, "cache") and own.isdisjoint([path, *path.parents])
    ]
    texts = {"screen": said, "complaint": complained}
    if out.exists():
        texts |= {path.name: path.read_bytes().decode() for path in out.rglob("*") if path.is_file()}
    for place, text in texts.items():
        wrong += [
            f"{place} has {found[0]!r} in {text[max(0, found.start() - 60) : found.end() + 40]!r}"
            for found in [UNSEEN.search(text)]
            if found
        ]
        wrong += [f"{place}: {one}" for one in _marked(place, text)]
    return "; ".join(wrong)


def _marked(place, text):
    """What of a text commands something although it came from a document."""
    if place.endswith(".html"):
        tags = Tags()
        tags.feed(text)
        return tags.planted
    if place.endswith(".json"):
        json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    if place.endswith(".csv"):
        cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
        return [f"formula {cell!r}" for cell in cells if re.match(r"[=@\t\r]|[+-](?![\d.]|inf|nan)", cell)][:1]
    if place.endswith(".md"):
        return ["a tag in Markdown"] * bool(re.search(r"<(script|img|/title)", text))
    return []


class Tags(html.parser.HTMLParser):
    """Tags and attributes that nobody but a document has written."""

    def __init__(self):
        super().__init__()
        self.planted = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            followed = name in ("href", "src") and not (value or "").startswith(("#", "data:", "https://doi.org"))
            if PLANTED in name or name.startswith("on") or (followed and PLANTED in (value or "")):
                self.planted.append(f"<{tag} {name}={value!r}>")


@pytest.fixture
def places(seed_results, tmp_path, monkeypatch):
    """A copy of the results for the test: folder, and kind of document -> its file."""
    original, known = seed_results
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.chdir(tmp_path)
    root = shutil.copytree(original, tmp_path / "results")
    return root, {kind: root / path.relative_to(original) for kind, path in known.items()}


@pytest.mark.parametrize("kind", READ_BY)
def test_a_document_that_was_changed_to_do_harm_does_none(places, bench_in_process, kind, tmp_path, pytestconfig):
    root, found = places
    path = found[kind]
    content, wrong, out = path.read_bytes(), {}, tmp_path / OUT
    kept = {path for pattern in SCORED for path in root.glob(pattern)}
    for seed in range(pytestconfig.getoption("--mutations")):
        path.write_bytes(spoilt(kind, content, seed))
        if path.name in LISTED:  # listed anew, or nobody would read them
            listed_anew(path)
        commands = READ_BY[kind]
        name = commands[seed % len(commands)]
        if told := faults_of(bench_in_process, name, root, path.parent, out):
            wrong[f"{kind} {seed} {name}"] = told
        shutil.rmtree(out, ignore_errors=True)
        for made in {made for pattern in SCORED for made in root.glob(pattern)} - kept:
            shutil.rmtree(made) if made.is_dir() else made.unlink()
    assert not wrong, "\n\n".join(f"{name}: {told}" for name, told in wrong.items())


def _immense(path):
    with path.open("wb") as file:
        file.truncate(3 << 30)  # sparse: it takes no room


STRANGE = {
    "pipe": os.mkfifo,
    "device": lambda path: path.symlink_to("/dev/zero"),
    "circle": lambda path: path.symlink_to(path.name),
    "outside": lambda path: path.symlink_to("/etc/passwd"),
    "nothing": lambda path: path.symlink_to("gone"),
    "folder": Path.mkdir,
    "immense": _immense,
}
AT_ONCE = {  # what is planted in their places, and the commands that meet it
    ("record", "external", "speed", "ledger"): ["table", "verify", "rm", "page", "card", "score", "costs"],
    ("curves", "gallery", "predictions", "split", "elsewhere-arrays", "history"): ["verify", "page", "score", "table"],
}


@pytest.mark.parametrize("kinds", AT_ONCE, ids=", ".join)
def test_what_is_no_file_where_a_document_should_be_is_told_and_waited_for_by_nobody(
    places, bench_in_process, kinds, tmp_path, pytestconfig
):
    root, found = places
    wrong, out = {}, tmp_path / OUT
    whole = pytestconfig.getoption("--mutations") >= 200
    listed = found["record"].read_bytes()
    for turn, (name, plant) in enumerate(STRANGE.items()):
        for kind in kinds:
            _away(found[kind])
            plant(found[kind])
        if "record" not in kinds:
            _list_as_they_are(found["record"], listed)
        commands = AT_ONCE[kinds]
        for command in commands if whole else [commands[turn % len(commands)]]:
            if told := faults_of(bench_in_process, command, root, found["record"].parent, out):
                wrong[f"{name} {command}"] = told
            shutil.rmtree(out, ignore_errors=True)
    assert not wrong, "\n\n".join(f"{name}: {told}" for name, told in wrong.items())


def _away(path):
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()


def _list_as_they_are(document, content):
    """A record that lists the files beside it by the size that the system tells, as who plants one would."""
    changed = json.loads(content)
    for name in changed["files"]:
        path = document.parent / name
        size = path.stat().st_size if path.exists() else 0
        changed["files"][name]["size"] = size if size < 3 << 30 else 1  # else it takes as long as it is large
    document.write_bytes(sealed_again(changed))

"""A run as a model card: what CLAIM and TRIPOD+AI ask of it and it can answer, and what it cannot."""

from pathlib import Path

from benchmark.records.contents import fits
from benchmark.records.record import Record
from benchmark.report.cards import imported
from benchmark.report.cards.about import data, preparation, use
from benchmark.report.cards.beside import Beside, beside
from benchmark.report.cards.checklists import checklists
from benchmark.report.cards.forms import html, markdown
from benchmark.report.cards.limits import limits
from benchmark.report.cards.model import model, output, provenance, training
from benchmark.report.cards.parts import Card, Section, entry
from benchmark.report.cards.results import controls, elsewhere, explanations, test
from benchmark.report.caveats import NO_RESULT, drawn
from registry.errors import ConfigError

FORMS = {".md": markdown, ".html": html}
PICTURE = "mean-heat.png"  # holds no image of the dataset
LARGEST = 2 << 20  # bytes of a picture that goes into a page
WARNING = "Not a medical device, not for diagnosis."


def card(record: Record, folder: Path, *, suffix: str = ".md", sealed: bool = False) -> str:
    """The card of a run, of a vote or of pooled folds; of one that failed as far as there is any.

    Args:
        folder: where the record lies; what lies beside it and is of the run is told too.
        suffix: of the file that it becomes, ``.md`` or ``.html``.
        sealed: the record's seal was checked and fits; what lies beside is told only where its own does.

    Raises:
        ConfigError: there is no such form, or the record is of rules and of no model.
    """
    if suffix not in FORMS:
        raise ConfigError(
            f"a card is {' or '.join(FORMS)}, received {suffix or 'no suffix'!r}; name such a file with -o"
        )
    if record.of_controls:
        raise ConfigError(f"{record.run} holds rules that see no disease, not a model; name the folder of a run")
    return FORMS[suffix](content(record, beside(record, folder, verified=sealed), sealed, _picture(record, folder)))


def content(record: Record, found: Beside, sealed: bool, picture: bytes = b"") -> Card:
    """The card's sections, in the order of reading."""
    sections = [
        *_failure(record),
        use(record),
        data(record),
        *(imported.sections(record) if record.imported else _trained_here(record, found)),
        output(record),
        test(record, found),
        controls(record, found),
        elsewhere(record, found),
        explanations(record, found),
        limits(record, found),
        provenance(record, sealed=sealed),
        *_unusable(found),
    ]
    synthetic = record.dataset is not None and drawn(record.dataset)
    warning = " ".join(
        [*(["This run failed."] if record.failure else []), WARNING, *([NO_RESULT] if synthetic else [])]
    )
    title = f"Model card: {record.pipeline}, seed {record.seed}, task {record.task}"
    return Card(title, warning, [*sections, checklists(sections)], picture)


def _trained_here(record: Record, found: Beside) -> list[Section]:
    return [preparation(record), model(record, found), training(record)]


def _failure(record: Record) -> list[Section]:
    if record.failure is None:
        return []
    one = record.failure
    text = f"{one.cause} at {one.stage or 'an unknown stage'}: {one.message}"
    log = [entry("Log", line) for line in one.log if line.strip()]
    return [Section("Failure", [entry("Cause", text), *log])]


def _unusable(found: Beside) -> list[Section]:
    said = [entry("Not used", text, state="not done") for text in found.unusable]
    return [Section("Beside it, not used", said)] if said else []


def _picture(record: Record, folder: Path) -> bytes:
    """The picture of the mean heat, where it is as it was written."""
    listed = (record.files or {}).get(PICTURE)
    if listed is None or listed.size > LARGEST or not fits(listed, folder / PICTURE):
        return b""
    return (folder / PICTURE).read_bytes()

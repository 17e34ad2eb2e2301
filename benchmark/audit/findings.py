"""What a check of a results folder finds, and which of it means that numbers cannot be trusted."""

from typing import Literal

import msgspec

Kind = Literal[
    "contradicted", "edited", "missing", "vanished",
    "left-out", "unlisted", "stale", "superseded", "removed", "acknowledged", "older", "torn", "unchecked",
]  # fmt: skip
UNTRUSTED: tuple[Kind, ...] = ("contradicted", "edited", "missing", "vanished")


class Finding(msgspec.Struct, frozen=True):
    """One thing that a reader of the results must know.

    Attributes:
        kind: ``contradicted`` by the stored outputs, ``edited`` since it was written, predictions ``missing``,
            ``vanished`` without a line of the ledger; what follows is named and harmless: a listed picture or model
            ``left-out``, a file that is ``unlisted``, a record that other code would score otherwise perhaps
            (``stale``), a seal that is ``superseded`` or ``removed``, a loss that was ``acknowledged``, records
            ``older`` than the ledger, a ``torn`` line, and what could be checked by nothing (``unchecked``).
        place: from the results folder, a run's folder or a file.
        run, seal, file: what an acknowledgement of it writes down.
    """

    kind: Kind
    place: str
    what: str
    run: str = ""
    seal: str = ""
    file: str = ""


class Verification(msgspec.Struct, frozen=True):
    """A checked results folder.

    Attributes:
        records: how many there are that can be read; `recomputed` of them from stored outputs.
        lines: of the ledger.
        heads: ledger file -> last hash, of those that no other file names: kept elsewhere, they show a cut.
    """

    root: str
    records: int
    recomputed: int
    lines: int
    findings: list[Finding]
    heads: dict[str, str]

    @property
    def trusted(self) -> bool:
        """Whether nothing is contradicted, edited, missing or vanished."""
        return not any(finding.kind in UNTRUSTED for finding in self.findings)

    def of(self, kind: str) -> list[Finding]:
        """The findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

"""What `bench doctor` says of an installation."""

from collections.abc import Sequence
from typing import Any

from benchmark.installation.findings import Finding
from benchmark.report.lines import plain, prose
from benchmark.report.wording import plural

ABOUT, STATUS = 13, 9  # columns


def finding_lines(finding: Finding, width: int) -> list[str]:
    """A finding in lines of so many columns: how it is, what was looked at, what there is; below it what to do."""
    start = f"{finding.status:{STATUS}}{finding.about:{ABOUT}}"
    indent = " " * len(start)
    texts = [finding.text, *([f"-> {finding.remedy}"] if finding.remedy else [])]
    body = "\n".join(prose(plain(text), width, indent) for text in texts)
    return (start + body[len(start) :]).split("\n")


def conclusion(found: Sequence[Finding]) -> str:
    """How many things are wrong."""
    wrong, warnings = (sum(one.status == status for one in found) for status in ("wrong", "warning"))
    also = plural(warnings, "warning")
    if not wrong:
        return f"All that was looked at works; {also}." if warnings else "All that was looked at works."
    verb = "is" if wrong == 1 else "are"
    return f"{plural(wrong, 'thing')} {verb} wrong{f', and {also}' if warnings else ''}."


def content(found: Sequence[Finding]) -> dict[str, Any]:
    """The findings for programs."""
    listed = [
        {"about": one.about, "status": one.status, "text": one.text, "remedy": one.remedy or None} for one in found
    ]
    counts = {status: sum(one.status == status for one in found) for status in ("ok", "warning", "wrong")}
    return {"works": not counts["wrong"], **counts, "findings": listed}

"""What `bench verify` says of what it found."""

from benchmark.audit.findings import Finding, Verification
from benchmark.report.verification import verification_content, verification_lines

FOUND = Verification(
    "results",
    3,
    3,
    4,
    [
        *(Finding("unchecked", f"binary/run-{place}", "intervals: other code") for place in range(3)),
        Finding("unchecked", "binary/run-0", "mask quality"),
        *(Finding("left-out", f"binary/run-{place}", "curves.png") for place in range(3)),
    ],
    {},
)


def said(**options: bool) -> str:
    return "\n".join(verification_lines(FOUND, 200, **options))


def test_what_was_not_checked_is_one_counted_line() -> None:
    assert (
        "\nNot checked: 4 things of 3 runs, which nothing here can tell (bench verify --details names it).\n" in said()
    )
    assert "intervals" not in said() and "mask quality" not in said()
    assert "  3 × curves.png: binary/run-0, …" in said()


def test_details_name_every_place() -> None:
    page = said(details=True)
    for place in range(3):
        assert (
            f"  binary/run-{place}: intervals: other code\n" in page and f"  binary/run-{place}: curves.png\n" in page
        )
    assert "  binary/run-0: mask quality\n" in page and "--details" not in page
    assert len(verification_content(FOUND)["findings"]) == 7

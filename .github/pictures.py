"""The README's pictures from the runs of its first command: `python .github/pictures.py results`."""

import io
import re
import shutil
import sys
from pathlib import Path

from rich.console import Console

from benchmark.comparison.collect import collected
from benchmark.comparison.statistics import family
from benchmark.report.terminal import print_comparison

HERE = Path(__file__).parent
COLUMNS = 110


def main(results: Path) -> None:
    """Write `first-command.svg`, the table as a terminal shows it, and `gradcam.png`, the naive network's sheet."""
    comparison, _ = collected((results,), family)
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    print_comparison(console, comparison)
    picture = console.export_svg(title="bench run --task binary", unique_id="bench")
    fontless = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL)  # rich's would come from another host
    (HERE / "first-command.svg").write_text(fontless, encoding="utf-8")
    (sheet,) = (results / "binary").glob("none-*/gradcam.png")
    shutil.copy(sheet, HERE)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

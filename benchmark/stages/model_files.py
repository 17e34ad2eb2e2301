"""The files of a run's artefacts that predict."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.stages.context import Context
    from benchmark.stages.reading import Reader


def model_files(run: "Context | Reader") -> dict[str, Path]:
    """Name in a run's folder -> file: backbone, head, and the segmenter where one was trained.

    Of a backbone that is no network, the files that its options name; see `benchmark.models.extractor`.
    """
    artefacts = run.artefacts
    owner = "fit" if "fit" in artefacts else "features"
    heads = artefacts["predict"].glob("classifier.*") if run.spec.classical else [artefacts["fit"] / "head.keras"]
    files = {path.name: path for path in (*sorted(artefacts[owner].glob("backbone*")), *heads)}
    return files | ({"segmenter.keras": artefacts["segmenter"] / "model.keras"} if "segmenter" in artefacts else {})

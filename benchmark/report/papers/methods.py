"""How a table's numbers came to be, as paragraphs for a paper: data, split, models, training, inference, versions."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from benchmark.comparison.tables import Table
from benchmark.records.record import Record
from benchmark.report import captions, wording
from benchmark.report.cards.parts import options, settings
from benchmark.report.papers.bibliography import STUDY, Work, by_doi, by_number, keyed, program
from benchmark.report.papers.latex import digest, name, tex
from benchmark.tasks.settings import KINDS

Summary = Callable[[str, str], str]  # kind and name of a component -> what it says of itself
OF_AREAS, OF_CLASSES = ("auroc",), ("balanced-accuracy", "macro-f1")
OF_SHARES = ("accuracy", "sensitivity", "specificity", "recall", "precision")
IDENTITY, METHODS = "identity", {"platt": "platt1999", "temperature": "guo2017"}


class Methods:
    """Paragraphs of one table, and the works that they cite.

    Args:
        runs: records of its pipelines, whole.
    """

    def __init__(self, table: Table, runs: Sequence[Record], summary: Summary) -> None:
        self.table, self.runs, self.summary = table, runs, summary
        self.works: list[Work] = []

    def text(self, place: int) -> str:
        """The section of a table; `place` is that of its label."""
        paragraphs = {
            "Data and split": self._data(),
            "Models": self._models(),
            "Training": self._training(),
            "Calibration and thresholds": self._calibration(),
            "Inference": self._inference(),
            "Explanations": self._explanations(),
            "Versions": self._versions(),
        }
        body = "\n".join(
            f"\\paragraph{{{title}}} {' '.join(filter(None, said))}" for title, said in paragraphs.items() if said
        )
        return f"\\subsection*{{Methods of Table~\\ref{{tab:results-{place}}}}}\n{body}\n"

    def _cite(self, works: Iterable[Work]) -> str:
        found = list(works)
        self.works += found
        return rf"~\cite{{{','.join(work.key for work in found)}}}" if found else ""

    def _data(self) -> list[str]:
        info, split = self.table.dataset, self.table.split
        if info is None:
            return ["The data are not known: no run got as far."]
        return [
            f"{tex(info.name)}{self._cite(by_doi(info.origin))}; origin: "
            f"{tex(info.origin.rstrip('.') or 'not known')}; licence: {tex(info.licence or 'not known')}.",
            *map(tex, captions.caption(self.table)),
            f"Digest of the data: {digest(info.digest)}.",
            f"Digest of the split: {digest(split.digest)}." if split and split.digest else "",
        ]

    def _models(self) -> list[str]:
        study = self._cite([STUDY])
        said = [f"Pipelines of segmenter, backbone and head, as in the study that the program grew out of{study}."]
        parts: dict[tuple[str, str], dict[str, None]] = {}
        for run in self.runs:
            for kind, part in run.components.items():
                if kind in KINDS:
                    parts.setdefault((kind, part.name), {})[options(part.options)] = None
        for (kind, own), chosen in parts.items():
            cited = self._cite(by_number(self.summary(kind, own)))
            used = "; ".join(filter(None, chosen))
            said.append(f"{kind.capitalize()} {tex(own)}{cited}{f': {tex(used)}' if used else ''}.")
        return said

    def _training(self) -> list[str]:
        said = [
            f"{title}: {tex(words)}."
            for title, part in (("Settings", "training"), ("Augmentation", "augmentation"), ("Images", "images"))
            for words in dict.fromkeys(settings(run.spec[part]) for run in self.runs if run.spec.get(part))
        ]
        seeds = sorted({seed for row in self.table.rows for seed in row.expected})
        failed = [failure for row in self.table.rows for failure in row.failures]
        return [
            *said,
            f"Training seeds: {', '.join(map(str, seeds)) or 'none'}.",
            f"{wording.plural(len(failed), 'run')} failed; the table says so." if failed else "",
        ]

    def _calibration(self) -> list[str]:
        found = {run.calibration.method for run in self.runs if run.calibration.method}
        methods = sorted(found - {IDENTITY})
        if found == {IDENTITY}:
            return ["Probabilities are not calibrated: too few images to fit on. Test images decide nothing."]
        works = keyed(*(METHODS[method] for method in methods if method in METHODS))
        named = f" ({tex(', '.join(methods))}{self._cite(works)}, shrunk to the identity)" if methods else ""
        return [
            f"Probabilities are calibrated{named} and thresholds chosen on the calibration subset; test images decide "
            "nothing."
        ]

    def _inference(self) -> list[str]:
        metric, ranking = self.table.metric, self.table.ranking
        said = [
            f"Rows are ranked by {tex(metric)}. Single metrics have 95\\,\\% intervals over images, whole groups as "
            f"one{self._interval_method(metric)}."
        ]
        if ranking is None or not ranking.pairs or ranking.untested:
            reason = f" ({tex(ranking.untested)})" if ranking and ranking.untested else ""
            return [*said, f"Rows are not tested against each other{reason}."]
        return [
            *said,
            self._error(),
            f"All {ranking.pairs:,} differences are tested at once: intervals are simultaneous at 95\\,\\% by the "
            "distribution of the largest of them, drawn from these errors; "
            f"differences are to {name(ranking.reference)}{', named before' if ranking.named else ''}.",
        ]

    def _error(self) -> str:
        """What the error of a difference is made of."""
        if self.table.folds > 1:
            works = self._cite(keyed("nadeau2003"))
            return f"Differences over folds have the corrected variance of Nadeau and Bengio{works}."
        return (
            "A row is what its pipeline scores when it is trained again: the covariance of all rows over images, from "
            "the influence of each group of images, and the variance over training seeds, a row's own or that of all "
            "rows, whichever is larger, add up to the error of every difference."
        )

    def _interval_method(self, metric: str) -> str:
        if metric in OF_AREAS:
            works = self._cite(keyed("delong1988", "obuchowski1997"))
            return f", by the error of DeLong et al.\\ for clustered data{works}"
        if metric in OF_CLASSES:
            works = self._cite(keyed("wilson1927", "zou2008"))
            return f": those of the classes by Wilson, joined by recovery of their variances{works}"
        if metric.partition("/")[0] in OF_SHARES:
            return f", by Wilson at the effective number of images{self._cite(keyed('wilson1927'))}"
        return ", by resampling of groups"

    def _explanations(self) -> list[str]:
        methods = sorted({row.map_method for row in self.table.rows if row.localisation and row.map_method})
        if not methods:
            return []
        occluded = any(wording.OCCLUSION in method for method in methods)
        gradients = any(method != wording.OCCLUSION and "Grad" in method for method in methods)
        works = keyed(*(["selvaraju2017"] if gradients else []), *(["zeiler2014"] if occluded else []))
        return [f"Heat maps of every class's log-odds on test images: {tex(', '.join(methods))}{self._cite(works)}."]

    def _versions(self) -> list[str]:
        runs = self.runs
        known = dict.fromkeys(", ".join(f"{own} {number}" for own, number in run.environment.items()) for run in runs)
        own = sorted({run.environment["cxr-bench"] for run in runs if "cxr-bench" in run.environment})
        cited = self._cite([program(own[0] if len(own) == 1 else "")])
        hardware = dict.fromkeys(run.cost.hardware for run in runs if run.cost.hardware)
        return [
            f"All of it by cxr-bench{cited}.",
            *(f"{tex(words)}." for words in known if words),
            f"Hardware: {tex('; '.join(hardware))}." if hardware else "",
            *_seals(runs),
        ]


def _seals(runs: Sequence[Record]) -> Iterator[str]:
    """Which records the table stands on."""
    listed = [f"{name(run.run)} {digest(run.seal[:16])}" for run in runs if run.seal]
    if listed:
        yield f"Records (name, start of the seal): {'; '.join(listed)}."

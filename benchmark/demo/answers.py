"""What one or several finished runs, and their vote, say of one image, as a piece of a page."""

import base64
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmark.execution.predicting import Pipeline
from benchmark.execution.process import WorkerFailedError
from benchmark.records.prediction import NOT_FOR_DIAGNOSIS, ImageAnswer
from benchmark.report.markup import escaped
from benchmark.report.predictions import familiar, rule
from benchmark.report.wording import number
from registry.errors import ConfigError


def check_votes(pipelines: Sequence[Pipeline]) -> None:
    """See that the runs answer the same question.

    Raises:
        ConfigError: their classes differ.
    """
    first = pipelines[0]
    for other in pipelines[1:]:
        if other.classes != first.classes:
            raise ConfigError(
                f"{first.record.run} knows {', '.join(first.classes)}, {other.record.run} {', '.join(other.classes)}; "
                "they cannot vote, so show them apart"
            )


def answered(pipelines: Sequence[Pipeline], name: str, path: str, scratch: Path) -> str:
    """HTML of what the runs say of the image in a file; whatever comes from files is escaped.

    Pictures are within it, so that no file is left.

    Args:
        scratch: where they lie meanwhile.
    """
    parts, said = [], []
    for pipeline in pipelines:
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            picture = Path(folder, "picture.png")
            try:
                found = pipeline.answered([(name, path)], maps=True, pictures=[str(picture)])
            except WorkerFailedError as error:
                return _problem(f"{name}: {error.outcome.message}")
            (answer,) = found.images
            if answer.problem:
                return _problem(f"{name}: {answer.problem.partition(': ')[2] or answer.problem}")
            drawn = base64.b64encode(picture.read_bytes()).decode()
        worth = familiar(found.familiarity) if found.familiarity else "not known for this run"
        parts.append(_of_run(pipeline, answer, drawn, worth))
        said.append(answer)
    vote = _vote(pipelines, said) if len(said) > 1 else ""
    return f'<section class="bench-answer">{vote}{"".join(parts)}{_line(NOT_FOR_DIAGNOSIS, "bench-note")}</section>'


def vote(probabilities: Sequence[Sequence[float]], priors: Sequence[Sequence[float]]) -> tuple[list[float], int]:
    """Mean (K,) of the probabilities of M members, and the class that it makes likeliest at equal class shares.

    Args:
        probabilities: (M, K), calibrated, at the members' class priors (M, K).
    """
    mean = [sum(column) / len(column) for column in zip(*probabilities, strict=True)]
    prior = [sum(column) / len(column) for column in zip(*priors, strict=True)]
    odds = [value / max(share, 1e-12) for value, share in zip(mean, prior, strict=True)]
    return mean, odds.index(max(odds))


def _vote(pipelines: Sequence[Pipeline], said: Sequence[ImageAnswer]) -> str:
    classes = pipelines[0].classes
    priors = [[one.record.calibration.data_prior[name] for name in classes] for one in pipelines]
    mean, decided = vote([answer.probabilities for answer in said], priors)
    told = _line(f"Vote of {len(said)} (mean of their probabilities): {classes[decided]}", "bench-decided")
    return told + _line(_probabilities(classes, mean))


def _of_run(pipeline: Pipeline, answer: ImageAnswer, drawn: str, worth: str) -> str:
    record = pipeline.record
    title = escaped(f"{record.pipeline}: {record.classes[answer.decided]}")
    warnings = "".join(_line(f"Warning: {warning}", "bench-warning") for warning in answer.warnings)
    return (
        f"<h3>{title}</h3>{_line(_probabilities(record.classes, answer.probabilities))}{warnings}"
        f'<img alt="film, lung mask and heat map" src="data:image/png;base64,{drawn}">'
        f"{_line(f'Decided: {rule(record)}. Unlike: {worth}.', 'bench-note')}"
    )


def _probabilities(classes: Sequence[str], values: Sequence[float]) -> str:
    return "Probabilities: " + ", ".join(f"{name} {number(value)}" for name, value in zip(classes, values, strict=True))


def _problem(text: str) -> str:
    return _line(f"This image cannot be used: {' '.join(text.split())}", "bench-warning")


def _line(text: str, kind: str = "bench-line") -> str:
    return f'<p class="{kind}">{escaped(text)}</p>'

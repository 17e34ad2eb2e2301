"""`bench export`: a finished run as one graph that needs neither Keras nor this program."""

from pathlib import Path

import click

from benchmark.cli import completing
from benchmark.cli.flags import screen
from benchmark.cli.group import Once


@click.command(cls=Once)
@click.argument("run", metavar="RUN", shell_complete=completing.runs)
@click.option("-o", "--output", required=True, metavar="DIR", help="A new folder for the files.")
@click.option("--format", type=click.Choice(["onnx"]), default="onnx", show_default=True, expose_value=False)
@click.option("--unchecked", is_flag=True, help="Write it where the run's own images are not at hand, too.")
def command(run: str, output: str, unchecked: bool) -> None:
    """Export RUN, a finished run or the beginning of its name, for programs without Keras; not for diagnosis.

    \b
    bench export results/binary/unet-sepcnn-dense-s0-f0-e047cdfd -o exported
    python3 exported/predict.py film.png

    model.onnx takes prepared films and their frames, and gives lung masks, calibrated probabilities, logits and
    decisions.  predict.py prepares films of 8 bits as the run did, with OpenCV, NumPy and ONNX Runtime alone;
    export.json says what all that means.  The graph must give every probability that the run has stored, to 1e-4.

    Exit code 2: usage, input, or a run that no graph can hold; 4: its graph answers otherwise, or its images are not at
    hand to know (see --unchecked); 5: the run was changed.
    """
    from benchmark.execution.exporting import exported
    from benchmark.execution.predicting import loaded
    from benchmark.records.places import results_folder, run_folder
    from benchmark.report.exported import files, lines
    from benchmark.storage.files import write_folder
    from benchmark.storage.places import cache_folder
    from benchmark.storage.refusals import check_can_be_written, storage_errors
    from registry.errors import ConfigError, RefusedError

    target = Path(output).absolute()
    if target.exists() or target.is_symlink():
        raise ConfigError(f"{output!r} is there already; choose a new folder with -o")
    _, display = screen(False)
    with loaded(run_folder(run, results_folder()), cache_folder()) as pipeline:
        check_can_be_written(target.parent, "choose another folder with -o")
        checked = exported(pipeline, display)
        if checked.unchecked and not unchecked:
            raise RefusedError(f"NOT CHECKED, so not written: {checked.unchecked}; --unchecked writes it all the same")
        with storage_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_folder(target, files(pipeline.record, checked))
        for line in lines(pipeline.record, checked, output):
            display.say(line)

"""`bench score`: the record of a run anew, from what it has stored."""

import click

from benchmark.cli import completing
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting


@click.command(cls=Once)
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, shell_complete=completing.runs)
def command(runs: tuple[str, ...]) -> None:
    """Score RUN (a folder, or the beginning of a name) by today's code, from stored logits; nothing is trained.

    \b
    bench score results/binary/unet-sepcnn-dense-s0-f0-e047cdfd

    The new record lies beside the run, in a folder that bears the run's name and seal, and counts in tables from then
    on.  What a vote says of its members, mask quality and heat maps are as they were.  The ledger of the results folder
    in which it lies gets a line, so that bench verify knows it: of a reference run that in results/reference.
    """
    from benchmark.audit.score import score_anew
    from benchmark.evaluation.rescoring import rescore
    from benchmark.records.places import results_folder, run_folder
    from benchmark.report.markup import visible
    from benchmark.report.wording import estimate
    from benchmark.storage.code import CodeIndex
    from benchmark.storage.places import memory_folder

    index = CodeIndex(memory_folder())
    folders = dict.fromkeys(run_folder(run, results_folder()) for run in runs)
    for place, run in enumerate(folders, 1):
        with waiting(f"[{place}/{len(folders)}] scoring {run.name}"):
            record, folder = score_anew(run, rescore, index)
        click.echo(visible(f"{folder.name}: {record.metric} {estimate(record.metrics.get(record.metric))}"))

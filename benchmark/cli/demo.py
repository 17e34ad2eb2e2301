"""`bench demo`: a page on which somebody drops a film."""

import click

from benchmark.cli import completing
from benchmark.cli.flags import screen
from benchmark.cli.group import Once
from benchmark.cli.waiting import waiting


@click.command(cls=Once)
@click.option(
    "--run",
    "runs",
    multiple=True,
    required=True,
    metavar="RUN",
    shell_complete=completing.runs,
    help="As of predict; several vote.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Whom it is shown to.")
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True, metavar="N", help="0: any.")
@click.pass_context
def command(context: click.Context, runs: tuple[str, ...], host: str, port: int) -> None:
    """Show a page in the browser: drop a film, see what RUN says of it, with mask and heat map; not for diagnosis.

    \b
    bench demo --run results/binary/unet-sepcnn-dense-s0-f0-e047cdfd
    bench demo --run unet-sepcnn --run none-sepcnn

    Nothing leaves this machine, and nobody else sees the page unless --host says so.  Uploads are deleted when they are
    answered.  It needs: pip install "cxr-bench[demo]"
    """
    from contextlib import ExitStack
    from importlib.util import find_spec

    from benchmark.execution.predicting import loaded
    from benchmark.execution.streaming import opened
    from benchmark.records.places import results_folder, run_folder
    from benchmark.storage.places import cache_folder
    from registry.errors import ConfigError

    if find_spec("gradio") is None:
        raise ConfigError('bench demo needs gradio, which is not installed: pip install "cxr-bench[demo]"')
    _, display = screen(as_data=False)
    folders = dict.fromkeys(run_folder(run, results_folder()) for run in runs)
    with ExitStack() as stack:
        pipelines = [stack.enter_context(loaded(folder, cache_folder())) for folder in folders]
        for pipeline in pipelines:
            with waiting(f"loading {pipeline.record.pipeline}"):
                opened(pipeline)
        shown = stack.enter_context(ExitStack())
        shown.enter_context(waiting("opening the page"))

        from benchmark.demo.page import serve

        def opened_at(text: str) -> None:
            shown.close()
            display.say(text)

        try:
            serve(pipelines, host, port, opened_at)
        except KeyboardInterrupt:  # as it was told to
            display.say("The page is closed")
            context.exit(130)
        except OSError as error:
            raise ConfigError(f"no page on {host}:{port} ({error}); choose another --port") from error

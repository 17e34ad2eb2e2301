"""The command `bench`: commands are imported when they are called."""

import importlib
import signal
import sys
from typing import NoReturn

import click

from benchmark.cli import streams
from benchmark.cli.group import Suggesting
from registry.errors import BenchError

COMMANDS = {
    "data": "Say what may be wrong with a folder of X-rays, before anything is trained.",
    "run": "Train and score pipelines on a task, then compare them.",
    "tune": "Search the settings of a pipeline, and compare them with the default.",
    "compare": "Compare the results below a folder.",
    "evaluate": "Evaluate finished runs on images that they never saw.",
    "predict": "Predict images by a finished run, with masks, heat maps and warnings.",
    "demo": "Show a page on which to drop a film, and see what finished runs say.",
    "verify": "Check that results are as they were written, and give what was stored.",
    "score": "Score runs anew from what they stored; nothing is trained.",
    "speed": "Measure what pipelines cost: parameters, MACs, bytes, rates, latency, memory.",
    "list": "List components, or tasks, with their options.",
    "cache": "Show what runs keep for the next one, and remove it.",
}


class LazyGroup(Suggesting):
    """A group that knows its commands' names and imports one when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """In the order of use."""
        return list(COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command of that name.

        Raises:
            UnknownNameError: there is none.
        """
        if name not in self.commands and name in COMMANDS:
            self.add_command(importlib.import_module(f"benchmark.cli.{name}").command, name)
        return super().get_command(context, name)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and summaries, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=LazyGroup, see="bench --help", context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="cxr-bench", prog_name="bench")
def bench() -> None:
    """Benchmark chest X-ray classifiers: any segmenter x backbone x head, on any task, with numbers to trust.

    \b
    bench run --task binary              the founding study's models, synthetic radiographs
    bench run --task binary --data DIR   the same on a database of X-rays
    bench compare results/               every result so far, from disk

    Exit status: 0 all ran or cached, 1 a run failed, 2 usage or input, 3 nothing selected, 4 refused,
    5 verification failed, 130 interrupted, 143 ended.
    """


def main() -> None:
    """Run `bench`; errors of the user are one line on standard error."""
    signal.signal(signal.SIGTERM, _end)
    streams.settle()
    try:
        code = bench(standalone_mode=False)
        streams.flush()
    except BenchError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _complain(error.format_message())
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted; run the same line again to go on from the last finished epoch")
        sys.exit(130)
    except _EndedError:
        _complain("ended from outside (SIGTERM); run the same line again to go on from the last finished epoch")
        sys.exit(128 + signal.SIGTERM)
    except BrokenPipeError:  # the reader of our output went away; nothing to say to it
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


class _EndedError(BaseException):
    """Somebody has asked this process to end."""


def _end(*_: object) -> NoReturn:
    raise _EndedError


def _complain(message: str) -> None:
    is_help = message.startswith("Usage:")  # what click raises for a bare `bench`
    click.echo(message if is_help else f"bench: {message}", err=True)

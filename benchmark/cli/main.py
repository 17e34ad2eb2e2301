"""The command `bench`: commands are imported when they are called."""

import atexit
import importlib
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from benchmark.cli import streams
from benchmark.cli.group import Suggesting

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

MODULES = {"import": "importing"}  # commands whose names no module can have
VARIABLE = "_BENCH_COMPLETE"  # set by the scripts that `bench completion` prints
WIDEST = 80  # columns
LONGEST = 4000  # characters of a complaint
COMMANDS = {
    "data": "Say what may be wrong with a folder of X-rays, before anything is trained.",
    "run": "Train and score pipelines on a task, then compare them.",
    "tune": "Search the settings of a pipeline, and compare them with the default.",
    "compare": "Compare the results below a folder.",
    "import": "Bring the predictions of another program into the tables of a task.",
    "evaluate": "Evaluate finished runs on images that they never saw.",
    "predict": "Predict images by a finished run, with masks, heat maps and warnings.",
    "export": "Export a finished run as one ONNX graph, for programs without Keras.",
    "demo": "Show a page on which to drop a film, and see what finished runs say.",
    "verify": "Check that results are as they were written, and give what was stored.",
    "report": "Write the results below a folder as one page, a model card or a paper's table.",
    "score": "Score runs anew from what they stored; nothing is trained.",
    "rm": "Remove runs, after asking; the ledger keeps that they were there.",
    "speed": "Measure what pipelines cost: parameters, MACs, bytes, rates, latency, memory.",
    "list": "List components, or tasks, with their options.",
    "new": "Write a small distribution with a component of your own, to go on from.",
    "check": "Try what a component promises: one line per promise, ok, or why not.",
    "doctor": "Say whether this installation works, and what to do where it does not.",
    "completion": "Print the script with which a shell completes words.",
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
            self.add_command(importlib.import_module(f"benchmark.cli.{MODULES.get(name, name)}").command, name)
        return super().get_command(context, name)

    def shell_complete(self, context: click.Context, incomplete: str) -> "list[CompletionItem[str]]":
        """Commands with their summaries, without importing anything; and options."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        return named + click.Command.shell_complete(self, context, incomplete)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Names and summaries, without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _width() -> int:
    """Columns of a page of help, as click counts them, which imports compressors for it."""
    try:
        columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size(1).columns
    except (OSError, ValueError):
        columns = 0
    return max(min(columns or WIDEST, WIDEST) - 2, 50)


@click.group(
    cls=LazyGroup,
    see="bench --help",
    context_settings={"help_option_names": ["-h", "--help"], "terminal_width": _width()},
)
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
    if asked := os.environ.get(VARIABLE):
        sys.exit(_completed(asked))
    signal.signal(signal.SIGTERM, _end)
    streams.settle()
    large: list[object] = []  # what a command that is about to end leaves for the system to take away
    try:
        code = bench(standalone_mode=False, obj=large)
        streams.flush()
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
    except Exception as error:
        from registry.errors import BenchError

        if not isinstance(error, BenchError):
            raise
        _complain(str(error))
        sys.exit(error.exit_code)
    status = code if isinstance(code, int) else 0
    if large:
        _leave(status)
    sys.exit(status)


def _leave(status: int) -> NoReturn:
    """End without taking apart what is in memory: of many thousand records that takes a sixth of the time."""
    atexit._run_exitfuncs()
    if sys.stderr is not None:  # closed by whoever has begun the command
        sys.stderr.flush()
    os._exit(status)


def _completed(asked: str) -> int:
    """Answer a shell, which would show a complaint in the middle of the line that is being typed."""
    from pathlib import Path

    from click.shell_completion import shell_complete

    with Path(os.devnull).open("w") as sys.stderr:
        try:
            return shell_complete(bench, {}, "bench", VARIABLE, asked)
        except Exception:  # such as a command that there is not
            return 0


class _EndedError(BaseException):
    """Somebody has asked this process to end."""


def _end(*_: object) -> NoReturn:
    raise _EndedError


def _complain(message: str) -> None:
    from benchmark.report.markup import visible

    is_help = message.startswith("Usage:")  # what click raises for a bare `bench`
    if len(message) > LONGEST and not is_help:  # a name or a value of a file that has no end
        message = f"{message[:LONGEST]}… ({len(message):,} characters)"
    click.echo(message if is_help else visible(f"bench: {message}"), err=True)

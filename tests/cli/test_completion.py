"""What TAB offers, asked as each shell's script asks it, and in a real bash."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.cli.main import COMMANDS, VARIABLE
from benchmark.planning.description import Description
from benchmark.tasks.places import task_files
from registry.lookup import entries
from registry.options import Option

SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def offered(bench_in_process, monkeypatch, tmp_path):
    """The words that a shell offers behind a line; a line that ends in a space asks for a new word."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCH_RESULTS", raising=False)

    def call(line, shell="bash"):
        words = line.split(" ")
        monkeypatch.setenv(VARIABLE, f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        code, out, err = bench_in_process()
        assert (code, err) == (0, "")
        return PARSED[shell]([one for one in out.splitlines() if one])

    return call


PARSED = {
    "bash": lambda lines: [tuple(line.split(",", 1)) for line in lines],
    "zsh": lambda lines: list(zip(lines[::3], lines[1::3], strict=True)),
    "fish": lambda lines: [tuple(line.partition("\t")[0].split(",", 1)) for line in lines],
}


def plain(names):
    return [("plain", name) for name in names]


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_options_tasks_and_components_are_offered_in_every_shell(offered, shell):
    assert offered("bench ", shell) == plain(COMMANDS)
    assert offered("bench run --bac", shell) == plain(["--backbone"])
    assert offered("bench run --task ova", shell) == plain(["ova-vote"])
    assert offered("bench run --task binary --head sep", shell) == plain(["sepconv"])
    assert offered("bench data c", shell) == plain(["check"])


@pytest.mark.parametrize("kind", ["dataset", "segmenter", "backbone", "head", "voter"])
def test_every_component_is_offered_behind_its_flag(offered, kind):
    assert offered(f"bench run --{kind} ") == plain(entries(kind))


def test_every_task_is_offered_and_files_where_none_begins_so(offered):
    assert offered("bench run --task ") == plain(task_files())
    assert offered("bench run --task ./mine") == [("file", "./mine")]


def test_kinds_shells_and_choices_are_offered(offered):
    assert offered("bench list v") == plain(["voters"])
    assert offered("bench completion ") == plain(SHELLS)
    assert offered("bench compare --format m") == plain(["md"])


def test_runs_below_the_results_are_offered_and_nothing_else_there(offered, tmp_path, monkeypatch):
    for root, name in (("results", "one"), ("results", "two"), ("mine", "three")):
        (tmp_path / root / "binary" / name).mkdir(parents=True)
        (tmp_path / root / "binary" / name / "result.json").touch()
    (tmp_path / "results" / "binary" / "no-run").mkdir()
    (tmp_path / "results" / "ledger").mkdir()
    assert offered("bench evaluate res") == plain(["results/binary/one", "results/binary/two"])
    assert offered("bench score results/binary/t") == plain(["results/binary/two"])
    assert offered("bench evaluate -o mine ") == plain(["mine/binary/three"])
    assert offered("bench evaluate elsewhere/") == [("dir", "elsewhere/")]
    monkeypatch.setenv("BENCH_RESULTS", "mine")
    assert offered("bench score ") == plain(["mine/binary/three"])


def test_options_in_brackets_are_offered_where_the_component_has_been_described(offered, monkeypatch):
    assert offered("bench run --head dense[") == []
    monkeypatch.setattr(
        "benchmark.planning.components.Descriptions._read",
        lambda self, kind, name: Description(
            kind, name, options=(Option("dropout", 0.2, ("float",)), Option("width", 8, ("int",)))
        ),
    )
    assert offered("bench run --head dense[dr") == plain(["dense[dropout="])
    second = ["dense[dropout=.3,dropout=", "dense[dropout=.3,width="]
    assert offered("bench run --head dense[dropout=.3,") == plain(second)


@pytest.mark.parametrize(
    "line",
    ["bench nonsense ", "bench nonsense --x", "bench run --task binary --task ", "bench run --nonsense ", "bench 'run",
     "bench cache prune --older-than "],
)  # fmt: skip
def test_what_cannot_be_answered_says_nothing(offered, line):
    offered(line)  # asserts exit status 0 and silence


def test_a_cache_that_cannot_be_read_says_nothing(offered, monkeypatch, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert offered("bench run --head dense[") == []


def test_no_component_and_nothing_heavy_is_imported_for_a_name(tmp_path):
    code = (
        "import sys, atexit; sys.argv = ['bench']\n"
        "heavy = {'numpy', 'keras', 'tensorflow', 'cv2', 'rich', 'benchmark.execution.process'}\n"
        "atexit.register(lambda: print(sorted(\n"
        "    {one for one in sys.modules if one in heavy or one.startswith('registry.heads')})))\n"
        "from benchmark.cli.main import main; main()"
    )
    asked = {VARIABLE: "bash_complete", "COMP_WORDS": "bench run --head dense", "COMP_CWORD": "3"}
    environment = {**os.environ, **asked, "BENCH_CACHE": str(tmp_path)}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["plain,dense", "[]"]


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed_and_a_pipe_is_told_nothing_more(bench_in_process, shell):
    code, script, complaints = bench_in_process("completion", shell)
    assert code == 0 and complaints == ""
    assert VARIABLE in script and f"{shell}_complete" in script and "bench" in script


def test_a_terminal_is_told_where_to_keep_the_script(bench_in_process, monkeypatch):
    monkeypatch.setattr("benchmark.cli.completion.sys.stdout.isatty", lambda: True, raising=False)
    _, _, complaints = bench_in_process("completion", "fish")
    assert "bench completion fish > ~/.config/fish/completions/bench.fish" in complaints


ASK = {  # the words of a line -> what the shell itself would insert, a line each
    "bash": 'source /dev/stdin <<< "$SCRIPT"; COMP_WORDS=({line}); COMP_CWORD={last}; _bench_completion bench; '
    'printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": "compdef() {{ : }}; compadd() {{ print -l -- ${{(P)5}} }}; "
    "_describe() {{ print -l -- ${{${{(P)3}}%%:*}} }}; "
    'eval "$SCRIPT"; words=({line}); CURRENT=$(({last} + 1)); _bench_completion',
    "fish": "echo $SCRIPT | source; complete --do-complete '{text}' | string split -f1 \\t",
}


@pytest.mark.parametrize("shell", ASK)
@pytest.mark.parametrize(
    ("line", "answer"), [("bench run --task ova", "ova-vote"), ("bench spe", "speed"), ("bench nonsense x", "")]
)
def test_a_real_shell_offers_it(bench_in_process, tmp_path, shell, line, answer):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed here")
    _, script, _ = bench_in_process("completion", shell)
    place = tmp_path / "bin"
    place.mkdir()
    (place / "bench").write_text(f'#!/bin/sh\nexec {sys.executable} -m benchmark "$@"\n')
    (place / "bench").chmod(0o755)
    words = line.split(" ")
    asking = ASK[shell].format(line=" ".join(words), last=len(words) - 1, text=line)
    environment = {**os.environ, "PATH": f"{place}:{os.environ['PATH']}", "SCRIPT": script.replace("compopt", "true")}
    told = subprocess.run(
        [shell, "-c", asking], env=environment, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    assert (told.stdout.strip(), told.stderr) == (answer, "")

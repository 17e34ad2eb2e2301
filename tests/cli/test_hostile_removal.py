"""Results and a cache that somebody has laid out to have something outside of them removed: nothing there ever is."""

import json
import os
import shutil

import pytest

from benchmark.records.files import FILE, write
from tests import factories
from tests.hostile_documents import sealed_again

pytestmark = pytest.mark.slow

KEPT = ("precious.txt", "binary/run/result.json", "binary/run/model/head.keras")


@pytest.fixture
def outside(tmp_path):
    """A folder beside results and cache; that nothing in it changed is seen when the test is over."""
    root = tmp_path / "outside"
    for name in KEPT:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"sentinel {name}")
    write(factories.record(), root / "binary" / factories.record().run)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    yield root
    assert {path: path.read_bytes() for path in before if path.is_file()} == before


def renamed(folder, name):
    """Let a record say that its run is called so."""
    content = json.loads((folder / FILE).read_bytes())
    (folder / FILE).write_bytes(sealed_again(content | {"run": name}))


def named_outside(root, outside):
    for number, name in enumerate(("../../outside", str(outside), "..", ".", "", "../outside/binary/run")):
        folder = root / "binary" / f"run{number}"
        write(factories.record(), folder)
        renamed(folder, name)


def folder_link(root, outside):
    (root / "binary").mkdir(parents=True)
    for run in (outside / "binary").iterdir():
        (root / "binary" / run.name).symlink_to(run)
    (root / "linked").symlink_to(outside / "binary")


def file_links(root, outside):
    record = factories.record()
    folder = root / record.task / record.run
    write(record, folder)
    (folder / "precious.txt").symlink_to(outside / "precious.txt")
    (folder / "model").symlink_to(outside / "binary" / "run" / "model")
    os.link(outside / "precious.txt", folder / "hard.txt")


def record_link(root, outside):
    record = factories.record()
    (root / record.task / record.run).mkdir(parents=True)
    (root / record.task / record.run / FILE).symlink_to(outside / "binary" / record.run / FILE)


def members_outside(root, outside):
    vote = factories.vote()
    folder = root / vote.task / vote.run
    write(vote, folder)
    content = json.loads((folder / FILE).read_bytes())
    for member in content["members"]:
        member["run"] = f"../../outside/binary/{factories.record().run}"
    (folder / FILE).write_bytes(sealed_again(content))


def left_aside(root, outside):
    """What a removal that was killed leaves, as a link."""
    record = factories.record()
    write(record, root / record.task / record.run)
    for name in (".removed-x", ".removing-x", ".aside-x", ".discarded-x"):
        (root / record.task / name).symlink_to(outside)


LAYOUTS = (named_outside, folder_link, file_links, record_link, members_outside, left_aside)


@pytest.mark.parametrize("lay", LAYOUTS, ids=lambda lay: lay.__name__)
def test_nothing_outside_the_results_is_ever_removed(lay, outside, bench_in_process, tmp_path, monkeypatch):
    root = tmp_path / "results"
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    lay(root, outside)
    run = factories.record().run
    asked = [
        [run], ["binary"], ["../outside"], [str(outside)], [str(outside / "binary" / run)],
        [str(root / "binary" / run)], [str(root / "linked" / run)], [f"{root}/../outside/binary/{run}"], ["."], ["/"],
        ["--older-than", "2001-01-01"], ["--failed"],
    ]  # fmt: skip
    for words in asked:
        code, said, complained = bench_in_process("rm", *words, "-o", root, "--yes", "--with-dependants")
        assert code in (0, 2, 3, 4), complained
        assert complained.count("\n") <= 1 and "\x1b" not in said
    assert outside.is_dir()


@pytest.mark.parametrize("command", [("clear",), ("prune", "--older-than", "1s"), ("prune", "--gone")], ids=" ".join)
def test_nothing_outside_the_cache_is_ever_removed(command, outside, bench_in_process, tmp_path, monkeypatch):
    cache, key = tmp_path / "cache", "0" * 64
    monkeypatch.setenv("BENCH_CACHE", str(cache))
    for place in ("objects/fit", "partial/fit", "kept/fit", "verdicts", "serves", "building", "descriptions", "locks"):
        (cache / place).mkdir(parents=True)
    own = cache / "objects" / "fit" / f"{'1' * 64}"
    own.mkdir()
    (own / "precious.txt").symlink_to(outside / "precious.txt")
    (own / "folder").symlink_to(outside)
    for place in ("objects/fit", "partial/fit", "kept/fit"):
        (cache / place / key).symlink_to(outside)
    for place in ("verdicts", "serves", "descriptions"):
        (cache / place / f"{key}.json").symlink_to(outside / "precious.txt")
    (cache / "building" / "discarded-0a1b2c3d").symlink_to(outside)
    (cache / "locks" / f"fit-{key}").symlink_to(outside / "precious.txt")
    (cache / "objects" / "linked").symlink_to(outside)
    shutil.copytree(own, outside / key, symlinks=True)
    shutil.copytree(own, outside / f"fit-{key}", symlinks=True)
    for path in (own, *cache.rglob("*"), *outside.rglob("*")):
        os.utime(path, (0, 0), follow_symlinks=False)
    code, _, complained = bench_in_process("cache", *command, "--yes")
    assert code == 0, complained
    assert (outside / key / "folder").is_symlink()
    assert own.exists() == ("--gone" in command)

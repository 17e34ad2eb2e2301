"""`bench doctor` where all is well, and where something has been taken away: a known answer each."""

import json
import re
from importlib.metadata import distribution

import pytest

from tests.commands import Bench
from tests.lacking import FCNTL, FLOCK, HOME, PROC, TENSORFLOW, lacking

pytestmark = pytest.mark.slow

WELL = {"ok", "warning"}


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return Bench(tmp_path_factory.mktemp("doctor"))


@pytest.fixture(scope="module")
def well(bench):
    """All of it, the run included."""
    return bench.call("doctor", "-o", bench.results)


def doctor(bench, *words, code=1, **environment):
    """The findings: about -> (status, text, remedy), and exit status."""
    told = bench.call("doctor", "--json", "-o", bench.results, *words, **environment)
    assert told.returncode == code, told.stdout + told.stderr
    content = json.loads(told.stdout)
    assert content["works"] == (code == 0)
    return [(one["about"], one["status"], one["text"], one["remedy"]) for one in content["findings"]]


def wrong(findings):
    return [(about, text) for about, status, text, _ in findings if status == "wrong"]


def test_where_all_is_well_every_line_says_so_and_everything_has_run_once(bench, well):
    assert well.returncode == 0, well.stdout + well.stderr
    *lines, conclusion = [line for line in well.stdout.splitlines() if line and not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= WELL
    assert conclusion.startswith("All that was looked at works")
    for about in ("python", "libraries", "entry points", "cores", "memory", "cache", "results", "device", "components"):
        assert any(line[9:].startswith(about) for line in lines), about
    text = re.sub(r"\s+", " ", well.stdout)
    assert "compared: 3 pipelines in one table" in text
    assert "verified: 5 records, 5 recomputed from what they stored" in text


def test_nothing_is_left_of_the_run(bench, well):
    assert not bench.results.exists()
    assert not (bench.cache / "objects").exists()


def test_five_things_that_are_lacking_are_each_named(bench, tmp_path):
    """Locks, /proc, a home that can be written, a plugin that imports, and what pyproject.toml registers by now."""
    site = tmp_path / "site"
    environment = lacking(site, FLOCK, PROC, HOME)
    plant(site, "broken", "[cxr_bench.heads]\nodd = broken_plugin:head\n")
    (site / "broken_plugin.py").write_text("raise RuntimeError('\\x1b[31mno moon')\n")
    plant(site, "cxr-bench", stale(), distribution("cxr-bench").read_text("METADATA"))
    findings = doctor(bench, "--no-run", **environment)
    told = {(about, status) for about, status, _, _ in findings}
    assert ("home", "warning") in told
    assert ("memory", "ok", "how much is free, this system does not say", None) in findings
    assert any("has no locks (flock)" in text for about, _, text, _ in findings if about == "cache")
    stale_ones, broken = wrong(findings)[:2], wrong(findings)[2:]
    assert [text.split(" = ")[0] for _, text in stale_ones] == ["majority", "gone"]
    assert all(about == "entry points" for about, _ in stale_ones)
    assert [about for about, _ in broken] == ["components", "components"], broken
    assert any("'gone'" in text for _, text in broken)
    assert any("'odd' of broken does not import: RuntimeError" in text and "no moon" in text for _, text in broken)


def test_what_is_shown_of_a_plugin_cannot_command_the_terminal(bench, tmp_path):
    plant(tmp_path / "site", "broken", "[cxr_bench.heads]\nodd = broken_plugin:head\n")
    (tmp_path / "site" / "broken_plugin.py").write_text("raise RuntimeError('\\x1b[31mno moon')\n")
    told = bench.call("doctor", "--no-run", PYTHONPATH=str(tmp_path / "site"))
    assert told.returncode == 1
    assert "no moon" in told.stdout and "\x1b" not in told.stdout
    assert "1 thing is wrong" in told.stdout


def plant(site, name, points, metadata="Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"):
    """The metadata of a distribution that is installed there."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "METADATA").write_text(metadata.replace("{name}", name))
    (folder / "entry_points.txt").write_text(points)


def stale():
    """The entry points of an older installation: without one of today's, with one that has gone since."""
    points = [one for one in distribution("cxr-bench").entry_points if one.name != "majority"]
    groups = sorted({one.group for one in points})
    lines = [
        f"[{group}]\n" + "".join(f"{one.name} = {one.value}\n" for one in points if one.group == group)
        for group in groups
    ]
    return "".join(lines).replace("[cxr_bench.heads]\n", "[cxr_bench.heads]\ngone = registry.heads.gone:gone\n")


def test_without_tensorflow_nothing_runs_and_the_line_says_what_to_install(bench, tmp_path):
    findings = doctor(bench, **lacking(tmp_path / "site", TENSORFLOW))
    assert [about for about, _ in wrong(findings)] == ["backend"]
    ((_, _, text, remedy),) = [one for one in findings if one[1] == "wrong"]
    assert text == "KERAS_BACKEND is not set, so the backend is 'tensorflow', which is not installed"
    assert remedy.startswith("pip install tensorflow")


def test_windows_is_told_of_wsl2_once(bench, tmp_path):
    findings = doctor(bench, **lacking(tmp_path / "site", FCNTL))
    ((_, text),) = wrong(findings)
    assert "this system has no locks on files" in text
    assert any("WSL2" in (one[2] + (one[3] or "")) for one in findings)


def test_a_folder_that_is_not_there_is_wrong(bench, tmp_path):
    findings = doctor(bench, "--data", tmp_path / "nowhere", **lacking(tmp_path / "site", TENSORFLOW))
    assert ("folders", f"there is no {tmp_path / 'nowhere'}") in wrong(findings)

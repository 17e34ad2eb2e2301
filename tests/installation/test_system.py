"""Memory, home and encoding, on systems that are made up."""

import pytest

from benchmark.installation import system

GIB = 1 << 30


def machine(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return root


FREE_8 = {"proc/meminfo": f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {8 << 20} kB\n"}


@pytest.mark.parametrize(
    ("files", "text", "status"),
    [
        (FREE_8, "8.0 GiB free", "ok"),
        ({"proc/meminfo": f"MemAvailable: {1 << 20} kB\n"}, "1.0 GiB free; a training may run out of it", "warning"),
        (  # the group above allows less than the group itself
            {**FREE_8, "proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/memory.max": f"{5 * GIB}\n",
             "sys/fs/cgroup/a/b/memory.max": "max\n"},
            "5.0 GiB that its control group allows", "ok",
        ),
        (
            {**FREE_8, "proc/self/cgroup": "4:memory:/x\n0::/\n",
             "sys/fs/cgroup/memory/x/memory.limit_in_bytes": f"{2 * GIB}"},
            "2.0 GiB that its control group allows; a training may run out of it", "warning",
        ),
        (  # without a limit, the first version says a huge number
            {**FREE_8, "proc/self/cgroup": "4:memory:/x\n",
             "sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712"},
            "8.0 GiB free", "ok",
        ),
        ({}, "how much is free, this system does not say", "ok"),  # as macOS, which has no /proc
    ],
)  # fmt: skip
def test_memory_is_what_is_free_and_no_more_than_is_allowed(tmp_path, files, text, status):
    finding = system.memory(machine(tmp_path, files))
    assert (finding.text, finding.status) == (text, status)


def test_a_home_that_cannot_be_written_costs_what_keras_downloads(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setattr(system.Path, "home", lambda: tmp_path)
    assert system.home().status == "ok"
    monkeypatch.setattr(system.os, "access", lambda *_: False)  # root may write anywhere
    finding = system.home()
    assert finding.status == "warning" and "/tmp/.keras" in finding.text and "KERAS_HOME" in finding.remedy
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert system.home().status == "ok"


def test_nobody_without_a_home_is_told_what_to_set(monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(system.Path, "home", homeless)
    assert system.home().status == "warning"


@pytest.mark.parametrize(
    ("encoding", "status"), [("utf-8", "ok"), ("latin-1", "warning"), ("bench-ascii", "warning"), ("odd-1", "warning")]
)
def test_an_encoding_that_lacks_what_tables_are_made_of_is_a_warning(encoding, status):
    finding = system.printed(encoding)
    assert finding.status == status
    assert ("PYTHONIOENCODING" in finding.remedy) == (status == "warning")

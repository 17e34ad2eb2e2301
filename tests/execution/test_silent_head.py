"""A head of Ray that was started here once and answers no more is told before Ray looks for it."""

import socket

import pytest

from benchmark.execution.rays import silent_head


@pytest.fixture
def note(tmp_path, monkeypatch):
    """Where Ray notes the address of a head."""
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    (tmp_path / "ray").mkdir()
    return tmp_path / "ray" / "ray_current_cluster"


def test_one_that_takes_connections_is_not_silent_and_one_that_has_gone_is(note):
    with socket.create_server(("127.0.0.1", 0)) as head:
        address = f"127.0.0.1:{head.getsockname()[1]}"
        note.write_text(address)
        assert silent_head() == ""
    assert silent_head() == address


@pytest.mark.parametrize("noted", [None, "", "nonsense", "host:"])
def test_where_no_head_is_noted_ray_may_look_itself(note, noted):
    if noted is not None:
        note.write_text(noted)
    assert silent_head() == ""

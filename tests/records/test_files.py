import hashlib
import json
import math
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import files as records
from benchmark.records.estimate import Estimate
from benchmark.records.record import SCHEMA, Record
from benchmark.storage.files import Broken, sealed
from registry.errors import DataNotFoundError, StorageError, VerificationError
from tests import factories


def test_a_written_record_reads_back_equal_and_verifies(tmp_path: Path) -> None:
    made = factories.record()
    path = records.write(made, tmp_path / "task" / made.run)
    assert path.name == "result.json"
    assert records.read(path) == sealed(made)
    assert records.verify(path) == sealed(made)


def test_the_seal_is_the_sha256_of_the_compact_document_without_it(tmp_path: Path) -> None:
    path = records.write(factories.record(), tmp_path)
    document = json.loads(path.read_text())
    seal = document.pop("seal")
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    assert seal == hashlib.sha256(compact.encode()).hexdigest()


@pytest.mark.parametrize(
    ("old", "new"),
    [('"value": 0.95', '"value": 0.99'), ('"seed": 0', '"seed": 1'), ('"seal": "', '"seal": "0')],
)
def test_a_changed_file_does_not_verify(tmp_path: Path, old: str, new: str) -> None:
    path = records.write(factories.record(), tmp_path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(VerificationError, match="changed after it was sealed"):
        records.verify(path)
    assert isinstance(records.read(path), Record)


def test_white_space_is_not_a_change(tmp_path: Path) -> None:
    path = records.write(factories.record(), tmp_path)
    path.write_bytes(msgspec.json.format(path.read_bytes(), indent=7).replace(b"\n", b"\r\n"))
    records.verify(path)


def test_a_record_changed_in_memory_does_not_verify() -> None:
    made = sealed(factories.record())
    records.verify(made)
    with pytest.raises(VerificationError, match=made.run):
        records.verify(msgspec.structs.replace(made, seed=3))


def test_an_unsealed_record_does_not_verify() -> None:
    with pytest.raises(VerificationError, match="has no seal"):
        records.verify(factories.record())


def test_sealing_twice_changes_nothing() -> None:
    once = sealed(factories.record())
    assert sealed(once) == once


@given(st.floats(), st.dictionaries(st.text(), st.one_of(st.floats(), st.text(), st.integers(-(2**60), 2**60))))
def test_any_number_and_text_survives_sealing_and_reading(value: float, spec: dict[str, object]) -> None:
    made = sealed(factories.record(metrics={"accuracy": Estimate(value)}, spec=spec))
    again = msgspec.json.decode(msgspec.json.encode(made), type=Record)
    records.verify(again)
    assert again.metrics["accuracy"].value == (value if math.isfinite(value) else None)


def test_numbers_of_numpy_are_written_as_numbers(tmp_path: Path) -> None:
    made = factories.record(metrics={"accuracy": Estimate(np.float64(0.5), n=np.int64(7))})  # type: ignore[arg-type]
    assert records.verify(records.write(made, tmp_path)).metrics["accuracy"] == Estimate(0.5, n=7)


def test_a_failed_run_never_replaces_a_good_one(tmp_path: Path) -> None:
    records.write(factories.failed(), tmp_path)
    assert records.read(tmp_path / "result.json").status == "failed"
    records.write(factories.record(), tmp_path)
    records.write(factories.failed(), tmp_path)
    assert records.verify(tmp_path / "result.json").status == "ok"


def test_a_write_that_fails_leaves_the_old_record_and_no_rubbish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.write(factories.record(0.9), tmp_path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        records.write(factories.record(0.8), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert records.verify(tmp_path / "result.json").metrics["balanced-accuracy"].value == 0.9


def test_a_folder_that_is_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(StorageError, match="-o"):
        records.write(factories.record(), tmp_path / "results" / "run")


def test_a_missing_record_is_named() -> None:
    with pytest.raises(DataNotFoundError, match="nowhere"):
        records.read(Path("nowhere/result.json"))


def test_every_record_below_a_folder_is_found_and_broken_ones_say_why(tmp_path: Path) -> None:
    for seed in range(3):
        made = factories.record(seed=seed)
        records.write(made, tmp_path / "binary" / made.run)
    (tmp_path / "binary" / "cut").mkdir()
    (tmp_path / "binary" / "cut" / "result.json").write_text('{"schema": 1, "sta')
    newer = tmp_path / "newer" / "result.json"
    records.write(factories.record(schema=SCHEMA + 1), newer.parent)
    (tmp_path / ".hidden").mkdir()
    records.write(factories.record(seed=9), tmp_path / ".hidden")
    found = list(records.scan(tmp_path))
    assert [one.seed for _, one in found if isinstance(one, Record)] == [0, 1, 2]
    reasons = {Path(path).parent.name: one.reason for path, one in found if isinstance(one, Broken)}
    assert set(reasons) == {"cut", "newer"}
    assert "is not a record" in reasons["cut"]
    assert f"newer version (schema {SCHEMA + 1}, here {SCHEMA})" in reasons["newer"]


def test_a_stray_record_does_not_hide_those_below_it(tmp_path: Path) -> None:
    records.write(factories.record(seed=5), tmp_path)
    made = factories.record(seed=6)
    records.write(made, tmp_path / "binary" / made.run)
    assert [one.seed for _, one in records.scan(tmp_path) if isinstance(one, Record)] == [5, 6]


def test_a_record_with_fields_of_a_later_version_still_verifies(tmp_path: Path) -> None:
    path = records.write(factories.record(), tmp_path)
    document = json.loads(path.read_text())
    document.pop("seal")
    document["later"] = {"field": 1}
    compact = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    document["seal"] = hashlib.sha256(compact.encode()).hexdigest()
    path.write_text(json.dumps(document, ensure_ascii=False))
    records.verify(path)

"""What `results/README.md` says of predictions.npz: its lines of NumPy run as written, every array is in its table."""

import contextlib
import io
import json
import re
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "results" / "README.md").read_text(encoding="utf-8")
STORED = sorted((ROOT / "results" / "reference").rglob("predictions.npz"))
KINDS = {"text": "U", "int": "i", "float": "f", "bool": "b"}


def documented() -> dict[str, tuple[int, str]]:
    """Name, `*` where it may be any -> number of axes and kind of type."""
    section = PAGE[PAGE.index("### predictions.npz") :].partition("\n## ")[0]
    found = {}
    for names, shape, kind in re.findall(r"^\| (`.+`) \| (\(.*?\)) (\w+) \|", section, re.MULTILINE):
        for name in re.findall(r"`(.+?)`", names):
            pattern = name.replace("…", "*").replace("RULE", "*").replace("NAME", "*")
            found[pattern] = 1 if shape == "(n,)" else 2, KINDS[kind]
    return found


def test_the_lines_run_as_written_and_give_the_recorded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    monkeypatch.chdir(ROOT)
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        exec(code, {})
    (place,) = re.findall(r'np\.load\("(.+?)"\)', code)
    record = json.loads((ROOT / place).with_name("result.json").read_bytes())
    value = float(told.getvalue())
    assert value == pytest.approx(record["metrics"]["balanced-accuracy"]["value"], abs=1e-9)
    assert f"its balanced accuracy, {value:.3f}" in code
    assert len(code.strip().splitlines()) <= 6


def test_every_stored_array_is_documented_with_its_shape_and_type() -> None:
    known = documented()
    assert {"ids", "logits", "corrected_logits@*", "trait:*", "lung-*", "dice"} <= known.keys()
    met = set()
    for path in STORED:
        with np.load(path, allow_pickle=False) as stored:
            n = len(stored["ids"])
            for name in stored.files:
                (pattern,) = [one for one in known if fnmatchcase(name, one)]
                axes, kind = known[pattern]
                array = stored[name]
                assert (array.ndim, array.dtype.kind, len(array)) == (axes, kind, n), (path, name)
                met.add(pattern)
    assert known.keys() - met <= {"fold", "lesion-*", "marks-*", "brightness-lesion-enrichment"}


def test_stored_arrays_are_in_the_units_that_are_said() -> None:
    for path in STORED:
        with np.load(path, allow_pickle=False) as stored:
            for name in stored.files:
                values = stored[name]
                if "probabilities" in name:
                    assert values.min() >= 0 and np.allclose(values.sum(1), 1)
                if name.endswith(("-misses", "-empty")):
                    assert set(values[np.isfinite(values)].tolist()) <= {0.0, 1.0}
                if name == "dice" or name.endswith("-share"):
                    known = values[np.isfinite(values)]
                    assert known.min() >= 0 and known.max() <= 1
                if name in ("lung-enrichment",):
                    assert np.isnan(values[stored["subsets"] != "test"]).all()

"""XGBoost on a machine that lacks what its library needs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry import boosting
from registry.errors import PluginError

ROOT = Path(__file__).parents[2]
BROKEN = '''
class XGBoostError(ValueError):
    """As the library's own."""

raise XGBoostError("""
XGBoost Library (libxgboost.dylib) could not be loaded.
Likely causes:
  * OpenMP runtime is not installed
""")
'''


@pytest.fixture
def without_openmp(tmp_path):
    """Runs a text of Python where importing XGBoost fails; gives what it prints."""
    (tmp_path / "xgboost.py").write_text(BROKEN)

    def run(code: str) -> str:
        path = os.pathsep.join([str(tmp_path), str(ROOT), os.environ.get("PYTHONPATH", "")])
        command = [sys.executable, "-P", "-c", code]
        told = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)
        assert told.returncode == 0, told.stderr
        return told.stdout

    return run


def test_a_library_that_cannot_be_loaded_is_one_line_with_the_remedy(without_openmp):
    told = without_openmp("""
from registry.errors import PluginError
from registry.lookup import find, load
try:
    load(find("head", "xgboost"))
except PluginError as error:
    print(error)
""")
    assert told.count("\n") == 1
    assert "XGBoost cannot load its library, most likely for want of OpenMP: install libgomp" in told


def test_the_remedy_is_that_of_the_platform(monkeypatch):
    def fail(name: str) -> None:
        raise ValueError(name)

    monkeypatch.setattr(boosting.importlib, "import_module", fail)
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(PluginError, match="brew install libomp"):
        boosting.xgboost()


def test_whoever_boosts_nothing_does_without_the_library(without_openmp):
    """On a Mac without libomp all else runs: maps, other classical heads."""
    told = without_openmp("""
import numpy as np
from benchmark.models import classical
from registry.heads.scikit_learn import scikit_learn
features = np.arange(24, dtype=np.float32).reshape(12, 2)
targets = np.arange(12) % 2
learnt = classical.fit(scikit_learn((None, None, 2), 2), features, targets, 2, balance="weights",
                       validation=(features, targets), seed=0)
print(classical.logits(learnt.classifier, features, 2).shape)
""")
    assert told == "(12, 2)\n"

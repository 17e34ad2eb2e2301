"""Every backbone that is registered, and the plugin's, keeps the contract; in a file of its own, for they are large."""

import sys
import tomllib
from pathlib import Path

import pytest

from registry.checks.networks import check_backbone
from registry.lookup import entries, load
from registry.options import read_options
from tests.registry.test_applications import MODULES

pytestmark = [pytest.mark.conformance, pytest.mark.slow]

PLUGIN = Path(__file__).parents[1] / "plugin"
sys.path.append(str(PLUGIN))  # as if it were installed
NEEDS_A_FILE = {"keras-file", "keras-hub", "onnx"}  # their own tests check them on files of their own
ELSEWHERE = {name.replace("_", "-") for name in MODULES}  # where what is built for it is looked at too


@pytest.mark.parametrize("name", sorted(set(entries("backbone")) - NEEDS_A_FILE - ELSEWHERE))
def test_a_registered_backbone_keeps_the_contract(name):
    factory = load(entries("backbone")[name])
    offline = {"weights": None} if any(option.name == "weights" for option in read_options(factory)) else {}
    check_backbone(factory, **offline)


def test_the_plugins_backbone_keeps_the_contract():
    import cxr_bench_example

    points = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]["entry-points"]
    for place in points["cxr_bench.backbones"].values():
        check_backbone(getattr(cxr_bench_example, place.partition(":")[2]))

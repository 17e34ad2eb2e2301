"""Why no graphics card computes: on machines that are made up, each with a known answer."""

import pytest

from benchmark.execution.protocol import Found
from benchmark.installation.device import card, finding

CPU = "Example CPU, 2 CPUs"


def made(root, *names, **contents):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(contents.get(name, ""))


def pci(root, number, vendor, kind):
    device = root / "sys/bus/pci/devices" / f"0000:00:0{number}.0"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "class").write_text(f"{kind}\n")


def test_a_machine_without_a_card_has_none(tmp_path):
    assert card(tmp_path) == "none"
    pci(tmp_path, 1, "0x8086", "0x030000")  # graphics of another maker
    pci(tmp_path, 2, "0x10de", "0x040300")  # sound of NVIDIA's
    assert card(tmp_path) == "none"


def test_a_card_without_a_driver(tmp_path):
    pci(tmp_path, 1, "0x10de", "0x030200")
    assert card(tmp_path) == "no driver"


def test_a_driver_whose_devices_a_container_has_not_been_given(tmp_path):
    pci(tmp_path, 1, "0x10de", "0x030200")
    made(tmp_path, "proc/driver/nvidia/version")
    assert card(tmp_path) == "not passed on"
    made(tmp_path, "dev/nvidiactl")  # that of the driver, not of a card
    assert card(tmp_path) == "not passed on"
    made(tmp_path, "dev/nvidia0")
    assert card(tmp_path) == "there"


def test_a_card_that_windows_passes_on(tmp_path):
    made(tmp_path, "dev/dxg")
    assert card(tmp_path) == "there"


BUILD = Found(CPU, "float32", "was built without CUDA")


@pytest.mark.parametrize(
    ("found", "backend", "system", "status", "text", "remedy"),
    [
        (Found("NVIDIA H200", "mixed_bfloat16"), "jax", "there", "ok", "NVIDIA H200; it does mixed_bfloat16 well", ""),
        (BUILD, "jax", "none", "ok", f"{CPU}; no NVIDIA card in this machine", ""),
        (BUILD, "jax", "there", "warning", "NVIDIA's driver is there, but jax was built without CUDA", "jax[cuda12]"),
        (
            Found(CPU, "float32", "lacks the CUDA libraries cudnn"), "tensorflow", "there", "warning",
            "NVIDIA's driver is there, but tensorflow lacks the CUDA libraries cudnn", "cxr-bench[gpu]",
        ),
        (BUILD, "torch", "no driver", "warning", "no driver is loaded", "nvidia-smi"),
        (BUILD, "torch", "not passed on", "warning", "this container was started without them", "--gpus all"),
    ],
)  # fmt: skip
def test_what_keeps_the_card_from_computing_is_said_with_what_to_do(
    monkeypatch, found, backend, system, status, text, remedy
):
    for name in ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    told = finding(found, backend, system)
    assert told.status == status
    assert text in told.text and remedy in told.remedy


def test_a_variable_that_hides_the_card_is_named(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    told = finding(BUILD, "tensorflow", "there")
    assert "CUDA_VISIBLE_DEVICES hides the NVIDIA card" in told.text
    assert told.remedy == "unset CUDA_VISIBLE_DEVICES"

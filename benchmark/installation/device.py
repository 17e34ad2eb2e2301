"""What trainings compute on, and why that is no graphics card where there is one."""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.execution.process import Worker
from benchmark.execution.protocol import Device, Found
from benchmark.installation.findings import Finding
from benchmark.planning.backend import keras_backend

NVIDIA = "0x10de"  # of PCI
DISPLAYS = "0x03"  # the class of PCI devices that graphics cards are of
HIDING = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
WITH_CUDA = {
    "tensorflow": 'pip install "cxr-bench[gpu]"',
    "jax": 'pip install "jax[cuda12]"',
    "torch": "install torch with CUDA, as pytorch.org/get-started says",
}


def look(worker: Worker) -> Iterator[Finding]:
    """The device, asked of a worker, beside what the system says of graphics cards."""
    found = worker.ask(Device(), Found)
    yield finding(found, keras_backend(), card())


def finding(found: Found, backend: str, card: str) -> Finding:
    """What to say of a device.

    Args:
        card: see `card`.
    """
    text = f"{found.device}; it does {found.precision} well"
    if not found.hindrance:
        return Finding("device", "ok", text)
    if card == "none":
        return Finding("device", "ok", f"{found.device}; no NVIDIA card in this machine")
    hidden = next((name for name in HIDING if os.environ.get(name) in ("", "-1", "none", "void")), "")
    if hidden:
        why, remedy = f"{hidden} hides the NVIDIA card", f"unset {hidden}"
    elif card == "no driver":
        why, remedy = "there is an NVIDIA card, and no driver is loaded", "install NVIDIA's driver (nvidia-smi tells)"
    elif card == "not passed on":
        why = "NVIDIA's driver is there, and no device: this container was started without them"
        remedy = "start it with --gpus all"
    else:
        why, remedy = f"NVIDIA's driver is there, but {backend} {found.hindrance}", WITH_CUDA[backend]
    return Finding("device", "warning", f"computes on {found.device}: {why}", remedy)


def card(root: Path = Path("/")) -> str:
    """What the system says of NVIDIA's cards: ``none``, ``no driver``, ``not passed on`` to a container, or ``there``.

    Args:
        root: below which Linux describes itself.
    """
    driver = (root / "proc/driver/nvidia/version").exists()
    if (root / "dev/dxg").exists() or any((root / "dev").glob("nvidia[0-9]*")):  # the first is that of WSL
        return "there"
    if driver:
        return "not passed on"
    return "no driver" if any(map(_is_card, (root / "sys/bus/pci/devices").glob("*"))) else "none"


def _is_card(device: Path) -> bool:
    try:
        maker, kind = ((device / name).read_text() for name in ("vendor", "class"))
    except OSError:
        return False
    return maker.strip() == NVIDIA and kind.startswith(DISPLAYS)

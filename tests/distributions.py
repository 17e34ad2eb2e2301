"""Distributions as an installer leaves them, without an installer."""

import tomllib
from pathlib import Path


def register(folder: Path, distribution: str, version: str, groups: dict[str, dict[str, str]]) -> None:
    """The metadata that an installer leaves beside the modules."""
    place = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
    lines = [f"[{group}]\n" + "\n".join(f"{k} = {v}" for k, v in points.items()) for group, points in groups.items()]
    (place / "entry_points.txt").write_text("\n".join(lines) + "\n")


def install_in_place(project: Path) -> None:
    """What ``pip install -e`` leaves of a project: whoever has its folder on the path has its components."""
    told = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    register(project, told["name"], told["version"], told["entry-points"])

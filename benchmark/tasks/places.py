"""Where task files lie."""

from pathlib import Path

from registry.errors import ConfigError, unknown_name

TASKS = Path(__file__).parent.parent / "configs"
if not TASKS.is_dir():  # a checkout: the wheel carries the folder inside the package
    TASKS = TASKS.parent.parent / "configs"
DEFAULTS = "defaults.toml"  # below every task
EVERYTHING = TASKS / "installation" / "everything.toml"  # no task of its own: what `bench doctor` runs


def task_files(folder: Path = TASKS) -> dict[str, Path]:
    """Name -> file of every task in a folder, in the order of names."""
    return {path.stem: path for path in sorted(folder.glob("*.toml")) if path.name != DEFAULTS}


def find_task(name: str, folder: Path = TASKS) -> Path:
    """The task file of a name in the task folder, or the file itself for ``path/to/mine.toml``.

    Raises:
        ConfigError: there is no such file.
        UnknownNameError: no task has that name.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise ConfigError(
                f"no task file {name!r}; expected a TOML file; give its path, or a name of `bench list tasks`"
            )
        return path
    known = task_files(folder)
    if name not in known:
        raise unknown_name("task", name, known, "bench list tasks")
    return known[name]

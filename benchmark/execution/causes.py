"""What an error is called in a record: the cause of a failure, and one line about it."""

import sys

from registry.errors import BenchError, ContractError, DivergedError, PluginError, RefusedError, StorageError

CAUSES: dict[type[BenchError], str] = {
    DivergedError: "nan",
    StorageError: "storage",
    RefusedError: "refused",
    PluginError: "plugin",
    ContractError: "plugin",
}


def cause_of(error: Exception) -> tuple[str, str]:
    """The cause of a failure, as `benchmark.records.record.Failure` has it, and a message of one line."""
    if isinstance(error, BenchError):
        return next((cause for kind, cause in CAUSES.items() if isinstance(error, kind)), "data"), str(error)
    head = str(error).strip().partition("\n")[0]  # backends write pages; the log has them
    if _is_out_of_memory(error):
        return "oom", f"memory ran out: {head}"
    return "exception", f"{type(error).__name__}: {head}"


def _is_out_of_memory(error: Exception) -> bool:
    """Python's memory or, where a stage has loaded a backend, the accelerator's."""
    backend = sys.modules.get("registry.backend")
    return isinstance(error, MemoryError) or (backend is not None and backend.is_out_of_memory(error))

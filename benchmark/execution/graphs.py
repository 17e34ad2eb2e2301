"""A finished run's ONNX graph: whether there can be one, and the one in the cache, made where it is not there yet."""

import hashlib
from importlib.machinery import PathFinder
from pathlib import Path

from benchmark.execution.converting import STAGE, Convert
from benchmark.execution.process import Worker
from benchmark.execution.protocol import Watch
from benchmark.planning.backend import keras_backend
from benchmark.records.export import MODEL
from benchmark.records.record import Record
from benchmark.storage.cache import Store
from benchmark.storage.code import OWN, CodeIndex
from benchmark.storage.digests import digest, library_versions
from benchmark.storage.serving import Served, remember
from benchmark.tasks.spec import RunSpec, run_spec
from registry.errors import StorageError

MAKING = "benchmark.models.onnx_making"
CONVERTER = "tensorflow"  # Keras converts on it, whatever backend a run was trained with
MODELS, SEGMENTER = "model", "segmenter.keras"
LIBRARIES = ("onnx", "onnxruntime", "tf2onnx")
INSTALL = "pip install 'cxr-bench[onnx]'"


def lacking() -> str:
    """What is not installed that making and running a graph takes; empty where all is."""
    missing = [name for name in LIBRARIES if PathFinder.find_spec(name) is None]
    return f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not installed" if missing else ""


def runtime_name() -> str:
    """ONNX Runtime and its version."""
    return f"ONNX Runtime {library_versions('onnxruntime')['onnxruntime']}"


def refusal(record: Record, folder: Path) -> str:
    """Why no graph can hold a run, as far as its record tells; empty where one may."""
    return spec_refusal(run_spec(record.spec), masked=(folder / MODELS / SEGMENTER).is_file())


def spec_refusal(spec: RunSpec, *, masked: bool) -> str:
    """The same of a specification; `masked` where a trained segmenter draws masks."""
    if spec.classical:
        return f"its head, {spec.head.name}, is no network, and has no converter"
    if spec.images.equalise == "lungs":
        return "it equalises inside the lungs, which no operator of ONNX does (images.equalise)"
    if masked and spec.images.mask != "multiply":
        return f"it shows the lungs by {spec.images.mask!r}, and a graph can by 'multiply' alone (images.mask)"
    if spec.runtime.precision != "float32":
        return f"its networks compute in {spec.runtime.precision}, whose roundings a graph in float32 does not repeat"
    return ""


def graph(record: Record, folder: Path, cache: Path, worker: Worker, watch: Watch) -> Path:
    """The ONNX file of a run in the cache, or where it would be; `records.export.graph_beside` says what was found.

    Args:
        worker: of `converting`, which starts where there is no graph yet.

    Raises:
        BenchError: the run cannot be loaded, or the cache cannot be written.
    """
    store, key = Store(cache), _key(record, folder, cache)
    found = store.use(STAGE, key)
    if found is None:
        worker.ask(Convert(str(folder), record.seal, str(cache), key), type(None), watch)
        found = store.find(STAGE, key)
    if found is None:
        raise StorageError(f"the graph of {record.run} has gone from {cache}; run the same line again")
    dataset = record.dataset.name if record.dataset else ""
    remember(cache, key, Served(record.run, record.pipeline, str(folder), [f"{STAGE}/{key}"], dataset))
    return found / MODEL


def converting(cache: Path) -> Worker:
    """A worker that converts, and holds a graph against Keras; it starts when it is asked.

    Raises:
        ConfigError: TensorFlow is not installed.
    """
    return Worker(cache / "logs", {"KERAS_BACKEND": keras_backend(CONVERTER)})


def _key(record: Record, folder: Path, cache: Path) -> str:
    """Of everything that a graph depends on; the seal covers the models, but not in old records."""
    index = CodeIndex(cache)
    code = index.code_digest(MAKING, OWN) or ""
    index.keep()
    files = sorted((folder / MODELS).iterdir()) if record.files is None else []
    models = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    versions = library_versions("keras", CONVERTER, "numpy", *LIBRARIES)
    return digest(STAGE, record.seal, code, *models, *versions.values())

"""Files of a model folder that somebody has changed to do harm: Keras archives, skops, UBJ, arrays.  Seeded."""

import base64
import io
import json
import marshal
import random
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile_documents import NUMBERS, PLANTED, TEXTS, mutated, mutated_arrays

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
SPOTS = ("activation", "function", "kernel_initializer", "kernel_regularizer", "dtype", "vocabulary", "layer")
BUILTINS = ("os.system", "builtins.eval", "builtins.open", "subprocess.Popen", "operator.methodcaller", "numpy.load")
FUNCTIONS = (
    "keras.utils.get_file", "keras.datasets.mnist.load_data", "keras.applications.MobileNet", "keras.saving.load_model",
    "keras.utils.plot_model", "keras.utils.set_random_seed", "os.system", "builtins.open", "keras.src.utils.io_utils.x",
)  # fmt: skip


def _function(name: str) -> dict[str, Any]:
    module, _, last = name.rpartition(".")
    return {"module": module, "class_name": "function", "config": last, "registered_name": last}


def _code() -> dict[str, Any]:
    """A function that leaves a file, as Keras stores a lambda."""
    made = types.FunctionType(compile(f"open({PLANTED!r}, 'w').close()", "planted", "exec"), {}).__code__
    return {"class_name": "__lambda__", "config": {"code": base64.b64encode(marshal.dumps(made)).decode()}}


def _layer(name: str, module: str = "keras.layers", registered: str | None = None, **config: Any) -> dict[str, Any]:
    full = {"name": "planted", **config}
    return {"module": module, "class_name": name, "config": full, "registered_name": registered}


def layers(path: str) -> list[dict[str, Any]]:
    """Layers that run code, read a file or import a module; `path` is a file that nobody may open."""
    return [
        _layer("Lambda", function=_code()),
        _layer("Lambda", function=_code(), registered="cxr_bench>Lambda"),
        _layer("TFSMLayer", filepath=path, call_endpoint="serve"),
        _layer("StringLookup", vocabulary=path),
        _layer("IntegerLookup", vocabulary=path),
        _layer("TextVectorization", vocabulary=path),
        _layer("TorchModuleWrapper", module=_code()),
        _layer("JaxLayer", call_fn=_code(), init_fn=_code()),
        _layer("FlaxLayer", module=_code()),
        _layer("Popen", "subprocess", args="touch " + PLANTED),
        _layer("Foreign", "planted_module", "planted>Foreign"),
        _layer("Layer", "keras_hub.layers"),
        _layer("Dense", units=1 << 30, build_config={"input_shape": [None, 64]}),
        *[_layer("Lambda", function=_function(name), arguments={"path": path}) for name in FUNCTIONS],
        *[_layer("Activation", activation=_function(name)) for name in FUNCTIONS],
    ]


def parts(content: bytes) -> dict[str, bytes]:
    """Name -> content of an archive's members."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def archive(members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of these members, whatever they are called."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return out.getvalue()


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The bytes with some turned, cut off, put in or doubled."""
    data = bytearray(content)
    for _ in range(chance.choice((1, 1, 3, 8))):
        place, how = chance.randrange(len(data) or 1), chance.random()
        if how < 0.6 and data:
            data[place] = chance.choice((0, 0xFF, 0x7F, chance.randrange(256)))
        elif how < 0.75:
            del data[place:]
        elif how < 0.9:
            data[place:place] = chance.choice((bytes(64), b"\xff" * 64, chance.randbytes(8)))
        else:
            data += data[place:]
    return bytes(data)


def keras_file(content: bytes, seed: int, path: str = "/etc/hostname") -> bytes:
    """A Keras archive with one harmful change."""
    chance, held = random.Random(seed), parts(content)
    config, how = json.loads(held[CONFIG]), seed % 8
    if how in (0, 1):
        held[CONFIG] = mutated(config, seed)
    elif how in (2, 3):
        planted = layers(path)[seed // 8 % len(layers(path))]
        _plant(config, planted, chance)
        held[CONFIG] = json.dumps(config).encode()
    elif how == 4:
        held[WEIGHTS] = weights(held[WEIGHTS], chance, path)
    elif how == 5:
        held[WEIGHTS] = damaged(held[WEIGHTS], chance)
    elif how == 6:
        return _other_members(held, chance)
    else:
        return damaged(content, chance)
    return archive(held)


def _plant(config: dict[str, Any], planted: dict[str, Any], chance: random.Random) -> None:
    """In place of a layer, behind it, or as one of the values that a layer's configuration holds."""
    inner = config["config"]["layers"]
    place = chance.randrange(len(inner))
    how = chance.randrange(4)
    if how == 0:
        inner[place] |= {name: planted[name] for name in ("module", "class_name", "registered_name")}
        inner[place]["config"] = planted["config"] | {"name": inner[place]["config"]["name"]}
    elif how == 1:
        inner.append(planted | {"inbound_nodes": inner[-1].get("inbound_nodes", [])})
    elif how == 2:
        chosen = inner[place]["config"]
        chosen[chance.choice([*SPOTS, *chosen])] = planted
    else:
        config |= {name: planted[name] for name in ("module", "class_name")}
        config["config"] = {"name": "x", "layers": [planted]}


def _other_members(held: dict[str, bytes], chance: random.Random) -> bytes:
    how = chance.randrange(5)
    if how == 0:
        held |= {f"../../{PLANTED}": b"x", f"/tmp/{PLANTED}": b"x", f"assets/../../../{PLANTED}": b"x"}
    elif how == 1:
        held.pop(chance.choice(list(held)))
    elif how == 2:
        held["assets/zeros"] = bytes(64 << 20)
        return archive(held, zipfile.ZIP_DEFLATED)
    elif how == 3:
        depth = chance.choice((900, 20_000, 300_000))
        held[CONFIG] = b'{"class_name":"Sequential","module":"keras","config":{"layers":[' * depth + b"]}}" * depth
    else:
        name = WEIGHTS.replace("h5", "npz")
        out = io.BytesIO()
        np.savez(out, x=np.array([None], object))
        held = {CONFIG: held[CONFIG], name: out.getvalue(), "metadata.json": b"{}"}
    return archive(held)


def weights(content: bytes, chance: random.Random, path: str) -> bytes:
    """An HDF5 file of which one array is elsewhere, of another shape or type, or immense."""
    out = io.BytesIO(content)
    with h5py.File(out, "r+") as file:
        found: list[str] = []
        file.visititems(lambda name, one: found.append(name) if isinstance(one, h5py.Dataset) else None)
        name = chance.choice(found)
        shape, how = file[name].shape, chance.randrange(9)
        del file[name]
        if how == 0:
            file[name] = h5py.ExternalLink(path, "/x")
        elif how == 1:
            file[name] = h5py.SoftLink(chance.choice(("/", f"/{name}", found[0])))
        elif how == 2:
            file.create_dataset(name, shape, "u1", external=[(path, 0, h5py.h5f.UNLIMITED)])
        elif how == 3:
            layout = h5py.VirtualLayout(shape=(4,), dtype="f4")
            layout[:] = h5py.VirtualSource(path, "x", shape=(4,))
            file.create_virtual_dataset(name, layout)
        elif how == 4:
            file.create_dataset(name, (1 << 40,), "f4", chunks=(1 << 16,), compression="gzip")
        elif how == 5:
            file.create_dataset(name, data=np.array([one[:100].encode("utf-8", "replace") for one in TEXTS], "S300"))
        elif how == 6:
            file.create_dataset(name, data=np.full(shape, chance.choice((np.nan, np.inf, 1e308)), "f8"))
        elif how == 7:
            group = name.rpartition("/")[0] or "/"
            parent = group.rpartition("/")[0] or "/"
            if group != "/":
                del file[group]
                file[group] = chance.choice((h5py.ExternalLink(path, "/"), h5py.SoftLink(parent)))
        else:
            file.create_dataset(name, data=np.zeros((3, 2, 1), "c16"))
    return out.getvalue()


def skops_file(content: bytes, seed: int) -> bytes:
    """A skops archive with one harmful change."""
    chance, held = random.Random(seed), parts(content)
    schema, how = json.loads(held["schema.json"]), seed % 5
    if how == 0:
        held["schema.json"] = mutated(schema, seed)
    elif how in (1, 2):
        _retype(schema, chance)
        held["schema.json"] = json.dumps(schema).encode()
    elif how == 3:
        name = chance.choice(list(held))
        held[name] = damaged(held[name], chance)
    else:
        return damaged(content, chance)
    return archive(held, zipfile.ZIP_DEFLATED)


def _retype(schema: dict[str, Any], chance: random.Random) -> None:
    """Another type, or loader, of one of the objects."""
    found: list[dict[str, Any]] = []
    todo: list[Any] = [schema]
    while todo:
        one = todo.pop()
        if isinstance(one, dict) and "__class__" in one:
            found.append(one)
        todo += list(one.values()) if isinstance(one, dict) else one if isinstance(one, list) else []
    node = chance.choice(found)
    loaders = sorted({one["__loader__"] for one in found} | {"FunctionNode", "PartialNode", "TypeNode", "MethodNode"})
    module, _, name = chance.choice((*BUILTINS, "sklearn.utils.x", "scipy.io.loadmat")).rpartition(".")
    if chance.random() < 0.7:
        node |= {"__module__": module, "__class__": name}
    if chance.random() < 0.5:
        node["__loader__"] = chance.choice(loaders)
    if chance.random() < 0.2:
        node["content"] = chance.choice((*TEXTS[:6], *NUMBERS[:4], [], None, {"function": f"{module}.{name}"}))


def boosted_file(content: bytes, seed: int) -> bytes:
    """What XGBoost stored, damaged, or as text."""
    chance = random.Random(seed)
    if seed % 5:
        return damaged(content, chance)
    return chance.choice((b"", b"{" * 50_000, b'{"learner":' * 50_000, content[:1] * 9, b"[" * 100_000, b"null"))


SPOIL: dict[str, Callable[[bytes, int], bytes]] = {
    "backbone.keras": keras_file,
    "head.keras": keras_file,
    "classifier.skops": skops_file,
    "classifier.ubj": boosted_file,
    "familiarity.npz": mutated_arrays,
}


def spoil(path: Path, original: bytes, seed: int) -> None:
    """Write another content of such a file."""
    path.write_bytes(SPOIL[path.name](original, seed))

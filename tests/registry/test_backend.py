import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from keras import ops

from registry import backend
from registry.cores import usable_cores
from registry.errors import ContractError
from tests.warm import connection as warm

pytestmark = pytest.mark.conformance


def test_gradient_of_a_sum_of_squares_is_twice_the_input():
    inputs = np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)
    value, slope = backend.gradient(lambda x: ops.sum(x * x, axis=1), inputs)
    np.testing.assert_allclose(value, [5.0, 9.25])
    np.testing.assert_allclose(slope, 2 * inputs)


def test_gradient_goes_through_a_keras_model():
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([np.array([[1.0], [2.0], [-3.0]], np.float32)])
    _, slope = backend.gradient(lambda x: model(x, training=False), np.zeros((2, 3), np.float32))
    np.testing.assert_allclose(slope, [[1, 2, -3], [1, 2, -3]])


@pytest.mark.skipif(backend.NAME == "jax", reason="JAX cannot tell it from a gradient of zero")
def test_a_value_that_does_not_depend_on_the_input_is_refused():
    with pytest.raises(ContractError, match="no gradient"):
        backend.gradient(lambda x: ops.ones((2,)), np.zeros((2, 3), np.float32))


def test_device_name_says_something():
    assert backend.device_name()


def test_peak_memory_is_that_of_a_process_with_keras_in_it():
    assert 50e6 < backend.peak_memory_bytes() < 1e12


@pytest.mark.skipif(backend.has_accelerator(), reason="the accelerator's memory is told, not the processor's")
@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_peak_memory_is_in_bytes_on_each_system(monkeypatch, platform, unit):
    monkeypatch.setattr(backend.resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=7))
    monkeypatch.setattr(sys, "platform", platform)
    assert backend.peak_memory_bytes() == 7 * unit


@pytest.mark.skipif(backend.has_accelerator(), reason="the accelerator is named, not the processor")
def test_a_processor_has_a_name_where_the_system_describes_none(monkeypatch, tmp_path):
    monkeypatch.setattr(backend, "Path", lambda place: tmp_path / place.strip("/"))
    name, _, count = backend.device_name().partition(", ")
    assert name == (backend.platform.processor() or backend.platform.machine())
    assert count == f"{usable_cores()} CPUs"


def test_out_of_memory_is_told_from_other_errors():
    assert backend.is_out_of_memory(MemoryError())
    assert not backend.is_out_of_memory(ValueError("RESOURCES"))


def test_an_accelerator_is_shared_unless_the_user_says_otherwise():
    """Both are read when a backend first computes: without them the first worker takes all the memory."""
    assert {"TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE"} <= set(os.environ)


ONLY_JAX = pytest.mark.skipif(backend.NAME != "jax", reason="XLA's flags are read from the environment on JAX")


@ONLY_JAX
def test_determinism_is_asked_of_xla_once_and_keeps_the_users_flags(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=false")
    for _ in range(2):
        backend.enable_determinism(len(os.sched_getaffinity(0)))
    assert os.environ["XLA_FLAGS"].split() == ["--xla_cpu_enable_fast_math=false", "--xla_gpu_deterministic_ops=true"]


@ONLY_JAX
def test_xla_reads_its_flags_after_the_backend_was_imported():
    code = "import os, keras, registry.backend; os.environ['XLA_FLAGS'] = '--xla_no_such_flag=1'; keras.ops.ones(2)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert told.returncode != 0
    assert "xla_no_such_flag" in told.stderr


TRAIN = """
import gc, sys, hashlib, numpy as np
gc.disable()
from registry.backend import enable_determinism
enable_determinism(2)
enable_determinism(2)
import keras
keras.utils.set_random_seed(3)
model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(4, 3), keras.layers.Flatten(),
                          keras.layers.Dropout(0.5), keras.layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.random.rand(32, 8, 8, 1), np.random.rand(32), verbose=0)
print(hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest())
"""


def test_determinism_makes_two_processes_agree_to_the_bit():
    apart = (dict(os.environ), warm.variables(WARM_SCRIPTS="1"))  # one from the start, one a fork
    runs = [
        subprocess.Popen([sys.executable, "-c", TRAIN], stdout=subprocess.PIPE, text=True, env=env) for env in apart
    ]
    digests = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert digests[0] == digests[1]

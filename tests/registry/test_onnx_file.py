import random
import sys
from pathlib import Path

import numpy as np
import pytest

from registry.errors import BenchError, ContractError, WeightsError
from registry.networks.onnx_file import checked, image_input, run, session
from tests.onnx_networks import CLASSES, FILTERS, TensorProto, external, helper, identity, model, saved, small, value


def test_a_file_says_what_it_takes_and_gives(tmp_path):
    found = checked(saved(small(), tmp_path))
    (images,), (logits,) = found.inputs, found.outputs
    assert (images.name, images.shape, images.dtype) == ("images", ("n", 3, "h", "w"), "float32")
    assert (logits.name, logits.shape) == ("logits", ("n", CLASSES))
    assert found.opset == 17
    assert found.tensors == ("convolved", "map", "cell", "pooled", "logits")


def test_numbers_that_old_files_list_among_the_inputs_need_not_be_given(tmp_path):
    made = small()
    made.graph.input.append(value("dense", [FILTERS, CLASSES]))
    assert [one.name for one in checked(saved(made, tmp_path)).inputs] == ["images"]


def test_a_session_answers_as_its_weights_say(tmp_path):
    made = small()
    kernel, dense = (np.frombuffer(one.raw_data, np.float32).reshape(tuple(one.dims)) for one in made.graph.initializer)
    images = np.zeros((2, 3, 9, 9), np.float32)
    images[1, 0, 4, 4] = 1  # a point: the map is the kernel of its channel, turned, and nothing else
    (logits,) = run(session(saved(made, tmp_path), threads=1), {"images": images})
    expected = (np.maximum(kernel[:, 0], 0).sum(axis=(1, 2)) / 81) @ dense
    np.testing.assert_allclose(logits, [np.zeros(CLASSES), expected], atol=1e-6)


def test_a_tensor_on_the_way_can_be_the_answer(tmp_path):
    path = saved(small(), tmp_path)
    answers = run(session(path, threads=1, outputs=["map", "pooled"]), {"images": np.ones((2, 3, 9, 9), np.float32)})
    assert [one.shape for one in answers] == [(2, FILTERS, 9, 9), (2, FILTERS)]
    np.testing.assert_allclose(answers[0].mean(axis=(2, 3)), answers[1], rtol=1e-5)
    with pytest.raises(ContractError, match=r"computes no tensor 'features'; .*'pooled', 'logits'"):
        session(path, threads=1, outputs=["features"])


@pytest.mark.parametrize(
    ("made", "channels_first", "size"),
    [
        (small(), True, (None, None)),
        (small(sides=(32, 24)), True, (32, 24)),
        (
            model([helper.make_node("Relu", ["x"], ["y"])], [value("x", ["n", 32, 24, 1])], [value("y", None)]),
            False,
            (32, 24),
        ),
    ],
)
def test_the_axis_with_one_or_three_channels_tells_the_layout(made, channels_first, size, tmp_path):
    found = image_input(checked(saved(made, tmp_path)))
    assert (found.channels_first, found.size) == (channels_first, size)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (small(batch=1), "takes batches of 1 alone.*dynamic batch axis"),
        (small(element=TensorProto.INT64), r"received int64 \(n, 3, h, w\)"),
        (small(sides=(9000, 9000)), "1 to 4096 pixels"),
        (small(sides=("h", 3)), "does not say which axis holds the channels"),
        (small(channels=5), "does not say which axis holds the channels"),
        (model([helper.make_node("Add", ["a", "b"], ["y"])], [value("a", ["n"]), value("b", ["n"])],
               [value("y", ["n"])]), "received 2 inputs: 'a', 'b'"),
        (model([helper.make_node("Relu", ["x"], ["y"])], [value("x", ["n", 10])], [value("y", None)]),
         r"received float32 \(n, 10\)"),
    ],
)  # fmt: skip
def test_a_network_that_reads_no_images_is_refused(made, message, tmp_path):
    with pytest.raises(ContractError, match=message):
        image_input(checked(saved(made, tmp_path)))


def test_what_is_no_onnx_file_is_refused(tmp_path):
    path = Path(saved(small(), tmp_path))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(WeightsError, match="is no ONNX file, or is cut off"):
        checked(path)
    path.write_bytes(random.Random(1).randbytes(2000))
    with pytest.raises(WeightsError, match="is no ONNX file, or is cut off"):
        checked(path)
    path.write_bytes(b"")
    with pytest.raises(ContractError, match="holds no network"):
        checked(path)
    with pytest.raises(WeightsError, match="no file"):
        checked(tmp_path)


def test_a_file_of_more_than_two_gigabytes_is_not_read(tmp_path):
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.truncate(3 * 2**30)  # sparse: it takes no room
    with pytest.raises(WeightsError, match=r"has 3\.2 GB; expected .* less than 2 GB"):
        checked(path)


@pytest.mark.parametrize("library", ["onnx", "onnxruntime"])
def test_without_the_libraries_one_line_says_what_to_install(library, tmp_path, monkeypatch):
    path = saved(small(), tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(WeightsError, match=rf"needs {library}, .*pip install 'cxr-bench\[onnx\]'"):
        session(path, threads=1)


def test_numbers_outside_are_read_by_nobody(tmp_path):
    """Not even those beside the file, nor over a link: ONNX Runtime is given bytes that name none."""
    (tmp_path / "inside.bin").write_bytes(bytes(4 * FILTERS * 27))
    (tmp_path / "link.bin").symlink_to("/etc/passwd")
    for place in ("inside.bin", "link.bin", "../outside.bin", "/etc/passwd"):
        with pytest.raises(ContractError, match=r"lie in another file, .* all of them in this one"):
            session(saved(external(place), tmp_path), threads=1)


def test_what_onnx_runtime_says_is_one_line(tmp_path, capfd):
    with pytest.raises(ContractError, match="cannot be run by ONNX Runtime") as caught:
        session(saved(identity("NoSuchOperator"), tmp_path), threads=1)
    assert "\n" not in str(caught.value)
    network = session(saved(small(), tmp_path), threads=1)
    with pytest.raises(ContractError, match=r"cannot be run on images float32 \(1, 2, 9, 9\)") as caught:
        run(network, {"images": np.zeros((1, 2, 9, 9), np.float32)})
    assert "\n" not in str(caught.value)
    path = tmp_path / "network.onnx"
    path.write_bytes(path.read_bytes().replace(b"Relu", b"\xd2elu"))  # which it cannot even say
    with pytest.raises(ContractError, match="cannot be run by ONNX Runtime"):
        session(path, threads=1)
    assert capfd.readouterr() == ("", "")


def test_settings_in_a_file_are_not_followed(tmp_path, monkeypatch):
    """This variable has ONNX Runtime take settings from the file, among them one that writes a profile."""
    monkeypatch.setenv("ORT_LOAD_CONFIG_FROM_MODEL", "1")
    monkeypatch.chdir(tmp_path)
    made = small()
    made.metadata_props.add(key="ort_config", value='{"session_options": {"enable_profiling": true}}')
    network = session(saved(made, tmp_path), threads=1)
    run(network, {"images": np.zeros((1, 3, 9, 9), np.float32)})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["network.onnx"]


def test_damaged_files_are_one_line_and_write_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    whole, refused = small().SerializeToString(), 0
    for seed in range(200):
        (tmp_path / "network.onnx").write_bytes(_damaged(whole, random.Random(seed)))
        try:
            network = session("network.onnx", threads=1)
            taken = image_input(checked("network.onnx"))
            shape = (1, taken.channels, 9, 9) if taken.channels_first else (1, 9, 9, taken.channels)
            run(network, {taken.name: np.zeros(shape, taken.dtype)})
        except BenchError as error:
            refused += 1
            assert "\n" not in str(error)
            assert len(str(error)) < 600
    assert refused > 100
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]
    assert capfd.readouterr() == ("", "")


def _damaged(whole: bytes, at_random: random.Random) -> bytes:
    changed = bytearray(whole)
    for _ in range(at_random.choice([1, 1, 2, 4, 16])):
        place = at_random.randrange(len(changed))
        changed[place : place + at_random.choice([0, 1, 1, 8])] = at_random.randbytes(at_random.choice([0, 1, 1, 8]))
    return bytes(changed)

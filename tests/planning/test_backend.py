import pytest

from benchmark.planning.backend import keras_backend
from registry.errors import ConfigError, UnknownNameError


@pytest.fixture
def environment(monkeypatch):
    """Makes these libraries the installed ones, and KERAS_BACKEND what is given."""

    def environment(*installed, named=None):
        monkeypatch.setattr(
            "benchmark.planning.backend.PathFinder.find_spec", lambda name: name if name in installed else None
        )
        monkeypatch.delenv("KERAS_BACKEND", raising=False)
        if named is not None:
            monkeypatch.setenv("KERAS_BACKEND", named)

    return environment


@pytest.mark.parametrize("named", [None, ""])
def test_tensorflow_is_the_default(environment, named):
    environment("tensorflow", "jax", "torch", named=named)
    assert keras_backend() == "tensorflow"


def test_the_variable_chooses(environment):
    environment("tensorflow", "jax", "torch", named="jax")
    assert keras_backend() == "jax"


def test_without_tensorflow_the_default_names_both_remedies(environment):
    environment("jax", "torch")
    with pytest.raises(ConfigError) as caught:
        keras_backend()
    assert str(caught.value) == (
        "KERAS_BACKEND is not set, so the backend is 'tensorflow', which is not installed; "
        "pip install tensorflow, or set KERAS_BACKEND to jax or torch"
    )


def test_what_was_chosen_and_is_not_installed_names_both_remedies(environment):
    environment("tensorflow", named="torch")
    with pytest.raises(ConfigError) as caught:
        keras_backend()
    assert str(caught.value) == (
        "KERAS_BACKEND is 'torch', which is not installed; pip install torch, or set KERAS_BACKEND to tensorflow"
    )


def test_without_any_backend_there_is_one_remedy(environment):
    environment()
    with pytest.raises(ConfigError, match=r"which is not installed; pip install tensorflow$"):
        keras_backend()


def test_a_backend_that_nobody_knows_suggests_the_nearest(environment):
    environment("tensorflow", "jax", named="jaxx")
    with pytest.raises(UnknownNameError, match="did you mean jax"):
        keras_backend()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"floatx": "bfloat16"}', "says floatx = 'bfloat16', expected float16 or float32 or float64"),
        ('{"image_data_format": "channels"}', "says image_data_format = 'channels', expected channels_last or"),
        ('{"epsilon": 1}', "says epsilon = 1, expected a number with a point"),
        ("[]", "is no table"),
    ],
)
@pytest.mark.parametrize("variable", ["KERAS_HOME", "HOME"])
def test_settings_with_which_keras_does_not_start_are_named(
    environment, monkeypatch, tmp_path, variable, content, words
):
    environment("tensorflow")
    folder = tmp_path if variable == "KERAS_HOME" else tmp_path / ".keras"
    folder.mkdir(exist_ok=True)
    (folder / "keras.json").write_text(content)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv(variable, str(tmp_path))
    with pytest.raises(ConfigError) as caught:
        keras_backend()
    assert f"{folder / 'keras.json'} {words}" in str(caught.value)


@pytest.mark.parametrize("content", ["{}", "{", '{"floatx": "float64", "image_data_format": "channels_first"}', None])
def test_others_do_not_matter(environment, monkeypatch, tmp_path, content):
    environment("tensorflow")
    if content is not None:
        (tmp_path / "keras.json").write_text(content)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert keras_backend() == "tensorflow"

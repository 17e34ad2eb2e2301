"""The script beside a graph prepares films of 8 bits as a run does, whatever their shape; the graph is a stand-in."""

import sys
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from benchmark.data.frames import film_pixels, frame_of
from benchmark.data.image import equaliser, prepare_image
from benchmark.report.export_script import EQUALISED, FITS, script
from benchmark.tasks.schema import Images

SIZE = 48
SHAPES = ((48, 48), (50, 37), (200, 133), (61, 300), (17, 90))  # as they are, hardly, much, and not shrunk


@pytest.fixture
def films(tmp_path):
    """Path -> film."""
    random = np.random.default_rng(1)
    found = {}
    for height, width in SHAPES:
        film = cv2.GaussianBlur(random.integers(0, 256, (height, width)).astype(np.uint8), (5, 5), 0)
        path = str(tmp_path / f"{height} x {width}.png")
        assert cv2.imwrite(path, film)
        found[path] = film
    return found


@pytest.fixture
def run_script(monkeypatch, tmp_path):
    """Runs the script of a preparation on files; gives what the graph was given, and takes what it says."""

    def called(images, arguments, classes=("a", "b")):
        given = []

        def run(names, inputs):
            given.append(inputs)
            return None, np.array([[0.25, 0.75]], np.float32), None, np.array([1])

        session = SimpleNamespace(run=run)
        monkeypatch.setitem(sys.modules, "onnxruntime", SimpleNamespace(InferenceSession=lambda path: session))
        monkeypatch.setattr(sys, "argv", ["predict.py", *arguments])
        exec(compile(script(images, classes), "predict.py", "exec"), {})
        return given

    return called


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("equalise", EQUALISED)
def test_films_are_prepared_as_a_run_prepares_them(films, run_script, capsys, fit, equalise):
    given = run_script(Images(size=SIZE, equalise=equalise, fit=fit), films)
    for inputs, film in zip(given, films.values(), strict=True):
        assert np.array_equal(inputs["image"][0], prepare_image(film, SIZE, equaliser(equalise), fit))
        assert np.array_equal(inputs["frame"], film_pixels(np.array([frame_of(film.shape, SIZE, fit)]), SIZE))
    rows = [f"{path}\tb\t0.250000\t0.750000" for path in films]
    assert capsys.readouterr().out.splitlines() == ["film\tdecision\ta\tb", *rows]


@pytest.mark.parametrize("fit", FITS)
def test_it_has_twenty_one_lines_at_most(fit):
    text = script(Images(size=SIZE, fit=fit), ["a", "b"])
    assert text.count("\n") <= 21
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("film", [np.zeros((40, 40), np.uint8), np.eye(40, dtype=np.uint16) * 60000, None])
def test_a_film_that_it_cannot_prepare_ends_it_by_its_name(run_script, tmp_path, film):
    path = tmp_path / "odd.png"
    path.write_bytes(b"text") if film is None else cv2.imwrite(str(path), film)
    with pytest.raises(SystemExit, match=r"odd.png: expected a film of 8 bits"):
        run_script(Images(size=SIZE), [str(path)])


def test_names_of_classes_are_text_and_nothing_else(films, run_script, capsys):
    hostile = ['"]; raise SystemExit(9) #', "{size}'''\n\\"]
    run_script(Images(size=SIZE), list(films)[:1], hostile)
    assert "\t".join(hostile) in capsys.readouterr().out

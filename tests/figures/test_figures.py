import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.figures.curves import curves
from benchmark.figures.explanations import Panel, gradcam_sheet
from benchmark.figures.masks import MaskRow, mask_sheet
from benchmark.figures.mean_heat import MeanHeat, mean_heat_sheet
from benchmark.figures.overlays import PALETTE, overlay
from benchmark.figures.sheet import GREEN, ORANGE, SKY, Sheet, wrapped
from benchmark.figures.thumbnails import thumbnails
from benchmark.figures.views import View, grey_levels, network_view_sheet
from registry.errors import StorageError

SIZE = 32
KINDS = ("surest right", "least sure", "surest wrong")


def radiograph(seed: int = 0, shape: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def disc(x: int, y: int, radius: int = 8) -> np.ndarray:
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (rows - y) ** 2 + (columns - x) ** 2 < radius**2


def view(name: str = "COVID", mask: np.ndarray | None = None) -> View:
    return View(name, f"{name}-1", radiograph(1, (50, 40)), radiograph(2), mask, radiograph(3), radiograph(4))


def mask_row(truth: np.ndarray, prediction: np.ndarray, dice: float | None = 0.5) -> MaskRow:
    return MaskRow("COVID-1", "COVID", np.full((SIZE, SIZE), 90, np.uint8), truth, prediction, dice)


def panel(name: str = "COVID", kind: str = "surest right", **changes: object) -> Panel:
    heat = np.zeros((4, 4), np.float32)
    heat[1, 2] = 3.0
    return replace(Panel(name, kind, f"{name}-7", name, 0.9876, radiograph(5), heat, disc(16, 16), None), **changes)


def history(epochs: int) -> list[dict[str, float]]:
    """Every third epoch is validated, and the last."""
    rows = [{"epoch": epoch, "loss": 1 / epoch, "duration_s": 1.0} for epoch in range(1, epochs + 1)]
    for row in [*rows[2::3], *rows[-1:]]:
        row["val_loss"] = 1.2 / row["epoch"]
    return rows


def rates(epochs: int) -> np.ndarray:
    return np.linspace(1e-3, 1e-5, 4 * epochs)


def rendered(path: Path) -> np.ndarray:
    """The picture in RGB, after a look at its signature."""
    assert path.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    return cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)


def pixels_of(picture: np.ndarray, color: str) -> int:
    rgb = np.array([int(color[place : place + 2], 16) for place in (1, 3, 5)])
    return int((np.abs(picture.astype(int) - rgb).max(axis=2) < 12).sum())


def assert_sensible(picture: np.ndarray, rows: int) -> None:
    height, width, _ = picture.shape
    assert 600 < width < 2000
    assert 150 * rows < height < 400 * rows + 300
    assert (picture[:5] == 255).all()
    assert picture.min() < 60


@pytest.mark.parametrize("classes", [1, 2, 6])
def test_network_view_has_a_row_for_each_class(tmp_path: Path, classes: int) -> None:
    path = tmp_path / "view.png"
    network_view_sheet(path, [view(f"class {k}", disc(12, 16)) for k in range(classes)])
    assert_sensible(rendered(path), classes)


def test_network_view_without_a_mask_says_whole_frame_on_white(tmp_path: Path) -> None:
    with_mask, without = tmp_path / "mask.png", tmp_path / "whole.png"
    network_view_sheet(with_mask, [view(mask=np.zeros((SIZE, SIZE), bool))])
    network_view_sheet(without, [view(mask=None)])
    black, white = (int((rendered(path) == 0).all(axis=2).sum()) for path in (with_mask, without))
    assert black - white > 150 * 150  # a mask of 1.6 inches at 110 dots an inch, less its margin


def test_grey_levels_are_shares_in_steps_of_eight() -> None:
    shares = grey_levels(np.array([[0, 7], [8, 255]], np.uint8))
    assert shares.shape == (32,)
    assert shares[[0, 1, 31]].tolist() == [0.5, 0.25, 0.25]


def test_mask_sheet_outlines_truth_and_prediction_in_their_own_colours(tmp_path: Path) -> None:
    path, empty = tmp_path / "masks.png", np.zeros((SIZE, SIZE), bool)
    mask_sheet(path, [mask_row(empty, empty, None)], "both empty")
    legend = [pixels_of(rendered(path), color) for color in (ORANGE, SKY)]
    mask_sheet(path, [mask_row(disc(12, 16), empty, 0.0)], "nothing predicted")
    truth_only = [pixels_of(rendered(path), color) for color in (ORANGE, SKY)]
    mask_sheet(path, [mask_row(disc(12, 16), disc(18, 16))], "both")
    both = [pixels_of(rendered(path), color) for color in (ORANGE, SKY)]
    assert truth_only[0] > legend[0] + 100
    assert truth_only[1] == legend[1]
    assert both[1] > legend[1] + 50


@pytest.mark.parametrize("rows", [1, 8])
def test_mask_sheet_has_a_row_for_each_mask(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "masks.png"
    mask_sheet(path, [mask_row(disc(12, 16), disc(14, 16), float("nan"))] * rows, "the worst of 300 test images")
    assert_sensible(rendered(path), rows)


@pytest.mark.parametrize("epochs", [0, 1, 2, 30])
def test_curves_of_any_length_are_drawn(tmp_path: Path, epochs: int) -> None:
    path = tmp_path / "curves.png"
    curves(path, history(epochs), rates(epochs), "unet+sepcnn+dense, seed 0", chance=0.693)
    assert_sensible(rendered(path), 2)


def test_curves_survive_losses_that_are_not_finite_or_not_positive(tmp_path: Path) -> None:
    rows = history(3)
    rows[0]["val_loss"], rows[1]["loss"], rows[2]["loss"] = float("inf"), float("nan"), 0.0
    curves(tmp_path / "curves.png", rows, np.zeros(12), "diverged", chance=0.693)
    assert_sensible(rendered(tmp_path / "curves.png"), 2)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("first.png", "second.png"):
        curves(tmp_path / name, history(4), rates(4), "title", chance=0.693)
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "second.png").read_bytes()


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"curves\.png cannot be written"):
        curves(tmp_path / "absent" / "curves.png", history(1), rates(1), "title", chance=0.693)


def test_overlay_is_hottest_where_the_heat_is() -> None:
    image, heat = np.full((64, 48), 100, np.uint8), np.zeros((8, 8))
    heat[2, 5] = 0.25
    colours = overlay(image, heat)
    change = np.abs(colours.astype(int) - 100).sum(axis=2)
    row, column = np.unravel_index(change.argmax(), change.shape)
    assert colours.shape == (64, 48, 3)
    assert colours.dtype == np.uint8
    assert (row // 8, column // 6) == (2, 5)
    assert (colours[40:, :20] == 100).all()


@pytest.mark.parametrize("heat", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.array([[np.inf, 0]])])
def test_overlay_of_an_empty_or_broken_map_is_the_grey_radiograph(heat: np.ndarray) -> None:
    image = radiograph()
    assert (overlay(image, heat) == image[..., None]).all()


@settings(max_examples=30, deadline=None)
@given(scale=st.floats(1e-6, 1e6), seed=st.integers(0, 99))
def test_overlay_depends_on_the_map_relative_to_its_own_maximum(scale: float, seed: int) -> None:
    heat = np.random.default_rng(seed).random((5, 5))
    difference = overlay(radiograph(seed), heat).astype(int) - overlay(radiograph(seed), scale * heat)
    assert np.abs(difference).max() <= 2  # a rounding step of the palette


def test_overlay_keeps_some_radiograph_under_the_hottest_point() -> None:
    heat = np.ones((2, 2))
    dark, bright = overlay(np.zeros((8, 8), np.uint8), heat), overlay(np.full((8, 8), 255, np.uint8), heat)
    assert (bright.astype(int) - dark > 40).all()


@pytest.mark.parametrize("classes", [1, 6])
def test_gradcam_sheet_has_a_row_for_each_class(tmp_path: Path, classes: int) -> None:
    panels = [panel(f"class {k}", kind, lesion=disc(10, 10, 3)) for k in range(classes) for kind in KINDS]
    gradcam_sheet(tmp_path / "gradcam.png", panels, "caption")
    assert_sensible(rendered(tmp_path / "gradcam.png"), classes)


def test_gradcam_sheet_outlines_lettering_and_frame_and_explains_the_line(tmp_path: Path) -> None:
    bare, marked = tmp_path / "bare.png", tmp_path / "marked.png"
    gradcam_sheet(bare, [panel()], "caption")
    gradcam_sheet(marked, [panel(marks=disc(5, 5, 4))], "caption")
    assert pixels_of(rendered(bare), GREEN) == 0
    found = [pixels_of(part, GREEN) for part in (rendered(marked)[:-70], rendered(marked)[-70:])]
    assert min(found) > 20  # the outline, and the legend below


def test_gradcam_sheet_draws_no_radiograph_where_none_is_wrong(tmp_path: Path) -> None:
    whole, lacking = tmp_path / "whole.png", tmp_path / "lacking.png"
    black = np.zeros((SIZE, SIZE), np.uint8)
    gradcam_sheet(whole, [panel(kind=kind, image=black) for kind in KINDS], "caption")
    gradcam_sheet(lacking, [panel(kind=kind, image=black) for kind in KINDS[:2]], "caption")
    right = [rendered(path)[:, -300:] for path in (whole, lacking)]
    assert rendered(whole).shape == rendered(lacking).shape
    assert (right[0] == 0).all(axis=2).sum() > 10_000
    assert (right[1] == 0).all(axis=2).sum() == 0


def test_gradcam_sheet_of_nothing_is_still_a_sheet(tmp_path: Path) -> None:
    gradcam_sheet(tmp_path / "gradcam.png", [], "no test image")
    assert rendered(tmp_path / "gradcam.png").shape[1] > 600


def test_empty_maps_and_unknown_regions_are_drawn(tmp_path: Path) -> None:
    gradcam_sheet(tmp_path / "gradcam.png", [panel(heat=np.zeros((4, 4)), lungs=None)], "caption")
    assert_sensible(rendered(tmp_path / "gradcam.png"), 1)


def test_names_with_dollars_or_letters_that_the_font_lacks_are_drawn(tmp_path: Path) -> None:
    odd = panel("$\\alpha$ 患者", decided="$x", sample_id="a" * 90)
    gradcam_sheet(tmp_path / "gradcam.png", [odd], "100 $ and 患者")
    assert_sensible(rendered(tmp_path / "gradcam.png"), 1)


@given(text=st.text("abc -_/.", max_size=200), width=st.floats(0.5, 5))
def test_wrapping_loses_no_letter(text: str, width: float) -> None:
    lines = wrapped(text, width, 8)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(map(len, lines), default=0) <= max(4, width * 72 / (8 * 0.58))


def test_letters_that_the_font_lacks_become_their_codes() -> None:
    assert wrapped("患é", 5, 8) == ["\\u60a3é"]


def test_thumbnails_come_by_class_and_kind_and_survive_json() -> None:
    panels = [panel("b", "surest wrong"), panel("a", "least sure"), panel("b", "surest right")]
    found = json.loads(json.dumps(thumbnails(panels)))
    assert [(one["class"], one["kind"]) for one in found] == [
        ("b", "surest right"),
        ("b", "surest wrong"),
        ("a", "least sure"),
    ]
    assert found[0]["id"] == "b-7"
    assert found[0]["decided"] == "b"
    assert found[0]["probability"] == 0.9876
    assert found[0]["empty"] is False


@pytest.mark.parametrize("shape", [(64, 64), (64, 40), (10, 10), (5, 200)])
def test_thumbnails_have_an_even_height_and_a_colour_for_every_pixel(shape: tuple[int, int]) -> None:
    (one,) = thumbnails([panel(image=radiograph(0, shape))], width=20)
    assert one["width"] == 20
    assert one["height"] % 2 == 0
    assert one["height"] >= 2
    assert abs(one["height"] - 20 * shape[0] / shape[1]) <= 2
    assert len(bytes.fromhex(one["pixels"])) == one["width"] * one["height"] * 3


def test_a_thumbnail_is_hottest_where_the_heat_is() -> None:
    (one,) = thumbnails([panel(image=np.zeros((64, 64), np.uint8))], width=16)
    pixels = np.frombuffer(bytes.fromhex(one["pixels"]), np.uint8).reshape(one["height"], one["width"], 3)
    row, column = np.unravel_index(pixels.astype(int).sum(axis=2).argmax(), pixels.shape[:2])
    assert (row // 4, column // 4) == (1, 2)  # the hot cell of the 4 × 4 map


def test_a_thumbnail_of_an_empty_map_is_grey_and_says_so() -> None:
    (one,) = thumbnails([panel(heat=np.zeros((4, 4)))])
    pixels = np.frombuffer(bytes.fromhex(one["pixels"]), np.uint8).reshape(-1, 3)
    assert one["empty"] is True
    assert (pixels == pixels[:, :1]).all()


def test_mean_heat_has_a_panel_per_class_on_one_scale_and_outlines_the_lungs_of_half_the_images(tmp_path):
    even, corner = np.ones((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    corner[:8, :8] = 16.0
    lungs = 0.6 * disc(16, 16, 12)
    path = tmp_path / "mean-heat.png"
    mean_heat_sheet(path, [MeanHeat("Normal", even, lungs, 9, 0), MeanHeat("COVID", corner, None, 8, 1)], "caption")
    picture = rendered(path)
    assert 500 < picture.shape[1] < 2000
    assert pixels_of(picture, SKY) > 100
    hottest = "#{:02x}{:02x}{:02x}".format(*PALETTE[-1])
    assert pixels_of(picture, hottest) > 1000  # the corner, and the end of the scale


def test_mean_heat_outlines_the_marks_of_half_the_images(tmp_path: Path) -> None:
    even = np.ones((SIZE, SIZE))
    for share in (0.4, 0.6):
        heat = MeanHeat("COVID", even, None, 9, 0, marks=share * disc(16, 16, 12))
        mean_heat_sheet(tmp_path / f"{share}.png", [heat], "caption")
    assert pixels_of(rendered(tmp_path / "0.4.png"), GREEN) == 0
    assert pixels_of(rendered(tmp_path / "0.6.png"), GREEN) > 100


def test_a_radiograph_keeps_its_proportions(tmp_path: Path) -> None:
    path = tmp_path / "view.png"
    black = replace(
        view(), raw=np.zeros((80, 40), np.uint8), **dict.fromkeys(("equalised", "masked", "augmented"), radiograph())
    )
    network_view_sheet(path, [black])
    rows, columns = np.nonzero((rendered(path) == 0).all(axis=2)[:, :330])
    assert abs(np.ptp(rows) - 2 * np.ptp(columns)) <= 4


def test_sheets_of_maps_say_whose_class_each_map_is_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    monkeypatch.setattr(Sheet, "write", lambda self, left, top, lines, **how: written.extend(lines))
    wrong = panel("COVID", "surest wrong", decided="Normal", probability=0.75)
    gradcam_sheet(tmp_path / "gradcam.png", [panel(), wrong], "caption")
    words = " ".join(written)
    assert "COVID → COVID, p = 0.988; map of COVID" in words
    assert "COVID → Normal, p = 0.750; map of Normal" in words
    written.clear()
    mean_heat_sheet(tmp_path / "mean-heat.png", [MeanHeat("COVID", np.ones((SIZE, SIZE)), None, 9, 0)], "caption")
    assert "maps of the true class, n = 9" in " ".join(written)

"""The page of `bench demo` in a real Chromium: uploads, hostile ones, two users at once, no other host."""

import importlib.util
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import zlib
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest

from benchmark.records.prediction import NOT_FOR_DIAGNOSIS, UNLIKE
from tests import xrays
from tests.commands import once_run
from tests.demo.test_command import heeding

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
LACKING = [name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None]
LACKING += [] if CHROMIUM else ["chromium"]
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}"),
]
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The page's address, the bench, and the folder where temporary files of the page go."""
    bench = once_run(tmp_path_factory)
    (run,) = bench.results.glob("tiny/none-*")
    temporary = tmp_path_factory.mktemp("temporary")
    environment = bench.environment(TMPDIR=str(temporary), PYTHONUNBUFFERED="1")
    command = bench.command("demo", "--run", run, "--port", "0")
    log = (bench.root / "demo.log").open("w")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment, preexec_fn=heeding
    ) as process:
        line = next((line for line in process.stdout if line.startswith("Open ")), "")
        assert line, (bench.root / "demo.log").read_text()
        yield line.split()[1], bench, temporary
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    log.close()
    assert not list(temporary.glob("bench-demo-*"))


@pytest.fixture(scope="module")
def browser(demo):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture
def page(demo, browser):
    """A user's page; that it asked no other host for anything is seen when the test is over."""
    made = opened(browser, demo[0])
    yield made
    assert {urlsplit(url).hostname for url in made.asked if not url.startswith(("data:", "blob:"))} == {"127.0.0.1"}
    made.context.close()


def opened(browser, address):
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.asked = []
    page.on("request", lambda request: page.asked.append(request.url))
    page.set_default_timeout(PATIENCE_MS)
    page.goto(address)
    page.get_by_text("What do these models see?").wait_for()
    return page


def upload(page, path):
    page.locator("input[type=file]").first.set_input_files(str(path))


def uploads(demo):
    """Films that lie in the page's folder."""
    kept = [path for path in demo[2].rglob("*") if path.is_file() and "examples" not in path.parts]
    return [path for path in kept if path.suffix in (".png", ".dcm")]


def test_a_film_is_answered_with_a_picture_and_nothing_of_it_stays(demo, page, tmp_path):
    upload(page, xrays.write(tmp_path / "film.png", xrays.radiograph(shape=(64, 64))))
    page.locator("#said img").wait_for()
    said = page.locator("#said").inner_text()
    assert "Probabilities: rest " in said and NOT_FOR_DIAGNOSIS in said and UNLIKE in said
    assert page.locator("#said img").evaluate("image => image.naturalWidth") > 600
    assert uploads(demo) == []
    if "BENCH_SCREENSHOTS" in os.environ:
        for width in (390, 1440):
            page.set_viewport_size({"width": width, "height": 1000})
            page.screenshot(path=Path(os.environ["BENCH_SCREENSHOTS"], f"demo-{width}.png"), full_page=True)


def test_an_example_that_is_drawn_is_answered(page):
    page.get_by_role("button", name="COVID", exact=True).click()
    page.locator("#said img").wait_for()
    assert page.locator("#said h3").count() == 1


def large(path):
    header = struct.pack(">IIBBBBB", 20_000, 10_000, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(100))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


def bomb(path):
    """A deflated DICOM that inflates to a gigabyte."""
    inflating = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = b"".join(inflating.compress(bytes(1 << 20)) for _ in range(1 << 10)) + inflating.flush()
    syntax = b"1.2.840.10008.1.2.1.99"
    element = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    meta = struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(element)) + element
    path.write_bytes(bytes(128) + b"DICM" + meta + body)


def text(path):
    path.write_text("<script>alert(1)</script>")


@pytest.mark.parametrize(
    ("name", "write", "said"),
    [
        ("text.png", text, "neither PNG nor JPEG"),
        ("large.png", large, "its header claims 20000×10000 pixels"),
        ("bomb.dcm", bomb, "inflates to more than"),
        ("..%2F..%2Fetc <b onclick=x>'\".png", text, "cannot be used"),
    ],
)
def test_hostile_uploads_are_a_line_and_leave_nothing(demo, page, tmp_path, name, write, said):
    before = {path for path in demo[1].root.rglob("*") if demo[1].cache not in path.parents}
    path = tmp_path / name.replace("/", "_")
    write(path)
    upload(page, path)
    line = page.locator("#said .bench-warning")
    line.wait_for()
    assert said in line.inner_text() and page.locator("#said b, #said script").count() == 0
    assert uploads(demo) == []
    assert {path for path in demo[1].root.rglob("*") if demo[1].cache not in path.parents} == before


def test_an_upload_that_is_too_large_is_refused(demo, page, tmp_path):
    path = tmp_path / "heavy.png"
    path.write_bytes(bytes(70_000_000))
    upload(page, path)
    page.get_by_text(re.compile("exceed|too large", re.IGNORECASE)).first.wait_for()
    assert page.locator("#said img").count() == 0 and uploads(demo) == []


def test_two_users_at_once_each_get_their_own(demo, page, browser, tmp_path):
    other = opened(browser, demo[0])
    assert cv2.imwrite(str(tmp_path / "film.png"), np.asarray(xrays.radiograph(shape=(64, 64))))
    text(tmp_path / "none.png")
    upload(page, tmp_path / "film.png")
    upload(other, tmp_path / "none.png")
    other.locator("#said .bench-warning").wait_for()
    page.locator("#said img").wait_for()
    assert other.locator("#said img").count() == 0
    other.context.close()
    assert tempfile.gettempdir() != str(demo[2]) and uploads(demo) == []

"""A page on which somebody drops a film and sees what finished runs say of it."""

import os
import shutil
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when it is imported
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import cv2
import gradio
import msgspec
from starlette.middleware import Middleware

from benchmark.data.samples import open_dataset
from benchmark.demo.answers import answered, check_votes
from benchmark.execution.predicting import Pipeline
from benchmark.records.prediction import NOT_FOR_DIAGNOSIS
from benchmark.tasks.schema import Task
from benchmark.tasks.spec import DatasetChoice
from registry.readers.kinds import SUFFIXES

LARGEST = "64mb"  # of an upload
EXAMPLES, SIDE = 24, 256  # films that are drawn, of which the first of each label is shown; pixels
STYLE = """
.bench-warning { color: #b3400a; font-weight: 600 } .dark .bench-warning { color: #ffa36b }
.bench-note { opacity: .8; font-size: .85em }
.bench-decided { font-weight: 700; font-size: 1.15em } .bench-answer { overflow-wrap: anywhere }
.bench-answer img { width: 100%; max-width: 1000px; height: auto }
"""
# Nothing is asked of another host: Gradio's page would fetch a script and a font.
POLICY = (
    b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    b"style-src 'self' 'unsafe-inline'; connect-src 'self' ws: data: blob:"
)

Message = MutableMapping[str, Any]


class Alone:
    """Tells browsers to ask no other host for anything."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Any, send: Callable[[Message], Awaitable[None]]) -> None:
        """Serve, with the policy in the header of every answer."""

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"content-security-policy", POLICY)]
            await send(message)

        await self.app(scope, receive, told)


def serve(pipelines: Sequence[Pipeline], host: str, port: int, say: Callable[[str], None]) -> None:
    """Show the page until this process is interrupted.

    Args:
        port: 0 for any that is free.
        say: is told the address.

    Raises:
        ConfigError: the runs do not answer the same question.
        OSError: the port is taken.
    """
    check_votes(pipelines)
    with _folder() as folder:
        page = _page(pipelines, _examples(folder / "examples"), folder)
        _, address, _ = page.launch(
            server_name=host,
            server_port=port or None,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            max_file_size=LARGEST,
            footer_links=[],
            ssr_mode=False,
            enable_monitoring=False,
            css=STYLE,
            app_kwargs={"middleware": [Middleware(Alone)]},
        )
        say(f"Open {address} in a browser; Ctrl-C ends it")
        try:
            threading.Event().wait()
        finally:
            page.close(verbose=False)


@contextmanager
def _folder() -> Iterator[Path]:
    """A temporary folder for uploads, which goes when the page does."""
    folder = tempfile.mkdtemp(prefix="bench-demo-")
    os.environ["GRADIO_TEMP_DIR"] = folder
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _examples(folder: Path) -> dict[str, str]:
    """Label -> file of a synthetic film of it."""
    folder.mkdir()
    by_default = {field.name: field.default for field in msgspec.structs.fields(Task)}["dataset"]
    choice = DatasetChoice(by_default, None, {"count": EXAMPLES, "size": SIDE}, None, False)
    _, samples, _ = open_dataset(choice, 0)
    found: dict[str, str] = {}
    for sample in samples:
        if sample.label not in found:
            path = folder / f"{len(found)}.png"
            cv2.imwrite(str(path), sample.read_image())
            found[sample.label] = str(path)
    return found


def _page(pipelines: Sequence[Pipeline], examples: dict[str, str], scratch: Path) -> gradio.Blocks:
    def uploaded(path: str | None) -> str:
        if path is None:
            return ""
        try:
            return answered(pipelines, Path(path).name, str(path), scratch)  # a plain text, not a subclass of Gradio's
        finally:  # nobody's film stays
            shutil.rmtree(Path(path).parent, ignore_errors=True)

    with gradio.Blocks(title="bench demo", analytics_enabled=False, delete_cache=(60, 600)) as page:
        gradio.Markdown(f"# What do these models see?\n\n**{NOT_FOR_DIAGNOSIS}**")
        with gradio.Row():
            film = gradio.File(label="Drop a film", file_types=sorted(SUFFIXES), type="filepath", height=140)
            with gradio.Column():
                gradio.Markdown("Or a film that is drawn by code:")
                buttons = {label: gradio.Button(label, size="sm") for label in examples}
        said = gradio.HTML(elem_id="said")
        film.upload(uploaded, film, said, api_visibility="private")
        for label, button in buttons.items():
            button.click(
                lambda label=label: answered(pipelines, f"{label} (drawn)", examples[label], scratch),
                None,
                said,
                api_visibility="private",
            )
    return page

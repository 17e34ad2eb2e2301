"""Descriptions of components: asked once, kept under the source's digest, broken ones told apart."""

import msgspec
import pytest

from benchmark.execution.descriptions import describing
from benchmark.execution.process import Outcome
from benchmark.execution.protocol import Describe
from benchmark.planning import components as descriptions
from benchmark.planning.components import Descriptions
from benchmark.planning.description import Description
from benchmark.planning.graph import Traits
from benchmark.storage.code import CodeIndex
from registry.errors import PluginError
from registry.options import Option
from tests.specs import index

HEADS = [("head", "dense"), ("head", "sepconv")]


class FakeWorker:
    """Answers as a worker would; components in `deadly` end it."""

    def __init__(self, deadly=()):
        self.deadly = set(deadly)
        self.asked = []

    def serve(self, request, watch=None, timeout_s=None):
        assert isinstance(request, Describe)
        self.asked.append(request.components)
        assert timeout_s == 60
        if self.deadly & set(self.asked[-1]):
            return Outcome(cause="killed", message="the worker ended by SIGSEGV")
        described = [Description(kind, name, f"about {name}") for kind, name in self.asked[-1]]
        return Outcome(msgspec.Raw(msgspec.json.encode(described)))


def descriptions_in(folder, worker=None):
    return Descriptions(folder, describing(worker or FakeWorker()), index())


def test_components_are_described_one_by_one_and_only_once(tmp_path):
    worker = FakeWorker()
    described = descriptions_in(tmp_path, worker)
    described.fetch([*HEADS, *HEADS])
    described.fetch(HEADS)
    assert described.get("head", "dense").summary == "about dense"
    assert worker.asked == [[one] for one in HEADS]


def test_what_was_described_is_remembered_by_the_next_command(tmp_path):
    descriptions_in(tmp_path).fetch(HEADS)
    worker = FakeWorker()
    assert descriptions_in(tmp_path, worker).get("head", "sepconv").summary == "about sepconv"
    assert worker.asked == []


@pytest.mark.parametrize("module", ["registry.heads.dense", "benchmark.execution.describe"])
def test_an_edited_component_and_an_edited_question_are_asked_anew(tmp_path, monkeypatch, module):
    descriptions_in(tmp_path).fetch(HEADS)

    read = CodeIndex.byte_digest

    def edited(self, name, packages=()):
        return read(self, name, packages) + "edited" * (name == module)

    monkeypatch.setattr(CodeIndex, "byte_digest", edited)
    worker = FakeWorker()
    descriptions_in(tmp_path, worker).fetch(HEADS)
    assert worker.asked == [[("head", "dense")]] if module == "registry.heads.dense" else [[one] for one in HEADS]


def test_a_half_written_answer_is_asked_for_again(tmp_path):
    descriptions_in(tmp_path).fetch(HEADS)
    for path in tmp_path.iterdir():
        path.write_text(path.read_text()[:-5])
    worker = FakeWorker()
    descriptions_in(tmp_path, worker).fetch(HEADS)
    assert worker.asked == [[one] for one in HEADS]


def test_a_component_that_ends_the_worker_is_the_only_one_that_is_broken(tmp_path):
    worker = FakeWorker(deadly=[("head", "dense")])
    described = descriptions_in(tmp_path, worker)
    described.fetch(HEADS)
    assert described.get("head", "sepconv").summary == "about sepconv"
    with pytest.raises(PluginError, match="head 'dense' cannot be described: the worker ended by SIGSEGV"):
        described.get("head", "dense")
    assert len(list(tmp_path.iterdir())) == 1  # what is broken is not remembered


def test_a_component_whose_data_files_cannot_be_read_off_is_broken_without_being_asked(tmp_path, monkeypatch):
    def refuse(kind, name, index):
        raise PluginError("x.py:3: cxr_bench_sources is read without running the file")

    monkeypatch.setattr(descriptions, "component_text", refuse)
    worker = FakeWorker()
    with pytest.raises(PluginError, match=r"x\.py:3"):
        descriptions_in(tmp_path, worker).get("head", "dense")
    assert worker.asked == []


def test_options_defaults_and_traits_are_read_from_the_description(tmp_path):
    described = descriptions_in(tmp_path)
    filters = Option("filters", 8, ("int",))
    traits = {"trains": True, "whole_frame": False, "reads_dataset_masks": False}
    described.known["segmenter", "unet"] = Description("segmenter", "unet", options=(filters,), traits=traits)
    assert described.defaults("segmenter", "unet") == {"filters": 8}
    assert described.options("segmenter", "unet") == (filters,)
    assert described.traits("segmenter", "unet") == Traits(trains=True)

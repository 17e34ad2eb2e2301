import hashlib

import pytest

from benchmark.storage import imports
from benchmark.storage.imports import Sources

FUNCTION = """\
def model(shape, *, filters: Annotated[int, "of the first layer"] = 16, pairs: int = 4):
    return shape * 2
"""


def content(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path, package="package", sources=None):
    return (sources or Sources()).read(str(path), package, content(path))


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "one.py"
    path.write_text("import a.b\nfrom . import c\ncxr_bench_sources = ['data.txt']\ncxr_bench_libraries = ['theirs']\n")
    return path


@pytest.fixture
def code(tmp_path):
    """Digest of what a text does."""

    def digest(text):
        path = tmp_path / "code.py"
        path.write_bytes(text.encode())
        return read(path).code

    return digest


def test_what_a_file_says_is_remembered_from_one_command_to_the_next(source, tmp_path):
    first = Sources(tmp_path / "imports.json")
    digest = content(source)
    facts = first.read(str(source), "package", digest)
    first.keep()
    source.unlink()  # it is not read again
    assert Sources(tmp_path / "imports.json").read(str(source), "package", digest) == facts
    assert (set(facts.modules), facts.files) == ({"a.b", "package", "package.c"}, ("data.txt",))
    assert facts.libraries == ("theirs",)


def test_other_bytes_and_another_package_are_read_anew(source):
    sources = Sources()
    read(source, sources=sources)
    assert set(read(source, "other", sources).modules) == {"a.b", "other", "other.c"}
    source.write_text("import d\n")
    assert read(source, sources=sources)[:2] == (("d",), ())


def test_a_file_that_is_edited_before_it_is_read_is_remembered_as_what_was_read(source):
    sources, before = Sources(), content(source)
    first = read(source).code
    written = source.read_bytes()
    source.write_text("import d\n")
    assert sources.read(str(source), "package", before).modules == ("d",)
    source.write_bytes(written)
    assert sources.read(str(source), "package", before).code == first


@pytest.mark.parametrize(
    "damage", ["", "[]", '{"form": 0, "files": {}}', '{"form": 2, "files": {"a": 3}}', '{"form": 2}', "\x00"]
)
def test_a_damaged_memory_is_as_good_as_none(source, tmp_path, damage):
    (tmp_path / "imports.json").write_text(damage)
    sources = Sources(tmp_path / "imports.json")
    assert sources.known == {}
    assert read(source, sources=sources).files == ("data.txt",)


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(source, tmp_path):
    (tmp_path / "file").touch()
    sources = Sources(tmp_path / "file" / "imports.json")
    read(source, sources=sources)
    sources.keep()
    assert sources.known


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1\n", "# a comment\nx = 1  # another\n"),
        ("x = 'a'\n", '\n\nx = (\n    "a"\n)\n'),
        ("x = 1\n", '"""A docstring."""\n\nx = 1\n'),
        ('"""A docstring."""\nfrom __future__ import annotations\n', "from __future__ import annotations\n"),
        ("def f():\n    return 1\n", 'def f():\n    """Gives one."""\n    return 1\n'),
        ("async def f():\n    'It'\n    return 1\n", "async def f():\n    'Gives' ' one'\n    return 1\n"),
        ('class C:\n    """Is."""\n    x = 1\n', 'class C:\n    """Was."""\n    x = 1\n'),
        ('def f():\n    """One."""\n', 'def f():\n    """Another."""\n'),
        ('def f():\n    """Reads __doc__ and __file__, they say."""\n', 'def f():\n    """No."""  # getsource\n'),
        ("x = '\\d'\n", "x = '\\d'  # an escape that Python warns of\n"),
        ("x: int = 1\n", "x: int = 1  # type: ignore\n"),
        ("x = 0" + " + 1" * 1500, "x = 0" + " + 1" * 1500 + "  # deeper than ast.dump goes\n"),
    ],
)
def test_words_are_free(code, one, other):
    assert code(one) == code(other)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pairs: int = 4", "pairs: int = 5"),
        ("pairs: int = 4", "pairs: int = 4.0"),
        ("pairs: int = 4", "pairs: int = True"),
        ('filters: Annotated[int, "of the first layer"] = 16, pairs: int = 4', "filters, pairs=16"),
        ("pairs: int", "pairs: float"),
        ("pairs: int", "pair: int"),
        ("of the first layer", "of each layer"),
        ("shape * 2", "shape * 3"),
        ("shape * 2", "shape + 2"),
        ("return shape * 2", "shape * 2"),
        ("return", '"""A docstring."""\n    "and a statement"\n    return'),
        ("def model", "@cache\ndef model"),
        ("def model", "async def model"),
        ("shape * 2", 'f"{shape}"'),
        ("shape * 2", 'f"{shape!r}"'),
    ],
)
def test_what_a_file_does_is_not(code, old, new):
    assert old in FUNCTION
    assert code(FUNCTION.replace(old, new)) != code(FUNCTION)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("'a'\n'b'\n", "'b'\n"),
        ("def f():\n    'a'\n", "def f():\n    return 'a'\n"),
        ("def f():\n    b'a'\n    return b'a'\n", "def f():\n    return b'a'\n"),
        ("def f(*, a=1, b): ...\n", "def f(*, a, b=1): ...\n"),
        ("x = 'a', 'b'\n", "x = \"a', 'b\"\n"),
        ("x = 'c' + 'a\\nAdd\\nConstant\\nNone\\nb'\n", "x = 'b\\nAdd\\nConstant\\nNone\\nc' + 'a'\n"),
        ("x = [a, [b]]\n", "x = [[a, b]]\n"),
        ("if x:\n    pass\n", "while x:\n    pass\n"),
        ("x = 1\n", "x = '1'\n"),
        ("x = None\n", "x = 'None'\n"),
        ("x = -0.0\n", "x = 0.0\n"),
        ("if x:\n    'a'\n    y\n", "if x:\n    y\n"),  # no docstring; it would be free too
    ],
)
def test_other_trees_have_other_digests(code, one, other):
    assert code(one) != code(other)


@pytest.mark.parametrize(
    "text",
    [
        "summary = __doc__\n",
        "summary = model.__doc__\n",
        "summary = getattr(model, '__doc__')\n",
        "summary = operator.attrgetter('model.__doc__')\n",
        "here = Path(__file__)\n",
        "from inspect import getdoc as read\n",
        "text = inspect.getsource(model)\n",
        "lines = inspect.getsourcelines(model)\n",
        "def f(:\n",
        "x = 0x" + "f" * 6000 + "\n",
        "x = " + "-" * 20_000 + "1\n",
        "x = 1\0\n",
    ],
    ids=lambda text: text[:30].strip("\0\n"),
)
def test_a_file_that_may_read_its_words_or_has_no_tree_counts_by_its_bytes(code, text):
    assert code(text) == hashlib.sha256(text.encode()).hexdigest()
    assert code(text + "# a comment\n") != code(text)


def test_the_digest_does_not_depend_on_how_deep_the_caller_is(code):
    def deep(levels):
        return deep(levels - 1) if levels else code("x = 0" + " + 1" * 700)

    assert deep(600) == deep(0)


def test_another_python_has_other_trees_and_another_memory(source, tmp_path, monkeypatch):
    first = Sources(tmp_path / "imports.json")
    facts = read(source, sources=first)
    first.keep()
    monkeypatch.setattr(imports, "PYTHON", "3.99")
    later = read(source, sources=Sources(tmp_path / "imports.json"))
    assert later.code != facts.code
    assert later[:2] == facts[:2]


@pytest.mark.parametrize("content", ["[" * 100_000, '{"form": 2, "files": []}', "9" * 5000, "\x00"])
def test_a_memory_that_somebody_has_damaged_is_as_good_as_none(tmp_path, content):
    (tmp_path / "imports.json").write_text(content)
    assert Sources(tmp_path / "imports.json").known == {}

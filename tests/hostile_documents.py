"""Documents and arrays that somebody has changed to do harm, sealed again: the seal is no signature.  Seeded."""

import copy
import hashlib
import io
import json
import random
import zipfile
from typing import Any

import msgspec
import numpy as np

PLANTED = "planted-by-a-document"  # what code in a document would leave, and what no markup may hold by itself
MARKUP = f"<script>{PLANTED}</script><img src=x onerror={PLANTED}>\"'&</title></style></td>]]>"
TEXTS = (
    MARKUP,
    "\x1b[31mred\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\x00\x7f",
    "\u202egnp.exe\u2066\u200f\u2028\u2029\x85",
    "../../../../../../tmp/" + PLANTED,
    "/etc/passwd",
    "x/../../y",
    "\x00/a",
    f'=HYPERLINK("http://x","{PLANTED}")',
    "+1+1", "-1+1", "@SUM(1)", "\t=1",
    f"\\input{{/etc/passwd}}\\write18{{touch {PLANTED}}}$x_1^2$ % # & ~",
    f"[x](javascript:{PLANTED}) ![y](http://z/{PLANTED}.png) **b** `c` | _e_",
    f"{{{{ {PLANTED} }}}}{{% for x in y %}}{{0.__class__}}%s%n",
    f"[bold red]{PLANTED}[/] [link=http://x]y[/link] [/nothing]",
    "first\nsecond\n\nthird",
    "", " ", "nan", "a" * 50_000, "+" * 3000, "[" * 3000, "é中\U0001f600\ufffe\u0301" * 20, "__import__('os')",
    "majority", "controls", "balanced-accuracy", "COVID", "none+sepcnn+dense",
)  # fmt: skip
NUMBERS = (
    0, -1, 1, 2, -0.0, 0.5, 1e308, -1e308, 5e-324, 1e-300, 1e17, 2**31, 2**53, 2**63 - 1, -(2**63), 2**64 - 1,
    3.141592653589793, 10**9,
)  # fmt: skip
RAW = {
    "million digits": "1" * 1_000_000,
    "million digits after the point": "0." + "1" * 1_000_000,
    "infinity by its exponent": "1e999",
    "minus infinity": "-1e999",
    "NaN": "NaN",
    "Infinity": "Infinity",
    "deep lists": "[" * 20_000 + "]" * 20_000,
    "deep objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "half a pair": '"\\ud800"',
    "cut": '"',
    "huge integer": "1" + "0" * 400,
}
MOST = 20_000  # of a list that was made long


def mutated(document: dict[str, Any], seed: int) -> bytes:
    """The document with one to four changes, sealed again where it is JSON still."""
    chance = random.Random(seed)
    changed, raw = copy.deepcopy(document), dict[str, str]()
    for _ in range(chance.choice((1, 1, 2, 4))):
        _change(changed, chance, raw)
    return sealed_again(changed, raw, chance)


def sealed_again(document: dict[str, Any], raw: dict[str, str] | None = None, chance: Any = None) -> bytes:
    """The bytes of a document, under a seal that fits."""
    bare = {name: value for name, value in document.items() if name != "seal"}
    text = json.dumps(bare, ensure_ascii=bool(chance and chance.random() < 0.3), separators=(",", ":"))
    for mark, value in (raw or {}).items():
        text = text.replace(f'"{mark}"', value)
    content = text.encode("utf-8", "surrogatepass")
    try:
        content = msgspec.json.format(content, indent=-1)
    except (msgspec.DecodeError, RecursionError):
        return content
    mark = b'"seal":"' + hashlib.sha256(content).hexdigest().encode() + b'"}'
    return content[:-1] + (b"," if len(content) > 2 else b"") + mark


def _change(document: Any, chance: random.Random, raw: dict[str, str]) -> None:
    """Change something anywhere in it: every place is as likely as its table, not as its share of all places."""
    holder: Any = document
    for _ in range(chance.randrange(1, 7)):
        inner = [one for one in (holder.values() if isinstance(holder, dict) else holder) if one]
        inner = [one for one in inner if isinstance(one, (dict, list))]
        if not inner:
            break
        if holder is not document and chance.random() < 0.3:
            break
        holder = chance.choice(inner)
    if isinstance(holder, dict):
        _change_table(holder, chance, raw)
    elif holder:
        _change_list(holder, chance, raw)


def _change_table(table: dict[str, Any], chance: random.Random, raw: dict[str, str]) -> None:
    names = [name for name in table if name != "seal"] or ["x"]
    name, how = chance.choice(names), chance.random()
    if how < 0.08:
        table.pop(name, None)
    elif how < 0.22:
        table[chance.choice(TEXTS)] = table.pop(name, 0)
    elif how < 0.26:
        table |= {f"{name}{place}": table.get(name) for place in range(2000)}
    elif how < 0.31:
        table |= {text: table.get(name) for text in TEXTS}
    else:
        table[name] = _worse(table.get(name), chance, raw)


def _change_list(values: list[Any], chance: random.Random, raw: dict[str, str]) -> None:
    place, how = chance.randrange(len(values)), chance.random()
    if how < 0.15:
        values.pop(place)
    elif how < 0.25:
        values *= 2
    elif how < 0.35:
        values *= max(1, MOST // len(values))
    else:
        values[place] = _worse(values[place], chance, raw)


def _worse(value: Any, chance: random.Random, raw: dict[str, str]) -> Any:
    """Another value: most often of the same type, which passes where others are refused."""
    if chance.random() < 0.65:
        if isinstance(value, str):
            return chance.choice((*TEXTS, value + chance.choice(TEXTS), chance.choice(TEXTS) + value))
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            return chance.choice([number for number in NUMBERS if isinstance(number, int)])
        if isinstance(value, float) or value is None:
            return chance.choice(NUMBERS)
    how = chance.random()
    if how < 0.3:
        kind = chance.choice(list(RAW))
        mark = f"@@{kind}@@"
        raw[mark] = RAW[kind]
        return mark
    if how < 0.5:
        return chance.choice((None, [], {}, True, False, [[]], {"": None}, [None]))
    return chance.choice((*TEXTS, *NUMBERS))


class Bomb:
    """Leaves a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (PLANTED, "w")


def mutated_arrays(content: bytes, seed: int) -> bytes:
    """An NPZ file with one array, or its archive, changed to do harm."""
    chance, out = random.Random(seed), io.BytesIO()
    with np.load(io.BytesIO(content)) as stored:
        arrays: dict[str, Any] = {name: stored[name] for name in stored.files}
    name, how = chance.choice(list(arrays)), seed % 10
    if how < 7:
        arrays[name] = _worse_array(arrays[name], how, chance)
    elif how == 7:
        arrays[chance.choice((f"../../{PLANTED}", "/etc/x"))] = arrays.pop(name)
    elif how == 8:
        return _claiming(arrays, name, chance)
    np.savez_compressed(out, allow_pickle=True, **arrays)
    whole = bytearray(out.getvalue())
    if how == 9:
        for _ in range(8):
            whole[chance.randrange(len(whole))] ^= 1 << chance.randrange(8)
        del whole[chance.choice((len(whole), chance.randrange(len(whole)))) :]
    return bytes(whole)


def _worse_array(one: Any, how: int, chance: random.Random) -> Any:
    """One that holds objects, or is of another length, shape, type or content."""
    one = np.atleast_1d(one)
    if how == 0:
        return np.array([Bomb(), *[None] * (len(one) - 1)], object)
    if how == 1:
        return one[: chance.randrange(len(one))]
    if how == 2:
        return one[..., None] if chance.random() < 0.5 else np.array(one[0])
    if how == 3:
        return np.full(one.shape, chance.choice((np.nan, np.inf, -np.inf, 1e308, -1e308, -1.0, 7e18)))
    if how == 4:
        return np.array([chance.choice(TEXTS[:12]) for _ in one])
    if how == 5:
        return np.zeros(one.shape, chance.choice(("c16", "?", "M8[s]", "V8", "S3", "i1", "u8")))
    return np.repeat(one[:1], len(one), axis=0)


def _claiming(arrays: dict[str, Any], name: str, chance: random.Random) -> bytes:
    """An archive one array of which claims to be immense, or has a header that is none."""
    out, shape = io.BytesIO(), str(arrays[name].shape)[:-1].encode()
    huge = chance.choice((b"(9" + b"9" * 11 + b",", b"(-1,", b"(__import__('os'),"))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for other, values in arrays.items():
            plain = io.BytesIO()
            np.save(plain, values)
            found = plain.getvalue()
            archive.writestr(f"{other}.npy", found.replace(shape, huge) if other == name else found)
    return out.getvalue()

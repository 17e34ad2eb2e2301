"""Label tables that somebody has changed to do harm: Excel archives and texts.  Seeded."""

import csv
import gzip
import io
import random
import zipfile

from openpyxl import Workbook

from tests.hostile_documents import PLANTED, TEXTS
from tests.hostile_models import archive, damaged, parts

SHEET = "xl/worksheets/sheet1.xml"
HOSTILE = (
    *TEXTS,
    "../../../etc/hostname",
    "/etc/hostname",
    "~/x",
    "file:///etc/hostname",
    "film0.png/..",
    "CON",
    "é" * 300,
)
LAUGHS = "".join(
    f'<!ENTITY a{level} "{f"&a{level - 1};" * 10}">' if level else '<!ENTITY a0 "lol">' for level in range(10)
)
EXTERNAL = '<!ENTITY a9 SYSTEM "file:///etc/hostname">'


def rows(names: list[str]) -> list[list[str]]:
    """A header, and a row for each film: its name, its label, its patient, its age."""
    return [
        ["file", "label", "patient", "age"],
        *([name, ("ill", "well")[place % 2], f"p{place // 2}", str(40 + place)] for place, name in enumerate(names)),
    ]


def excel(table: list[list[str]]) -> bytes:
    """That as an Excel archive."""
    book, out = Workbook(), io.BytesIO()
    for row in table:
        book.active.append([cell if "\0" not in cell else "" for cell in row])
    book.save(out)
    return out.getvalue()


def spoilt_rows(table: list[list[str]], chance: random.Random) -> list[list[str]]:
    """The table with cells, rows or columns that are others."""
    changed = [list(row) for row in table]
    for _ in range(chance.choice((1, 2, 5))):
        row, how = chance.choice(changed), chance.randrange(8)
        if how < 4:
            row[chance.randrange(len(row))] = chance.choice(HOSTILE)
        elif how == 4:
            changed *= chance.choice((2, 40)) if len(changed) < 100 else 1
        elif how == 5:
            row += ["x"] * chance.choice((1, 200))
        elif how == 6:
            del row[chance.randrange(len(row)) :]
            row += [""] * (not row)
        else:
            column = chance.randrange(4)
            for each in changed:
                each[column:column] = [chance.choice(HOSTILE)]
    return changed


def text(table: list[list[str]], seed: int) -> bytes:
    """A CSV, or what is called one."""
    chance = random.Random(seed)
    separator, how = chance.choice(",,,;\t|"), seed % 8
    changed = spoilt_rows(table, chance)
    quoted = [[f'"{cell}"' if chance.random() < 0.3 else cell for cell in row] for row in changed]
    whole = "\n".join(separator.join(row) for row in quoted)
    data = whole.encode(chance.choice(("utf-8", "utf-16", "utf-8-sig", "utf-16-le", "utf-32")), "surrogatepass")
    if how == 1:
        return damaged(data, chance)
    if how == 2:
        return b",".join([b"x"] * chance.choice((6000, 400_000))) + b"\n" + data
    if how == 3:
        return data.replace(b"ill", b"il\0l", 3)
    if how == 4:
        return whole.encode("cp1252", "replace") + b"\xff\xfe\x81\n"
    if how == 5:
        return data + b'"' + b"y" * chance.choice((200_000, 3_000_000))
    if how == 6:
        return bytes(chance.choice((0, 1, 5000))) + data[: chance.randrange(len(data))]
    return data


def workbook(table: list[list[str]], seed: int) -> bytes:
    """An Excel archive with one harmful change."""
    chance, how = random.Random(seed), seed % 9
    held = parts(excel(spoilt_rows(table, chance) if how in (0, 1) else table))
    if how == 2:
        return damaged(archive(held), chance)
    if how == 3:
        name = chance.choice(list(held))
        held[name] = damaged(held[name], chance)
    elif how == 4:
        kind = chance.choice((LAUGHS, EXTERNAL))
        sheet = held[SHEET].decode()
        name = chance.choice((SHEET, "xl/workbook.xml", "[Content_Types].xml"))
        sheet = held[name].decode()
        head, mark, rest = sheet.rpartition("?>")
        rest = rest.replace("<v>", "<v>&a9;", 1) if name == SHEET else rest.replace('">', '">&a9;', 1)
        held[name] = f"{head}{mark}<!DOCTYPE x [{kind}]>{rest}".encode()
    elif how == 5:
        formula = chance.choice((f'HYPERLINK("http://x","{PLANTED}")', "[1]Sheet!A1", f"cmd|'/C {PLANTED}'!A0", "1/0"))
        held[SHEET] = held[SHEET].replace(b"<v>", f"<f>{formula.replace('&', '')}</f><v>".encode(), 5)
    elif how == 6:
        held["xl/externalLinks/externalLink1.xml"] = b'<externalLink><externalBook r:id="rId1"/></externalLink>'
        held[f"../../{PLANTED}"] = b"x"
    elif how == 7:
        held[SHEET] = _long(held[SHEET], chance)
        return archive(held, zipfile.ZIP_DEFLATED)
    elif how == 8:
        held.pop(chance.choice(list(held)))
    return archive(held)


def _long(sheet: bytes, chance: random.Random) -> bytes:
    """A sheet of many columns or rows, or of a cell that lies far out."""
    how = chance.randrange(3)
    if how == 0:
        return sheet.replace(b'r="A2"', b'r="ZZZZZZ2"').replace(b'r="B2"', b'r="XFD1048576"')
    if how == 1:
        return sheet.replace(b"</sheetData>", b"<row><c><v>1</v></c></row>" * 20_000 + b"</sheetData>")
    return sheet.replace(b"</row>", b'<c t="n"><v>1</v></c>' * 6000 + b"</row>", 1)


def spoilt_columns(content: bytes, seed: int) -> bytes:
    """A CSV of ours with cells, rows or columns that are others, most often one that is a CSV of ours still."""
    table = list(csv.reader(io.StringIO(content.decode())))
    if seed % 3 == 0:
        return text(table, seed // 3)
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(_changed(table, random.Random(seed)))
    return out.getvalue().encode("utf-8", "surrogatepass")


def predictions(content: bytes, seed: int) -> bytes:
    """A CSV of predictions, or what is called one."""
    chance, how = random.Random(seed), seed % 12
    lines = content.splitlines(keepends=True)
    if how == 0:
        return gzip.compress(damaged(content, chance) if chance.random() < 0.5 else content, mtime=0)
    if how == 1:
        return damaged(gzip.compress(content, mtime=0), chance)
    if how == 2:
        return gzip.compress(content, mtime=0)[: chance.randrange(1, 200)]
    if how == 3:
        wide = b"," + b",".join(b"x%d" % place for place in range(1_000_000 if seed == 3 else 900))
        return b"".join(line.rstrip() + wide + b"\n" for line in lines[: chance.choice((1, 2))])
    if how == 4:
        number = chance.choice(NUMBERS)
        return lines[0] + lines[1].rpartition(b",")[0] + b"," + number.encode() + b"\n" + b"".join(lines[2:])
    return spoilt_columns(content, seed)


NUMBERS = (
    "nan", "inf", "-1", "1e999", "9" * 100_000, "0x1", "1_0", "١", "=1", "1e-400", "", " ",
    "0,5", "True", "1" + "0" * 400,
    "+.5e0", "1j", "1e+0000000000000000000000000001", "-0", "0.5\x1b[31m", "NaN%", "--1",
)  # fmt: skip


def _changed(table: list[list[str]], chance: random.Random) -> list[list[str]]:
    """With one to five changes, more often in a whole column than in a cell."""
    changed = [list(row) for row in table]
    for _ in range(chance.choice((1, 2, 5))):
        column, how, other = chance.randrange(len(table[0])), chance.randrange(6), chance.choice(HOSTILE)
        if how == 0:
            changed[0][column : column + 1] = [other]
        elif how == 1:
            for row in changed[1:]:
                row[column : column + 1] = [other]
        elif how == 2:
            del changed[chance.randrange(1, len(changed)) :]
            changed += [changed[0]] * (len(changed) < 2)
        elif how == 3:
            changed += changed[1:] * chance.choice((1, 20)) if len(changed) < 1000 else []
        elif how == 4:
            del chance.choice(changed)[chance.randrange(len(table[0])) :]
        else:
            chance.choice(changed)[column : column + 1] = [other]
    return changed

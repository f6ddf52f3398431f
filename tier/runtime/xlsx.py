"""What an .xlsx file says about itself, read before the parser makes room for any of it. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

BOOK = "xl/workbook.xml"
LINKS = "xl/_rels/workbook.xml.rels"
ATTRIBUTE = re.compile(r"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
SHEET_TAG = re.compile(r"<(?:\w+:)?sheet\s([^>]*)>")
LINK_TAG = re.compile(r"<(?:\w+:)?Relationship\s([^>]*)>")
# A cell or row with its attributes; one that is not written so; a formula.
TOKEN = re.compile(
    rb"""
    <(?:[^\s<>/!?:]+:)?(?P<tag>c|row)
        (?P<head>(?:\s+[\w:]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*+)\s*/?>
    | (?P<odd><(?:[^\s<>/!?:]+:)?(?:c|row)(?=[\s/>]))
    | (?P<formula><(?:[^\s<>/!?:]+:)?f(?=[\s/>]))
    """,
    re.VERBOSE,
)
PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,9})")
ASIDE = (b"<!--", b"<![CDATA[", b"<!DOCTYPE")
"""What a parser would pass over, and a search would not."""
FORMULA = "holds a formula; paste its value（含公式，请粘贴为数值）"
FAILURE = "holds an error（单元格有错误值）"


def sheets(parts: Mapping[str, bytes]) -> dict[str, str]:
    """Return the part of each sheet, by name.

    Raises:
        ValueError: it could be read in two ways.
    """
    if any(sign in parts[part] for part in (BOOK, LINKS) for sign in ASIDE):
        raise ValueError("hides something")
    targets: dict[str, str] = {}
    for tag in LINK_TAG.finditer(parts[LINKS].decode()):
        link = _attributes(tag[1])
        target = link.get("Target", "")
        part = target[1:] if target.startswith("/") else f"xl/{target}"
        if targets.setdefault(link.get("Id", ""), part) != part:
            raise ValueError("two links have one name")
    found: dict[str, str] = {}
    for tag in SHEET_TAG.finditer(parts[BOOK].decode()):
        sheet = _attributes(tag[1])
        name = sheet.get("name", "")
        if name in found:
            raise ValueError("two sheets have one name")
        found[name] = targets.get(sheet.get("id", ""), "")
    return {name: part for name, part in found.items() if part in parts}


def _attributes(text: str) -> dict[str, str]:
    """Return the attributes of a tag, without their prefixes.

    Raises:
        ValueError: two have one name.
    """
    given = ATTRIBUTE.findall(text)
    attributes = {
        name.rpartition(":")[2]: html.unescape(double or single)
        for name, double, single in given
    }
    if len(attributes) != len(given):
        raise ValueError("two attributes have one name")
    return attributes


@dataclass(slots=True)
class Scan:
    """What a sheet would be as a table, and which of its cells were worked out.

    A row or cell that does not say where it is stands after the one before.
    """

    height: int = 0
    width: int = 0
    odd: bool = False
    computed: dict[str, str] = field(default_factory=dict)
    _row: int = 0
    _column: int = 0
    _cell: str = ""

    def row(self, said: str) -> None:
        """Go to a row."""
        self._row = int(said) if said else self._row + 1
        self._column = 0
        self.height = max(self.height, self._row)

    def cell(self, said: str, kind: str) -> None:
        """Go to a cell."""
        at = PLACE.fullmatch(said)
        self._column = _index(at[1]) if at else self._column + 1
        self.width = max(self.width, self._column)
        self.height = max(self.height, int(at[2]) if at else 0)
        self.odd |= bool(said) and at is None
        self._cell = said or f"{self._row}"
        if kind == "e":
            self.computed[self._cell] = FAILURE

    def formula(self) -> None:
        """Note that the cell has a formula."""
        self.computed.setdefault(self._cell, FORMULA)


def scanned(xml: bytes) -> Scan:
    """Read what rows and cells say about themselves, without making room for any."""
    scan = Scan(odd=any(sign in xml for sign in (b"\0", *ASIDE)))
    for token in TOKEN.finditer(xml):
        if token["odd"] or scan.odd:
            scan.odd = True
            break
        if token["formula"]:
            scan.formula()
            continue
        try:
            head = _attributes(token["head"].decode())
            said = head.get("r", "")
            if token["tag"] == b"row":
                scan.row(said)
            else:
                scan.cell(said, head.get("t", ""))
        except ValueError:
            scan.odd = True
    return scan


def _index(letters: str) -> int:
    """Return the number of a column, from 1."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number

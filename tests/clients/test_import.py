"""A CSV of divisions becomes requests that can be sent twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from clients.cli import divisions
from clients.cli.words import UsageProblem
from clients.demo.command import YUNNAN
from ducha.division.v1 import division_pb2 as pb

HEAD = "code,name,level,parent\n"


def csv_file(folder: Path, *rows: str) -> Path:
    file = folder / "divisions.csv"
    file.write_text(HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    return file


def test_parents_come_first_and_others_are_left_out(tmp_path: Path) -> None:
    """The order of the file does not matter."""
    file = csv_file(
        tmp_path,
        "530102,五华区,county,5301",
        "5301,昆明市,city,53",
        "53,云南省,province,",
        "44,广东省,province,",
    )

    rows, left_out = divisions.read_csv(file, "53")

    assert [row.code for row in rows] == ["53", "5301", "530102"]
    assert rows[2] == pb.Division(
        code="530102",
        name="五华区",
        level=pb.LEVEL_COUNTY,
        parent_code="5301",
        valid_from="2023-06-30",
    )
    assert left_out == 1


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("53x,云南省,province,", "code '53x' is no number"),
        ("53,云南省,state,", "level 'state' is none of province"),
        ("53,,province,", "the name is missing"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: str, problem: str) -> None:
    """With its line, so that it can be found."""
    with pytest.raises(UsageProblem, match=problem) as caught:
        divisions.read_csv(csv_file(tmp_path, row), "53")

    assert "divisions.csv:2" in caught.value.english


def test_other_columns_are_refused(tmp_path: Path) -> None:
    """The four columns are named."""
    file = tmp_path / "a.csv"
    file.write_text("id,name\n1,x\n")

    with pytest.raises(UsageProblem, match="code,name,level,parent"):
        divisions.read_csv(file, "53")


def test_another_root_is_refused(tmp_path: Path) -> None:
    """An import of nothing is a mistake."""
    with pytest.raises(UsageProblem, match="--root"):
        divisions.read_csv(csv_file(tmp_path, "53,云南省,province,"), "44")


def test_the_same_content_has_the_same_ids() -> None:
    """A second import is the same requests; other rows are others."""
    rows, _ = divisions.read_csv(YUNNAN, "53")

    first = [request.request_id for request in divisions.requests(rows, "a")]
    again = [request.request_id for request in divisions.requests(rows, "a")]
    other = [request.request_id for request in divisions.requests(rows[1:], "a")]

    assert first == again
    assert not set(first) & set(other)
    assert len(set(first)) == len(first) == 9


def test_yunnan_is_whole() -> None:
    """The counts that the province has."""
    rows, left_out = divisions.read_csv(YUNNAN, "53")
    counts = [sum(row.level == level for row in rows) for level in range(1, 6)]

    assert counts == [1, 16, 129, 1461, 14888]
    assert left_out == 0

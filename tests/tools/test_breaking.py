"""A proto change that breaks a caller is refused, one that does not is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.breaking import breaks
from tools.refusals import read_image

FIELD_TYPE_STRING = 9


def test_unchanged_protos_break_nobody(tmp_path: Path) -> None:
    """The image as it is, against itself."""
    before = tmp_path / "before.binpb"
    before.write_bytes(read_image().SerializeToString())

    assert not breaks(before)


def test_field_that_is_gone_breaks_its_readers(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before, a message had one field more; buf says which."""
    image = read_image()
    (file,) = (
        each for each in image.file if each.name.endswith("server_service.proto")
    )
    message = next(
        each for each in file.message_type if each.name == "GetServerInfoResponse"
    )
    message.field.add(
        name="motto", number=99, type=FIELD_TYPE_STRING, json_name="motto", label=1
    )
    before = tmp_path / "before.binpb"
    before.write_bytes(image.SerializeToString())

    assert breaks(before)
    assert "motto" in capfd.readouterr().out

"""`ducha ledger` from end to end: the files it writes, and what it says of them offline."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from typer.testing import CliRunner

from clients.cli import ledger_files as files
from clients.cli.main import app
from tests.sealing.line import a_fact, a_pair, record
from tests.sealing.seals import AUTHORITY, TestAuthority
from tests.servers import Databases

RUNNER = CliRunner()


async def ducha(*arguments: object) -> tuple[int, str]:
    """Run a command in a thread of its own, as it runs its own loop."""
    words = [str(one) for one in arguments]
    result = await asyncio.to_thread(RUNNER.invoke, app, ["ledger", *words])
    assert not isinstance(result.exception, AttributeError | TypeError), (
        result.exception
    )
    return result.exit_code, result.output


async def test_an_export_and_a_proof_are_written_and_checked_offline(
    databases: Databases, tmp_path: Path
) -> None:
    """Export, prove, verify; then change one byte of each file, and verify again."""
    ca = AUTHORITY.write(tmp_path / "ca.crt")
    export, proof, seen = (
        tmp_path / name for name in ("a.ledger", "a.proof", "a.seen")
    )
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(300)
        await pair.round(3, subject="事项-7")
        await record(pair.township, [a_fact(pair.township, "事项-7")])
        at, above = ("--address", pair.own_address), ("--address", pair.address)
        done = [
            await ducha("export", "--out", export, *at),
            await ducha("export", "--out", seen, "--witnessed", "daguan", *above),
            await ducha("prove", "事项-7", "--out", proof, *at, "--json"),
            await ducha("status", *at),
        ]
        unknown = await ducha("prove", "nothing", "--out", tmp_path / "x", *at)

    assert [code for code, _ in done] == [0, 0, 0, 0], done
    assert json.loads(done[2][1])["facts"] == 3
    assert (unknown[0], "SUBJECT_NOT_SEALED" in unknown[1]) == (1, True)
    whole = await ducha("verify", export, "--ca", ca, "--witness", seen, "--json")
    assert (whole[0], json.loads(whole[1])["cosigned_size"]) == (0, 303)
    proved = await ducha("verify", proof, "--ca", ca, "--json")
    assert proved[0] == 0
    said = json.loads(proved[1])
    assert (said["facts"], said["later"], said["whole"]) == (3, 1, True)
    assert said["cosigned_at"]
    await changed_files_are_refused(export, proof, ca)
    stranger = TestAuthority().write(tmp_path / "other.crt")
    for file in (export, proof):
        code, output = await ducha("verify", file, "--ca", stranger)
        assert code == 1
        assert "no trusted authority" in output


async def changed_files_are_refused(export: Path, proof: Path, ca: Path) -> None:
    """One fact's body changed in each file: the export names it, the proof does not hold."""
    with export.open("rb") as content:
        content.readline()
        records = list(files.records(content))
    changed = next(one for one in records if one.segment.first_position == 257)
    fact = changed.segment.facts[2]
    fact.body = fact.body[:-1] + bytes([fact.body[-1] ^ 1])
    with export.with_suffix(".changed").open("wb") as out:
        out.write(files.EXPORT)
        for one in records:
            files.write_record(out, one)
    for lang, word in (("en", "altered"), ("zh", "内容被改")):
        code, output = await ducha(
            "verify", export.with_suffix(".changed"), "--ca", ca, "--lang", lang
        )
        assert code == 1
        assert word in output
        assert "259" in output
    content_ = proof.read_bytes()
    forged = proof.with_suffix(".changed")
    forged.write_bytes(content_.replace("王".encode(), "李".encode(), 1))
    code, output = await ducha("verify", forged, "--ca", ca)
    assert code == 1
    assert "entry 301" in output


async def test_files_that_are_something_else_are_a_wrong_command(
    databases: Databases, tmp_path: Path
) -> None:
    ca = AUTHORITY.write(tmp_path / "ca.crt")
    for content in (b"", b"nothing\n", files.EXPORT, files.EXPORT + b"\xff\xff",
                    files.EXPORT + b"\x02\x10\x01", files.PROOF + b"\xff"):  # fmt: skip
        file = tmp_path / "file"
        file.write_bytes(content)
        code, output = await ducha("verify", file, "--ca", ca)
        assert code == 2, (content, output)
    code, _ = await ducha("verify", tmp_path / "none", "--ca", ca)
    assert code == 2
    code, _ = await ducha("verify", file, "--ca", tmp_path / "none")
    assert code == 2


async def test_a_new_life_is_declared_and_shown(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(2)
        at = ("--address", pair.own_address)
        code, output = await ducha(
            "new-life", "--reason", "恢复", "--at", "x", *at, "--json"
        )
        assert code == 0, output
        assert json.loads(output)["life"]["life"] == 2
        await pair.round(2)
        code, output = await ducha("status", *at, "--lang", "zh")

    assert code == 0
    assert "NEW_LIFE" in output

"""`ducha ledger` from end to end: the files it writes, and what it says of them offline."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import typer

from clients.cli import ledger
from clients.cli import ledger_files as files
from clients.cli.session import Choices, Session
from clients.cli.words import Language, UsageProblem
from clients.runtime import Refused
from tests.sealing.line import a_fact, a_pair, record
from tests.sealing.seals import AUTHORITY, TestAuthority
from tests.servers import Databases

Body = Callable[..., Awaitable[None]]


class Screen:
    """Runs commands as a person does, in this process, and reads what they print."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    async def text(self, body: Body, choices: Choices, **given: Any) -> tuple[int, str]:
        """Return the exit code and the output."""
        code = 0
        async with AsyncExitStack() as stack:
            try:
                await body(Session(choices, stack), **given)
            except typer.Exit as end:
                code = end.exit_code
        return code, self._capsys.readouterr().out

    async def json(
        self, body: Body, address: str = "", **given: Any
    ) -> tuple[int, Any]:
        """Return the exit code and the JSON."""
        code, out = await self.text(
            body, Choices(address=address, as_json=True), **given
        )
        return code, json.loads(out)


@pytest.fixture
def screen(capsys: pytest.CaptureFixture[str]) -> Screen:
    """A screen of the test's own."""
    return Screen(capsys)


async def test_an_export_and_a_proof_are_written_and_checked_offline(
    databases: Databases, tmp_path: Path, screen: Screen
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
        own, above = pair.own_address, Choices(address=pair.address)
        exported = await screen.json(ledger.ledger_export, own, out=export)
        await screen.text(ledger.ledger_export, above, out=seen, witnessed="daguan")
        proved = await screen.json(
            ledger.ledger_prove, own, subject="事项-7", out=proof
        )
        state = await screen.text(ledger.ledger_status, Choices(address=own))
        with pytest.raises(Refused, match="nothing") as unknown:
            await screen.json(ledger.ledger_prove, own, subject="nothing", out=proof)

    assert unknown.value.answer.reason == "SUBJECT_NOT_SEALED"
    assert exported == (0, {"file": str(export), "facts": 303})
    assert proved == (0, {"file": str(proof), "facts": 3})
    assert (state[0], "303" in state[1]) == (0, True)
    code, said = await screen.json(
        ledger.ledger_verify, file=export, ca=ca, witness=seen
    )
    assert (code, said["whole"], said["cosigned_size"]) == (0, True, 303)
    code, said = await screen.json(ledger.ledger_verify, file=proof, ca=ca)
    assert (code, said["facts"], said["later"], said["whole"]) == (0, 3, 1, True)
    assert said["cosigned_at"]
    await changed_files_are_refused(screen, export, proof, ca)
    stranger = TestAuthority().write(tmp_path / "other.crt")
    for file in (export, proof):
        code, out = await screen.text(
            ledger.ledger_verify, Choices(), file=file, ca=stranger
        )
        assert code == 1
        assert "no trusted authority" in out


async def changed_files_are_refused(
    screen: Screen, export: Path, proof: Path, ca: Path
) -> None:
    """One fact's body changed in each file: the export names it, the proof does not hold."""
    with export.open("rb") as content:
        content.readline()
        records = list(files.records(content))
    changed = next(one for one in records if one.segment.first_position == 257)
    fact = changed.segment.facts[2]
    fact.body = fact.body[:-1] + bytes([fact.body[-1] ^ 1])
    forged = export.with_suffix(".changed")
    with forged.open("wb") as out:
        out.write(files.EXPORT)
        for one in records:
            files.write_record(out, one)
    for lang, word in ((Language.EN, "altered"), (Language.ZH, "内容被改")):
        code, text = await screen.text(
            ledger.ledger_verify, Choices(lang=lang), file=forged, ca=ca
        )
        assert code == 1
        assert word in text
        assert "259" in text
    forged = proof.with_suffix(".changed")
    forged.write_bytes(proof.read_bytes().replace("王".encode(), "李".encode(), 1))
    code, text = await screen.text(ledger.ledger_verify, Choices(), file=forged, ca=ca)
    assert code == 1
    assert "entry 301" in text


@pytest.mark.parametrize(
    "content",
    [
        b"", b"nothing\n", files.EXPORT, files.EXPORT + b"\xff\xff", files.PROOF + b"\xff",
        files.EXPORT + b"\x02\x10\x01", files.EXPORT + b"\x7f\x0a", files.WITNESSED,
    ],
)  # fmt: skip
async def test_files_that_are_something_else_are_a_wrong_command(
    tmp_path: Path, screen: Screen, content: bytes
) -> None:
    ca, file = AUTHORITY.write(tmp_path / "ca.crt"), tmp_path / "file"
    file.write_bytes(content)

    for given in (
        {"file": file, "ca": ca},
        {"file": tmp_path / "none", "ca": ca},
        {"file": file, "ca": tmp_path / "none"},
        {"file": file, "ca": ca, "witness": ca},
    ):
        with pytest.raises(UsageProblem):
            await screen.text(ledger.ledger_verify, Choices(), **given)


async def test_a_new_life_is_declared_and_shown(
    databases: Databases, tmp_path: Path, screen: Screen
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(2)
        own = pair.own_address
        code, said = await screen.json(
            ledger.ledger_new_life, own, at="", reason="恢复"
        )
        await pair.round(2)
        state = await screen.text(
            ledger.ledger_status, Choices(address=own, lang=Language.ZH)
        )

    assert (code, said["life"]["life"], said["life"]["reason"]) == (0, 2, "恢复")
    assert (state[0], "NEW_LIFE" in state[1]) == (0, True)

"""`ducha ca` and `ducha token`, as somebody types them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jwt
import pytest
from typer.testing import CliRunner

from clients.cli.main import app
from deploy.authority.register import Kind
from deploy.authority.store import Store
from tests.authority.sites import read, revoked_serials


def ducha(data: Path, line: str, lang: str = "en") -> Any:
    """Run a command on a data directory."""
    arguments = [*line.split(), "--data", str(data), "--lang", lang]
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def told(data: Path, line: str) -> Any:
    """Run a command that is to succeed; return what it tells programs."""
    result = ducha(data, f"{line} --json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with an authority and a node."""
    told(tmp_path, "ca init")
    told(tmp_path, "ca issue node wuhua --tier county --host 530102")
    return tmp_path


def test_the_life_of_a_node(data: Path) -> None:
    """Issued, shown, rotated, revoked, listed: each step tells programs what it did."""
    store = Store(data / "identity")
    shown = told(data, "ca show wuhua")["certificates"]
    rotated = told(data, "ca rotate wuhua --revoke-old")["certificates"]
    struck = told(data, "ca revoke wuhua --reason cessation")["certificates"]
    good = told(data, "ca list")["certificates"]
    everything = told(data, "ca list --all")["certificates"]

    assert [one["kind"] for one in shown] == ["node", "seal"]
    assert {one["identity"] for one in shown} == {
        "spiffe://ducha.internal/county/53/5301/530102/wuhua"
    }
    assert shown[0]["pem"].startswith("-----BEGIN CERTIFICATE-----")
    assert rotated[0]["file"] == str(store.files(Kind.NODE, "wuhua")[0])
    assert f"{read(store, Kind.NODE, 'wuhua').serial_number:x}" == rotated[0]["serial"]
    assert {one["serial"] for one in struck} == {one["serial"] for one in rotated}
    assert {one["reason"] for one in struck} == {"cessation"}
    assert [one["kind"] for one in good] == ["authority"]
    assert len(everything) == 5
    assert len(revoked_serials(store)) == 4


def test_the_life_of_an_authority(data: Path) -> None:
    """A new CA, everybody rotated, the old one retired: three commands."""
    (made,) = told(data, "ca rotate --ca")["certificates"]
    early = ducha(data, "ca rotate --ca --retire-old")
    everybody = told(data, "ca rotate --all")["certificates"]
    (gone,) = told(data, "ca rotate --ca --retire-old")["certificates"]

    assert made["kind"] == gone["kind"] == "authority"
    assert early.exit_code == 1
    assert "STILL_IN_USE" in early.stderr
    assert "wuhua" in early.stderr
    assert [one["name"] for one in everybody] == ["wuhua", "wuhua"]
    assert gone["retired_at"]
    assert gone["serial"] != made["serial"]


def test_a_client_and_a_server_are_issued(data: Path) -> None:
    """Each kind with the options that go with it."""
    (oa,) = told(data, "ca issue client oa --area 5301 --days 9")["certificates"]
    (hub,) = told(data, "ca issue nats hub --san hub.example")["certificates"]

    assert oa["identity"] == "spiffe://ducha.internal/client/53/5301/oa"
    assert (hub["kind"], hub["identity"]) == ("nats", "")


def test_a_token_is_printed_alone(data: Path) -> None:
    """So that `$(ducha token issue ...)` is the token; its life is told elsewhere."""
    line = "token issue zhang.san --division 530102 --role officer --role reader"
    printed = ducha(data, line).stdout
    claims = jwt.decode(printed.strip(), options={"verify_signature": False})
    second = told(data, line)
    told(data, f"token revoke {second['jti']}")
    listed = {one["jti"]: one for one in told(data, "token list")["tokens"]}

    assert printed.count("\n") == 1
    assert claims["roles"] == ["officer", "reader"]
    assert claims["aud"] == "ducha"
    assert not listed[claims["jti"]]["revoked"]
    assert listed[second["jti"]]["revoked"]
    assert "token" not in listed[second["jti"]]
    told(data, "token revoke --subject zhang.san")
    assert all(one["revoked"] for one in told(data, "token list")["tokens"])


def test_a_new_key_of_tokens_is_told(data: Path) -> None:
    """Its id is the first in the key set; the old stays until it is retired."""
    for more, count in (("", 2), ("--retire-old", 1)):
        made = told(data, f"token rotate {more}")
        keys = json.loads(Path(made["jwks"]).read_text())["keys"]

        assert keys[0]["kid"] == made["kid"]
        assert len(keys) == count


@pytest.mark.parametrize(
    "command",
    [
        "ca list --all",
        "ca show wuhua",
        "ca rotate wuhua",
        "ca revoke wuhua --reason unspecified",
        "token list",
        "token rotate",
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_people_are_told_in_their_language(data: Path, command: str, lang: str) -> None:
    """Tables and sentences, not JSON; the identity is never cut."""
    told(data, "token issue zhang.san --division 530102 --role officer")
    result = ducha(data, command, lang)
    has_chinese = any("一" <= letter <= "鿿" for letter in result.stdout)

    assert result.exit_code == 0, result.output
    assert has_chinese is (lang == "zh")


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("ca init", 1, "AUTHORITY_EXISTS"),
        ("ca issue node wuhua --tier county --host 530102", 1, "NAME_TAKEN"),
        ("ca issue node a --tier county --host 530102001", 1, "stands below its tier"),
        ("ca issue node a --tier hamlet --host 53", 1, "is not a tier"),
        ("ca issue node a --tier county --host 5301x2", 1, "is not a division code"),
        ("ca issue node a --tier county", 2, "--host --tier"),
        ("ca issue client a --area 5301 --san b", 2, "--area"),
        ("ca issue nats a --area 5301", 2, "--san"),
        ("ca issue client a/b --area 5301", 1, "is not a name"),
        ("ca revoke nobody --reason cessation", 1, "NAME_UNKNOWN"),
        ("ca revoke wuhua --reason boredom", 2, "boredom"),
        ("ca rotate", 2, "--ca"),
        ("ca rotate wuhua --ca", 2, "--ca"),
        ("ca rotate wuhua --retire-old", 2, "--retire-old"),
        ("ca rotate --ca --retire-old", 1, "NOTHING_TO_REVOKE"),
        ("token issue a --division 53 --role king", 2, "king"),
        ("token issue a --division 53 --role node", 2, "node"),
        ("token issue a --division 5 --role reader", 1, "is not a division code"),
        ("token issue a --division 53 --role reader --hours 0", 1, "0 hours"),
        ("token revoke", 2, "--subject"),
        ("token revoke a --subject b", 2, "--subject"),
    ],
)
def test_a_refusal_has_words_and_a_code(
    data: Path, command: str, code: int, words: str
) -> None:
    """1 refused, 2 wrong command line; never a stack trace, and no output to mistake."""
    result = ducha(data, command)

    assert result.exit_code == code, result.output
    assert words in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.mark.parametrize("command", ["ca list", "ca show a", "token list"])
def test_without_an_authority_the_next_step_is_said(
    tmp_path: Path, command: str
) -> None:
    """And nothing is made by looking."""
    result = ducha(tmp_path / "none", f"{command} --json")
    error = json.loads(result.stderr)["error"]

    assert result.exit_code == 1
    assert error["reason"] == "NO_AUTHORITY"
    assert "ducha ca init" in error["english"]
    assert "ducha ca init" in error["chinese"]
    assert not (tmp_path / "none").exists()

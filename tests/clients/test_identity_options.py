"""The command proves who calls: by what `ducha up` keeps, or by the files it is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from ducha.collection.v1 import collection_service_pb2 as collection
from ducha.registry.v1 import registry_pb2
from ducha.registry.v1 import registry_service_pb2 as registry
from tests.clients.refusing import rich_status
from tests.clients.test_commands import DIVISION, run, server_info
from tests.clients.walled import Site

CONFLICT = "0198c0de-0000-7000-8000-00000000000c"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a directory with identities."""
    return Site(tmp_path)


def refusing(
    code: grpc.StatusCode, reason: str
) -> Callable[[Any, Any], registry.ListConflictsResponse]:
    def refuse(_request: Any, context: Any) -> registry.ListConflictsResponse:
        context.abort_with_status(rich_status(code, reason))
        raise AssertionError

    return refuse


def test_what_the_data_directory_keeps_is_shown(site: Site) -> None:
    """On one's own machine nothing has to be said: the root speaks."""
    with site.node(GetServerInfo=server_info) as address:
        result = run("info", "--address", address, "--data", str(site.data))

    assert result.exit_code == 0, result.output
    assert {one["division"] for one in site.shown} == {"53"}
    assert {one["aud"] for one in site.shown} == {"ducha"}


def test_files_that_are_given_are_shown_instead(site: Site) -> None:
    """An integrator has a token of somebody, and speaks as that."""
    with site.node(GetServerInfo=server_info) as address:
        result = run("info", "--address", address, *site.files())

    assert result.exit_code == 0, result.output
    assert [one["division"] for one in site.shown] == ["5301"] * len(site.shown)
    assert {tuple(one["roles"]) for one in site.shown} == {("officer",)}


def test_the_environment_may_name_the_files(site: Site) -> None:
    """So that a script says them once."""
    options = site.files()
    named = dict(zip(options[::2], options[1::2], strict=True))
    with site.node(GetServerInfo=server_info) as address:
        result = run(
            *("info", "--address", address),
            DUCHA_CA=named["--ca-file"],
            DUCHA_CERT=named["--cert-file"],
            DUCHA_KEY=named["--key-file"],
            DUCHA_TOKEN_FILE=named["--token-file"],
        )

    assert result.exit_code == 0, result.output
    assert site.shown[0]["sub"] == "zhang"


@pytest.mark.parametrize(("lang", "says"), [("en", "four files"), ("zh", "四个文件")])
def test_half_an_identity_is_none(site: Site, lang: str, says: str) -> None:
    """A forgotten option is said before anything is sent."""
    with site.node(GetServerInfo=server_info) as address:
        given = site.files()[:2]
        result = run("info", "--address", address, *given, "--lang", lang)

    assert result.exit_code == 2
    assert says in result.stderr
    assert site.shown == []


def test_a_file_that_is_not_there_is_named(site: Site) -> None:
    """With what to do, and no stack."""
    given = [*site.files()[:-1], str(site.data / "nobody.key")]
    result = run("info", "--address", "127.0.0.1:1", *given)

    assert result.exit_code == 3
    assert "nobody.key cannot be read" in result.stderr


@pytest.mark.parametrize("content", ["令牌", "two\ntokens", ""])
def test_a_file_that_holds_no_token_is_told(site: Site, content: str) -> None:
    """Before the node has to guess; an empty one the node refuses."""
    given = site.files()
    Path(given[3]).write_text(content)
    with site.node(GetServerInfo=server_info) as address:
        result = run("info", "--address", address, *given)

    assert (result.exit_code, site.shown) == ((0, [{}, {}]) if not content else (3, []))
    assert content == "" or "token.jwt cannot be read" in result.stderr


def test_another_authority_is_told_from_a_node_that_is_away(
    site: Site, tmp_path: Path
) -> None:
    """Both are UNAVAILABLE to gRPC; only one is mended by another file."""
    other = Site(tmp_path / "other")
    with site.node(GetServerInfo=server_info) as address:
        result = run("info", "--address", address, *other.files())
        bare = run("info", "--address", address, "--data", str(tmp_path / "none"))

    assert result.exit_code == bare.exit_code == 3
    assert "none of your authorities issued" in result.stderr.replace("\n", " ")
    assert "it may want a certificate" in bare.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("code", "lang", "says"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "en", "Not recognised: WHY"),
        (grpc.StatusCode.UNAUTHENTICATED, "zh", "身份未获认可 WHY"),
        (grpc.StatusCode.PERMISSION_DENIED, "en", "Not allowed: WHY"),
        (grpc.StatusCode.PERMISSION_DENIED, "zh", "无权办理 WHY"),
    ],
)
def test_who_is_not_let_in_is_told_so(
    site: Site, code: grpc.StatusCode, lang: str, says: str
) -> None:
    """Not recognised and not allowed are two things to do something about."""
    with site.node(ListConflicts=refusing(code, "WHY")) as address:
        options = ["--address", address, "--data", str(site.data), "--lang", lang]
        result = run("registry", "conflicts", *options)

    assert result.exit_code == 1
    assert says in result.stderr


def resolving(site: Site, *options: str) -> list[str]:
    """Resolve a conflict of a township; return of which division each call was."""

    def listed(_request: Any, _context: Any) -> registry.ListConflictsResponse:
        one = registry_pb2.Conflict(conflict_id=CONFLICT, division=DIVISION)
        return registry.ListConflictsResponse(conflicts=[one])

    def resolve(_request: Any, _context: Any) -> collection.ResolveConflictResponse:
        return collection.ResolveConflictResponse()

    with site.node(
        GetServerInfo=server_info, ListConflicts=listed, ResolveConflict=resolve
    ) as address:
        result = run(
            *("collection", "resolve", CONFLICT, "--reason", "x", "--json"),
            *("--address", address, *options),
        )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) is not None
    return [str(one["division"]) for one in site.shown]


def test_a_conflict_is_decided_in_the_name_of_its_division(site: Site) -> None:
    """The request names none, and only its own officers may: so it is looked up."""
    assert resolving(site, "--data", str(site.data))[-1] == DIVISION


def test_a_token_that_was_given_speaks_for_its_owner_only(site: Site) -> None:
    """Nothing is looked up: the node decides what its owner may."""
    given = site.files(site.token("530103", "officer"))

    assert resolving(site, *given) == ["530103"]

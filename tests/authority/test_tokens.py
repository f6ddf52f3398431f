"""Tokens of the embedded issuer: what they say, who takes them, how they end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest

from clients.cli.token import RoleName
from deploy.authority import issuer, tokens
from deploy.authority.errors import (
    AuthorityRefused,
    FileUnusable,
    NoAuthority,
    WishRefused,
)
from deploy.authority.store import Store
from deploy.authority.tokens import AUDIENCE, Person
from tests.authority.sites import begun
from tier.identity import tokens as readers
from tier.identity.errors import TokenRefused
from tier.identity.model import PEOPLE, Role

ZHANG = Person("zhang.san", "530102", ("officer", "reader"), "张三")


def reader(store: Store) -> readers.Tokens:
    """Return what a node reads tokens with."""
    keys = readers.KeySet(str(store.jwks))
    return readers.Tokens(issuer.issuer_of(store.domain), AUDIENCE, keys)


def test_a_node_reads_who_a_token_speaks_for(tmp_path: Path) -> None:
    """Subject, division, roles, name and times; signed by a key named by its thumbprint."""
    store = begun(tmp_path)
    token = tokens.issue(store, ZHANG, hours=2)
    caller = reader(store).read(token.text)
    header = jwt.get_unverified_header(token.text)

    assert (caller.principal, caller.name) == ("zhang.san", "张三")
    assert caller.division == "530102"
    assert caller.roles == {Role.OFFICER, Role.READER}
    assert caller.proof == token.token_id
    assert token.expires_at - token.issued_at == 7200
    assert header["alg"] == "ES256"
    assert header["kid"] == json.loads(store.jwks.read_text())["keys"][0]["kid"]


def test_the_id_of_a_key_is_its_thumbprint() -> None:
    """The example of RFC 7638 is of RSA; this one is of RFC 8037's kind, by its members."""
    # A.1 of RFC 7517, first key; its thumbprint by an independent implementation.
    public = {
        "kty": "EC",
        "crv": "P-256",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    }

    assert issuer.key_id(public) == "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"
    assert issuer.key_id(public | {"use": "sig", "kid": "1"}) == issuer.key_id(public)


def test_a_new_key_leaves_old_tokens_good_until_the_old_is_retired(
    tmp_path: Path,
) -> None:
    """Nobody is thrown out by a rotation; everybody is by a retirement."""
    store = begun(tmp_path)
    old = tokens.issue(store, ZHANG).text
    first = issuer.rotate(store)
    new = tokens.issue(store, ZHANG).text

    assert jwt.get_unverified_header(new)["kid"] == first
    assert reader(store).read(old).principal == reader(store).read(new).principal
    issuer.rotate(store, retire_old=True)
    for text in (old, new):
        with pytest.raises(TokenRefused):
            reader(store).read(text)


def test_a_token_of_another_issuer_is_worth_nothing(tmp_path: Path) -> None:
    """Not even one that says the same key id."""
    ours, theirs = begun(tmp_path / "ours"), begun(tmp_path / "theirs")
    theirs.jwks.write_bytes(ours.jwks.read_bytes())
    text = tokens.issue(theirs, ZHANG).text

    with pytest.raises(TokenRefused):
        reader(ours).read(text)


def test_a_token_is_taken_back_by_its_id_with_its_end(tmp_path: Path) -> None:
    """The list has what it needs and forgets what has expired; a foreign id counts, too."""
    store = begun(tmp_path)
    token = tokens.issue(store, ZHANG, hours=1)
    told = {"tokens": {"over": 1}, "subjects": {}}
    store.revoked_tokens.write_text(json.dumps(told))
    tokens.revoke(store, token.token_id)
    tokens.revoke(store, "of-a-program")
    listed = json.loads(store.revoked_tokens.read_text())["tokens"]

    assert set(listed) == {token.token_id, "of-a-program"}
    assert listed[token.token_id] == token.expires_at
    assert listed["of-a-program"] > time.time() + 360 * 86_400
    assert [one.is_revoked for one in tokens.listed(store)] == [True]


def test_all_tokens_of_somebody_are_taken_back_but_not_later_ones(
    tmp_path: Path,
) -> None:
    """At once and within the same second: the old are void, a new one is good."""
    store = begun(tmp_path)
    old = tokens.issue(store, ZHANG)
    other = tokens.issue(store, Person("li.si", "5301", ("reader",)))
    moment = tokens.revoke_subject(store, "zhang.san")
    new = tokens.issue(store, ZHANG)
    told = json.loads(store.revoked_tokens.read_text())["subjects"]

    assert told == {"zhang.san": moment}
    assert old.issued_at < moment <= new.issued_at
    revoked = {one.token_id: one.is_revoked for one in tokens.listed(store)}
    assert revoked == {old.token_id: True, other.token_id: False, new.token_id: False}
    assert reader(store).read(new.text).issued_at >= moment


def test_an_expired_token_is_not_listed(tmp_path: Path) -> None:
    """The list is of what could still be used."""
    store = begun(tmp_path)
    tokens.issue(store, ZHANG, hours=1e-6)

    deadline = time.monotonic() + 20
    while tokens.listed(store) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert tokens.listed(store) == []


REFUSALS: dict[str, tuple[type[AuthorityRefused], Callable[[Store], object]]] = {
    "no code": (
        WishRefused,
        lambda s: tokens.issue(s, Person("a", "53010", ("reader",))),
    ),
    "a division of another province": (
        WishRefused,
        lambda s: tokens.issue(s, Person("a", "5201", ("reader",))),
    ),
    "an unknown role": (
        WishRefused,
        lambda s: tokens.issue(s, Person("a", "53", ("king",))),
    ),
    "the role of a node": (
        WishRefused,
        lambda s: tokens.issue(s, Person("a", "53", ("reader", "node"))),
    ),
    "no role": (WishRefused, lambda s: tokens.issue(s, Person("a", "53", ()))),
    "no subject": (
        WishRefused,
        lambda s: tokens.issue(s, Person(" ", "53", ("reader",))),
    ),
    "a subject too long": (
        WishRefused,
        lambda s: tokens.issue(s, Person("a" * 201, "53", ("reader",))),
    ),
    "no time": (WishRefused, lambda s: tokens.issue(s, ZHANG, hours=0)),
    "too much time": (WishRefused, lambda s: tokens.issue(s, ZHANG, hours=1e6)),
    "no id to take back": (WishRefused, lambda s: tokens.revoke(s, "")),
    "no subject to take back": (WishRefused, lambda s: tokens.revoke_subject(s, " ")),
    "no issuer": (NoAuthority, lambda s: tokens.issue(Store(s.directory / "x"), ZHANG)),
    "no issuer to list": (
        NoAuthority,
        lambda s: tokens.listed(Store(s.directory / "x")),
    ),
    "a broken list": (FileUnusable, lambda s: _broken(s, s.revoked_tokens)),
    "a broken key set": (FileUnusable, lambda s: _broken(s, s.jwks)),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_changes_nothing(tmp_path: Path, case: str) -> None:
    """Nothing is issued, nothing is taken back, and both languages say what to do."""
    store = begun(tmp_path / "identity")
    (tmp_path / "root").write_text("53")
    wanted, act = REFUSALS[case]

    with pytest.raises(wanted) as caught:
        act(store)
    assert caught.value.english.endswith(caught.value.remedy)
    assert caught.value.chinese != caught.value.english
    assert not store.tokens.exists()


def test_the_command_knows_every_role_of_people() -> None:
    """Two lists of the same thing, kept equal here."""
    assert [str(role) for role in RoleName] == [str(role) for role in PEOPLE]


def _broken(store: Store, file: Path) -> None:
    file.write_text("{")
    tokens.revoke(store, "x")
    issuer.rotate(store)

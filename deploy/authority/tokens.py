"""Tokens of the embedded issuer: what it issued, and what it took back."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any, Final

import jwt

from deploy.authority import issuer, lines
from deploy.authority.errors import FileUnusable, WishRefused
from deploy.authority.store import Store
from deploy.authority.wishes import division
from deploy.embedded.files import write_private
from tier.identity.model import PEOPLE, Role
from tier.jurisdiction import contains

AUDIENCE: Final = "ducha"
HOURS: Final = 12.0
MOST_HOURS: Final = 24 * 366.0
SUBJECT_LETTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a token speaks for: an id that lasts, a name, where they stand, what for."""

    subject: str
    division: str
    roles: tuple[str, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A token that was issued; times in Unix seconds. `text` is not kept."""

    token_id: str
    person: Person
    issued_at: int
    expires_at: int
    is_revoked: bool = False
    text: str = ""


def issue(store: Store, person: Person, hours: float = HOURS) -> Token:
    """Return a new token and keep a line about it.

    Raises:
        NoAuthority, KeyExposed, FileUnusable: the issuer cannot sign.
        WishRefused: the division, a role, the subject or the time cannot be.
    """
    _refuse(store, person, hours)
    with store.locked():
        key = issuer.key_of(store)
        now = time.time()
        # Not earlier than the moment up to which the subject's tokens were taken back.
        issued_at = max(int(now), _revoked(store)["subjects"].get(person.subject, 0))
        expires_at = int(now + hours * 3600)
        token = Token(str(uuid.uuid4()), person, issued_at, expires_at)
        _remember(store, token)
    text = jwt.encode(
        _claims(token, store.domain),
        key,
        issuer.ALGORITHM,
        headers={"kid": issuer.key_id(issuer.jwk(key))},
    )
    return Token(token.token_id, person, issued_at, expires_at, text=text)


def revoke(store: Store, token_id: str) -> None:
    """Take one token back, known here or not.

    Raises:
        NoAuthority: there is no issuer.
        WishRefused: the id is empty.
    """
    if not token_id.strip():
        raise WishRefused("The id of the token is empty.", "令牌编号为空。")
    with store.locked():
        issuer.key_of(store)
        told = _revoked(store)
        now = int(time.time())
        # A program may have signed it by itself: then the longest time there is counts.
        expiries = {one.token_id: one.expires_at for one in _issued(store)}
        told["tokens"][token_id] = expiries.get(token_id, now + int(MOST_HOURS * 3600))
        told["tokens"] = {one: end for one, end in told["tokens"].items() if end > now}
        write_private(store.revoked_tokens, json.dumps(told))


def revoke_subject(store: Store, subject: str) -> int:
    """Take back all tokens of somebody; return from which moment on new ones count.

    Raises:
        NoAuthority: there is no issuer.
        WishRefused: the subject is empty.
    """
    if not subject.strip():
        raise WishRefused("The subject is empty.", "主体标识为空。")
    with store.locked():
        issuer.key_of(store)
        told = _revoked(store)
        moment = int(time.time()) + 1
        told["subjects"][subject] = moment
        write_private(store.revoked_tokens, json.dumps(told, ensure_ascii=False))
        return moment


def listed(store: Store) -> list[Token]:
    """Return what was issued here and has not expired, the oldest first.

    Raises:
        NoAuthority: there is no issuer.
    """
    issuer.key_of(store)
    told, now = _revoked(store), time.time()
    return [
        Token(
            one.token_id,
            one.person,
            one.issued_at,
            one.expires_at,
            one.token_id in told["tokens"]
            or one.issued_at < told["subjects"].get(one.person.subject, 0),
        )
        for one in _issued(store)
        if one.expires_at > now
    ]


def _refuse(store: Store, person: Person, hours: float) -> None:
    code = division(person.division)
    root = store.root
    if root is not None and not contains(root, code):
        raise WishRefused(
            f"{code} lies outside {root}, the root of this site.",
            f"{code} 不在本系统根区划 {root} 之内。",
        )
    told = ", ".join(PEOPLE)
    wrong = [role for role in person.roles if role not in set(PEOPLE)]
    if wrong or not person.roles:
        asked = ", ".join(wrong) or "none"
        raise WishRefused(
            f"Not a role of people: {asked} (there are {told}).",
            f"不是人员角色：{asked}（可用：{told}）。",
        )
    if not 0 < len(person.subject.strip()) <= SUBJECT_LETTERS:
        raise WishRefused(
            f"A subject has 1 to {SUBJECT_LETTERS} letters.",
            f"主体标识须为 1 至 {SUBJECT_LETTERS} 个字符。",
        )
    if not 0 < hours <= MOST_HOURS:
        raise WishRefused(
            f"A token cannot be good for {hours:g} hours (at most {MOST_HOURS:g}).",
            f"令牌有效期不能是 {hours:g} 小时（至多 {MOST_HOURS:g} 小时）。",
        )


def _claims(token: Token, domain: str) -> dict[str, Any]:
    person = token.person
    return {
        "iss": issuer.issuer_of(domain),
        "aud": AUDIENCE,
        "sub": person.subject,
        "name": person.name,
        "division": person.division,
        "roles": sorted(map(Role, person.roles)),
        "iat": token.issued_at,
        "exp": token.expires_at,
        "jti": token.token_id,
    }


def _revoked(store: Store) -> dict[str, dict[str, int]]:
    try:
        told = json.loads(store.revoked_tokens.read_text())
        return {"tokens": dict(told["tokens"]), "subjects": dict(told["subjects"])}
    except (OSError, ValueError, KeyError, TypeError) as wrong:
        raise FileUnusable(store.revoked_tokens, repr(wrong)) from wrong


def _remember(store: Store, token: Token) -> None:
    person = token.person
    line = {
        "jti": token.token_id,
        "sub": person.subject,
        "name": person.name,
        "division": person.division,
        "roles": list(person.roles),
        "iat": token.issued_at,
        "exp": token.expires_at,
    }
    lines.append(store.tokens, [line])


def _issued(store: Store) -> list[Token]:
    try:
        return [_token(line) for line in lines.read(store.tokens)]
    except (KeyError, TypeError) as wrong:
        raise FileUnusable(store.tokens, repr(wrong)) from wrong


def _token(line: dict[str, Any]) -> Token:
    roles = tuple(line["roles"])
    person = Person(line["sub"], line["division"], roles, line["name"])
    return Token(line["jti"], person, line["iat"], line["exp"])

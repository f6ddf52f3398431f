"""Everybody on one machine gets an identity, made and renewed without being asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from deploy.authority import actions, issuer, register, wishes
from deploy.authority.certificates import Authority, Reason, spiffe_uri
from deploy.authority.register import Kind, Register
from deploy.authority.store import DOMAIN, Store
from deploy.authority.wishes import Wish
from deploy.embedded.topology import Place

CONSOLE: Final = "console"
"""The client program of the `ducha` command."""
RENEW: Final = timedelta(days=30)
RENEW_AUTHORITY: Final = timedelta(days=400)
"""Longer than a certificate lasts: none is cut short by its CA."""


def ensure(
    directory: Path, places: Sequence[Place], root: str, nats_servers: Sequence[str]
) -> None:
    """Make whatever is missing in `directory` (`DIR/identity`); safe at any time.

    Renewed is what expires within 30 days, what does not say what it should, and what
    an older CA signed. What
    was revoked stays so: `ducha ca rotate NAME` lets it in again.

    Raises:
        AuthorityRefused: a file cannot be used, or others may read a key.
    """
    store = Store(directory)
    with store.locked():
        authorities = _authorities(store)
        known = register.read(store.register)
        wanted = [
            *(
                wishes.node(one.spec.name, one.spec.tier, one.spec.hosts)
                for one in places
            ),
            wishes.client(CONSOLE, root),
            *(Wish(Kind.NATS, name) for name in nats_servers),
        ]
        signer = authorities[0].certificate.subject
        due = [wish for wish in wanted if _is_due(store, known, wish, signer)]
        if not due:
            return
        stale = [entry for wish in due for entry in _wrong(store, known, wish)]
        actions.write(store, authorities[0], [_named(known, wish) for wish in due])
        actions.strike(store, authorities, stale, Reason.SUPERSEDED)


def _authorities(store: Store) -> list[Authority]:
    """Return the CAs: made if there are none, renewed in time."""
    if not store.exists:
        return actions.make(store, DOMAIN)
    issuer.make(store)
    authorities = store.authorities()
    now = datetime.now(UTC)
    if authorities[0].certificate.not_valid_after_utc - now < RENEW_AUTHORITY:
        authorities = actions.renew_authority(store, authorities)
    if not store.revocations.exists():
        actions.publish(store, authorities)
    return authorities


def _is_due(store: Store, known: Register, wish: Wish, signer: x509.Name) -> bool:
    """Whether a holder needs new certificates, and was not shut out."""
    entries = known.of(wish.kind, wish.name)
    newest = {entry.kind: entry for entry in entries}
    if any(entry.revoked_at is not None for entry in newest.values()):
        return False
    return any(_is_unusable(store, kind, wish, signer) for kind in wish.kinds)


def _is_unusable(store: Store, kind: Kind, wish: Wish, signer: x509.Name) -> bool:
    pair = store.read_pair(kind, wish.name)
    if pair is None:
        return True
    left = pair.certificate.not_valid_after_utc - datetime.now(UTC)
    is_own = spiffe_uri(pair.certificate) == _uri(store, wish)
    return left < RENEW or not is_own or pair.certificate.issuer != signer


def _named(known: Register, wish: Wish) -> Wish:
    """Return a wish with the further names that its holder had."""
    had = [one for one in known.of(wish.kind, wish.name) if one.kind is wish.kind]
    return replace(wish, names=wishes.again(had[-1]).names) if had else wish


def _wrong(store: Store, known: Register, wish: Wish) -> list[register.Entry]:
    """Return certificates that give a holder an id that is not theirs any more."""
    uri = _uri(store, wish)
    return [entry for entry in known.of(wish.kind, wish.name) if entry.identity != uri]


def _uri(store: Store, wish: Wish) -> str:
    return str(wishes.identity_of(wish, store.domain) or "")

"""What an authority does: begin, issue, revoke, rotate. Each under the directory's lock.

The register knows of a certificate before its file is there, and of a revocation before
the list does. What a crash leaves undone between the two, `ensure` in `deploy/embedded`
and the next revocation do.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from deploy.authority import certificates, issuer, lines, register, wishes
from deploy.authority.certificates import DAYS, Authority, Reason, Revoked
from deploy.authority.errors import (
    AuthorityExists,
    NameAmbiguous,
    NameTaken,
    NameUnknown,
    NothingToRevoke,
    StillInUse,
)
from deploy.authority.register import Entry, Kind, Register
from deploy.authority.store import DOMAIN, FOLDERS, Store
from deploy.authority.wishes import Wish
from deploy.embedded.files import write_private


def begin(store: Store, domain: str = DOMAIN) -> None:
    """Make the CA, its empty list of revoked, and the issuer of tokens.

    Raises:
        AuthorityExists: there is one.
        WishRefused: the trust domain is no DNS name.
    """
    wishes.trust_domain(domain)
    with store.locked():
        if store.exists:
            raise AuthorityExists(store.directory)
        make(store, domain)


def make(store: Store, domain: str) -> list[Authority]:
    """Do the work of `begin`; the lock is held.

    The CA's certificate comes last: a directory where it is missing was never begun.
    """
    now = datetime.now(UTC)
    store.make(domain)
    issuer.make(store)
    authority = certificates.new_authority(domain, now)
    line = register.issued(Kind.AUTHORITY, domain, authority.certificate, now)
    lines.append(store.register, [line])
    publish(store, [authority])
    store.write_authorities([authority])
    return [authority]


def issue(store: Store, wish: Wish) -> list[Entry]:
    """Make the certificates of somebody new.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
        NameTaken: there is such a holder; `rotate` renews it.
        WishRefused: the name, a further name or the days cannot be.
    """
    with store.locked():
        authority = store.authorities()[0]
        if register.read(store.register).of(wish.kind, wish.name):
            raise NameTaken(wish.kind, wish.name)
        return write(store, authority, [wish])


def rotate(
    store: Store,
    asked: str,
    kind: Kind | None = None,
    *,
    revoke_old: bool = False,
    days: float = DAYS,
) -> list[Entry]:
    """Make new keys and certificates for a holder, with the same id and names.

    The old ones stay good until they expire, unless `revoke_old`. A holder whose
    certificates were revoked is let in again by this.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
        NameUnknown, NameAmbiguous: nobody, or several, are called so.
        WishRefused: the days cannot be.
    """
    with store.locked():
        authorities = store.authorities()
        known = register.read(store.register)
        one = _holder(known, asked, kind)[0]
        old = known.of(one.kind.holder, one.name)
        newest = [entry for entry in old if entry.kind is one.kind.holder][-1]
        made = write(store, authorities[0], [wishes.again(newest, days)])
        if revoke_old:
            strike(store, authorities, old, Reason.SUPERSEDED)
        return made


def rotate_all(
    store: Store, *, revoke_old: bool = False, days: float = DAYS
) -> list[Entry]:
    """Do the same for everybody whose certificates are in force.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
        WishRefused: the days cannot be.
    """
    with store.locked():
        authorities = store.authorities()
        known = register.read(store.register)
        now = datetime.now(UTC)
        holders = [one for one in known.newest(now) if one.kind in FOLDERS]
        wanted = [wishes.again(one, days) for one in holders]
        made = write(store, authorities[0], wanted)
        if revoke_old:
            old = [entry for one in holders for entry in known.of(one.kind, one.name)]
            strike(store, authorities, old, Reason.SUPERSEDED)
        return made


def revoke(
    store: Store, asked: str, reason: Reason, kind: Kind | None = None
) -> list[Entry]:
    """Revoke one certificate by its serial number, or all that a holder has.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
        NameUnknown, NameAmbiguous: nothing, or several, are called so.
        NothingToRevoke: what is meant is not in force any more.
    """
    with store.locked():
        authorities = store.authorities()
        found = _holder(register.read(store.register), asked, kind)
        struck = strike(store, authorities, found, reason)
        if not struck:
            # A crash may have kept the list from following the register.
            publish(store, authorities)
            raise NothingToRevoke(asked)
        return struck


def find(store: Store, asked: str, kind: Kind | None = None) -> list[Entry]:
    """Return the certificates of a holder, or the one with this serial number.

    Raises:
        NoAuthority: there is none.
        NameUnknown, NameAmbiguous: nothing, or several, are called so.
    """
    return _holder(entries(store), asked, kind)


def entries(store: Store) -> Register:
    """Return everything that was issued.

    Raises:
        NoAuthority: there is none.
    """
    store.certificates()
    return register.read(store.register)


def rotate_authority(store: Store) -> Entry:
    """Make a new CA beside those there are; from now on it signs.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
    """
    with store.locked():
        newest = renew_authority(store, store.authorities())[0].certificate
        return _as_kept(store, {newest.serial_number})[0]


def renew_authority(store: Store, kept: Sequence[Authority]) -> list[Authority]:
    """Do the work of `rotate_authority`; the lock is held."""
    now = datetime.now(UTC)
    authority = certificates.new_authority(store.domain, now)
    line = register.issued(Kind.AUTHORITY, store.domain, authority.certificate, now)
    lines.append(store.register, [line])
    # Trusted before it has signed anything, the list of revoked included.
    store.write_authorities([authority, *kept])
    publish(store, [authority, *kept])
    return [authority, *kept]


def retire_authorities(store: Store) -> list[Entry]:
    """Trust the newest CA alone; the keys of the others are removed.

    Raises:
        NoAuthority, FileUnusable, KeyExposed: the authority cannot sign.
        NothingToRevoke: there is one only.
        StillInUse: an older one signed somebody's newest certificate.
    """
    with store.locked():
        newest, *older = store.authorities()
        if not older:
            raise NothingToRevoke(f"an older CA of {store.domain}")
        now = datetime.now(UTC)
        known = register.read(store.register)
        subjects = {one.certificate.subject for one in older}
        late = [one for one in known.newest(now) if one.load().issuer in subjects]
        late = [one for one in late if one.kind is not Kind.AUTHORITY]
        if late:
            raise StillInUse(sorted({one.name for one in late}))
        serials = {one.certificate.serial_number for one in older}
        gone = [one for one in known.entries if one.serial in serials]
        lines.append(store.register, [register.retired(one, now) for one in gone])
        publish(store, [newest])
        store.write_authorities([newest])
        return _as_kept(store, serials)


def write(store: Store, authority: Authority, wanted: Sequence[Wish]) -> list[Entry]:
    """Make, register and write what is wished; the lock is held.

    Raises:
        WishRefused: a name or the days cannot be.
    """
    now, domain = datetime.now(UTC), store.domain
    made = [
        (kind, wish.name, pair)
        for wish in wanted
        for kind, pair in wishes.grant(authority, domain, wish, now)
    ]
    lines.append(
        store.register,
        [
            register.issued(kind, name, pair.certificate, now)
            for kind, name, pair in made
        ],
    )
    for kind, name, pair in made:
        store.write_pair(kind, name, pair)
    return _as_kept(store, {pair.certificate.serial_number for _, _, pair in made})


def strike(
    store: Store,
    authorities: Sequence[Authority],
    meant: Sequence[Entry],
    reason: Reason,
) -> list[Entry]:
    """Revoke those of `meant` that are in force; the lock is held."""
    now = datetime.now(UTC)
    struck = [one for one in meant if one.is_in_force(now)]
    if struck:
        lines.append(
            store.register, [register.revoked(one, reason, now) for one in struck]
        )
        publish(store, authorities)
    return _as_kept(store, {one.serial for one in struck})


def publish(store: Store, authorities: Sequence[Authority]) -> None:
    """Write the list of revoked certificates: all of them, signed by each CA in turn.

    Serial numbers are 159 bits of chance: one stands for a certificate whoever issued
    it. So a reader of the first list misses nothing, and one that wants the list of the
    certificate's own issuer finds it.
    """
    known = register.read(store.register)
    gone = [
        Revoked(one.serial, one.revoked_at, one.reason)
        for one in known.entries
        if one.revoked_at is not None
    ]
    now = datetime.now(UTC)
    lists = [
        certificates.revocation_list(authority, gone, known.length, now)
        for authority in authorities
    ]
    write_private(store.revocations, "".join(map(certificates.list_pem, lists)))


def _as_kept(store: Store, serials: Collection[int]) -> list[Entry]:
    known = register.read(store.register).entries
    return [one for one in known if one.serial in serials]


def _holder(known: Register, asked: str, kind: Kind | None) -> list[Entry]:
    found = [
        one
        for one in known.find(asked)
        if one.kind is not Kind.AUTHORITY and kind in {None, one.kind.holder}
    ]
    if not found:
        raise NameUnknown(asked)
    kinds = sorted({one.kind.holder for one in found})
    if len(kinds) > 1:
        raise NameAmbiguous(asked, kinds)
    return found

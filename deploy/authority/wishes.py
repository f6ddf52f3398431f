"""What may be asked of the authority, checked before anything is made. No files here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from deploy.authority import certificates
from deploy.authority.certificates import Authority, Pair, Validity
from deploy.authority.errors import WishRefused
from deploy.authority.register import Entry, Kind
from tier.identity.model import TIERS, SpiffeId, area_of, parse_id
from tier.jurisdiction import Code, Level, level_of, parse

MOST_DAYS: Final = 3650
# As in lists of nodes: a name is also a label of a DNS name.
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_DOMAIN: Final = re.compile(
    r"(?=.{1,120}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """A holder of certificates to make: who, with which further names, for how long.

    Of a node `tier` and `area` are given, of a client program `area` alone, of a NATS
    server neither.
    """

    kind: Kind
    name: str
    tier: Level | None = None
    area: Code | None = None
    names: tuple[str, ...] = ()
    days: float = certificates.DAYS

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What is issued: a node has a certificate for TLS and one for its seal."""
        return (Kind.NODE, Kind.SEAL) if self.kind is Kind.NODE else (self.kind,)


def node(name: str, tier: str, hosts: Sequence[str], names: Sequence[str] = ()) -> Wish:
    """Return the wish for a node; its area is the smallest division with all `hosts`.

    Raises:
        WishRefused: the tier is none, a host is no code or stands below the tier, or the
            hosts lie in different provinces.
    """
    level = TIERS.get(tier)
    if level is None:
        told = ", ".join(TIERS)
        raise WishRefused(
            f"{tier!r} is not a tier ({told}).", f"{tier!r} 不是层级（{told}）。"
        )
    if not hosts:
        raise WishRefused(f"{name} hosts no division.", f"{name} 未承载任何区划。")
    codes = [division(host) for host in hosts]
    low = next((code for code in codes if level_of(code) > level), None)
    if low is not None:
        raise WishRefused(
            f"A {tier} node cannot host {low}, which stands below its tier.",
            f"{tier} 层级的节点不能承载低于该层级的区划 {low}。",
        )
    try:
        area = area_of(codes)
    except ValueError as apart:
        raise WishRefused(f"{apart}.", f"所承载区划不在同一省：{apart}。") from None
    return Wish(Kind.NODE, name, level, area, tuple(names))


def client(name: str, area: str) -> Wish:
    """Return the wish for a client program whose people come from `area`.

    Raises:
        WishRefused: the area is no code.
    """
    return Wish(Kind.CLIENT, name, area=division(area))


def again(entry: Entry, days: float = certificates.DAYS) -> Wish:
    """Return the wish that the TLS certificate of an entry came from."""
    names = () if entry.kind is Kind.CLIENT else _further(entry)
    if entry.kind is Kind.NATS:
        return Wish(Kind.NATS, entry.name, names=names, days=days)
    identity = parse_id(entry.identity)
    tier, area = identity.tier, identity.area
    return Wish(entry.kind, entry.name, tier, area, names, days)


def division(text: str) -> Code:
    """Read a division's code.

    Raises:
        WishRefused: it is none.
    """
    try:
        return parse(text)
    except ValueError as wrong:
        raise WishRefused(
            f"{wrong}.", f"{text!r} 不是区划代码（2、4、6、9、12 或 15 位数字）。"
        ) from wrong


def trust_domain(text: str) -> str:
    """Read a trust domain.

    Raises:
        WishRefused: it is no DNS name in small letters.
    """
    if not _DOMAIN.fullmatch(text):
        raise WishRefused(f"{text!r} is no domain name.", f"{text!r} 不是域名。")
    return text


def identity_of(wish: Wish, domain: str) -> SpiffeId | None:
    """Return the id that a holder will have; a NATS server has none."""
    if wish.area is None:
        return None
    return SpiffeId(domain, wish.tier, wish.area, wish.name)


def grant(
    authority: Authority, domain: str, wish: Wish, now: datetime
) -> list[tuple[Kind, Pair]]:
    """Make the certificates that are wished.

    Raises:
        WishRefused: the name, a further name or the days cannot be.
    """
    _refuse(wish)
    try:
        return [
            (kind, _pair(authority, domain, wish, kind, now)) for kind in wish.kinds
        ]
    except ValueError as wrong:
        raise WishRefused(f"{wrong}.", f"{wrong}。") from wrong


def _pair(
    authority: Authority, domain: str, wish: Wish, kind: Kind, now: datetime
) -> Pair:
    validity = Validity(now, wish.days)
    identity = identity_of(wish, domain)
    if identity is None:
        server = (wish.name, domain)
        return certificates.nats_tls(authority, server, wish.names, validity)
    match kind:
        case Kind.SEAL:
            return certificates.node_seal(authority, identity, validity)
        case Kind.CLIENT:
            return certificates.client_tls(authority, identity, validity)
        case _:
            return certificates.node_tls(authority, identity, wish.names, validity)


def _refuse(wish: Wish) -> None:
    if not _NAME.fullmatch(wish.name):
        raise WishRefused(
            f"{wish.name!r} is not a name (a-z, 0-9, - _; at most 41 letters).",
            f"{wish.name!r} 不是有效名称（a-z、0-9、- _，至多 41 个字符）。",
        )
    if not 0 < wish.days <= MOST_DAYS:
        raise WishRefused(
            f"A certificate cannot be good for {wish.days:g} days (at most {MOST_DAYS}).",
            f"证书有效期不能是 {wish.days:g} 天（至多 {MOST_DAYS} 天）。",
        )
    own = certificates.LOOPBACK
    wrong = next((name for name in wish.names if name in own), None)
    if wrong is not None:
        raise WishRefused(
            f"{wrong} stands in every certificate already.", f"证书中已包含 {wrong}。"
        )


def _further(entry: Entry) -> tuple[str, ...]:
    """Return the names that a certificate was given beside its own and loopback's."""
    _own, *names = certificates.hosts_of(entry.load())
    return tuple(name for name in names if name not in certificates.LOOPBACK)

"""What an authority refuses: with words, and without a trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.authority import actions, lines, wishes
from deploy.authority.certificates import Reason
from deploy.authority.errors import (
    AuthorityRefused,
    FileUnusable,
    NameAmbiguous,
    NameTaken,
    NameUnknown,
    NoAuthority,
    WishRefused,
)
from deploy.authority.register import Kind
from deploy.authority.store import Store
from deploy.authority.wishes import Wish
from tests.authority.sites import begun


def _two_named_alike(store: Store) -> None:
    actions.issue(store, wishes.node("oa", "city", ["5301"]))
    actions.find(store, "oa")


def _foreign_key(store: Store) -> None:
    other = begun(store.directory / "other")
    store.key.write_bytes(other.key.read_bytes())
    actions.issue(store, wishes.client("a", "53"))


def _no_key(store: Store) -> None:
    store.key.unlink()
    actions.issue(store, wishes.client("a", "53"))


REFUSALS: dict[str, tuple[type[AuthorityRefused], Callable[[Store], object]]] = {
    "a name twice": (NameTaken, lambda s: actions.issue(s, wishes.client("oa", "53"))),
    "a name of nobody": (NameUnknown, lambda s: actions.rotate(s, "nobody")),
    "a number of nobody": (
        NameUnknown,
        lambda s: actions.revoke(s, "abcdef", Reason.UNSPECIFIED),
    ),
    "the authority itself": (
        NameUnknown,
        lambda s: actions.revoke(
            s, actions.entries(s).entries[0].number, Reason.UNSPECIFIED
        ),
    ),
    "a name of another kind": (
        NameUnknown,
        lambda s: actions.find(s, "oa", Kind.NODE),
    ),
    "a name of two kinds": (NameAmbiguous, _two_named_alike),
    "an unknown tier": (WishRefused, lambda s: wishes.node("a", "village", ["53"])),
    "no hosts": (WishRefused, lambda s: wishes.node("a", "city", [])),
    "a host that is no code": (
        WishRefused,
        lambda s: wishes.node("a", "city", ["530"]),
    ),
    "a host below the tier": (
        WishRefused,
        lambda s: wishes.node("a", "city", ["530102"]),
    ),
    "hosts of two provinces": (
        WishRefused,
        lambda s: wishes.node("a", "city", ["5301", "5201"]),
    ),
    "an area that is no code": (WishRefused, lambda s: wishes.client("a", "53010")),
    "a name with a slash": (
        WishRefused,
        lambda s: actions.issue(s, wishes.client("../a", "53")),
    ),
    "a name that is empty": (
        WishRefused,
        lambda s: actions.issue(s, wishes.client("", "53")),
    ),
    "a further name with a space": (
        WishRefused,
        lambda s: actions.issue(s, wishes.node("a", "city", ["5301"], ["b c"])),
    ),
    "loopback as a further name": (
        WishRefused,
        lambda s: actions.issue(s, wishes.node("a", "city", ["5301"], ["localhost"])),
    ),
    "no days": (
        WishRefused,
        lambda s: actions.issue(s, Wish(Kind.NATS, "a", days=0)),
    ),
    "too many days": (
        WishRefused,
        lambda s: actions.rotate(s, "oa", days=4000),
    ),
    "a domain with a space": (
        WishRefused,
        lambda s: actions.begin(Store(s.directory / "b"), "a b"),
    ),
    "no authority to sign": (
        NoAuthority,
        lambda s: actions.issue(Store(s.directory / "b"), wishes.client("a", "53")),
    ),
    "no authority to list": (
        NoAuthority,
        lambda s: actions.entries(Store(s.directory / "b")),
    ),
    "the key of another": (FileUnusable, _foreign_key),
    "no key": (FileUnusable, _no_key),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refusal_says_what_to_do_and_changes_nothing(
    tmp_path: Path, case: str
) -> None:
    """In both languages; register and list stay as they were."""
    store = begun(tmp_path)
    actions.issue(store, wishes.client("oa", "5301"))
    wanted, act = REFUSALS[case]
    kept = lines.read(store.register), store.revocations.read_bytes()

    with pytest.raises(wanted) as caught:
        act(store)
    refused = caught.value
    assert str(refused) == refused.english
    assert refused.english.endswith(refused.remedy)
    assert refused.chinese != refused.english
    assert refused.reason != AuthorityRefused.reason
    if case != "a name of two kinds":
        assert (lines.read(store.register), store.revocations.read_bytes()) == kept

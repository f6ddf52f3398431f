"""Issue, revoke, rotate: what the register, the list and the files say afterwards."""

from __future__ import annotations

import multiprocessing
import stat
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from cryptography import x509

from deploy.authority import actions, register, wishes
from deploy.authority.certificates import Reason
from deploy.authority.errors import (
    AuthorityExists,
    FileUnusable,
    KeyExposed,
    NameTaken,
    NothingToRevoke,
    StillInUse,
)
from deploy.authority.register import Kind
from deploy.authority.store import Store
from deploy.authority.wishes import Wish
from tests.authority.sites import (
    begun,
    called,
    lists,
    read,
    revoked_serials,
    serving,
    with_wuhua,
)

WRITERS, EACH, SECONDS = 3, 12, 60.0


def test_everything_is_private(tmp_path: Path) -> None:
    """No file and no folder of an authority can be read by others."""
    store = with_wuhua(tmp_path / "identity")
    found = [store.directory, *store.directory.rglob("*")]

    assert len(found) > 20
    assert [path for path in found if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """An authority whose key lies open does not sign."""
    store = begun(tmp_path)
    store.key.chmod(0o644)

    with pytest.raises(KeyExposed, match="chmod 600"):
        actions.issue(store, wishes.client("oa", "53"))


def test_the_register_knows_every_certificate(tmp_path: Path) -> None:
    """What lies in the files is what was registered, and it can be shown again."""
    store = with_wuhua(tmp_path)
    known = actions.entries(store)
    files = {
        x509.load_pem_x509_certificate(path.read_bytes()).serial_number
        for path in store.directory.rglob("*.crt")
    }

    assert {one.serial for one in known.entries} == files
    assert [one.kind for one in known.entries] == [
        Kind.AUTHORITY,
        Kind.NODE,
        Kind.SEAL,
        Kind.CLIENT,
        Kind.NATS,
    ]
    for one in known.entries:
        assert one.load().serial_number == one.serial


def test_a_revoked_holder_is_on_the_list_with_the_reason(tmp_path: Path) -> None:
    """Both certificates of a node, signed by the CA, with a number that grows."""
    store = with_wuhua(tmp_path)
    (before,) = lists(store)
    struck = actions.revoke(store, "wuhua", Reason.KEY_COMPROMISE)
    (after,) = lists(store)
    authority = store.certificates()[0]

    assert {one.kind for one in struck} == {Kind.NODE, Kind.SEAL}
    assert revoked_serials(store) == {one.serial for one in struck}
    assert all(one.revoked_at for one in struck)
    assert after.issuer == authority.subject
    assert after.is_signature_valid(authority.public_key())  # type: ignore[arg-type] # it is an EC key
    reasons = {
        one.extensions.get_extension_for_class(x509.CRLReason).value.reason
        for one in after
    }
    assert reasons == {x509.ReasonFlags.key_compromise}
    assert _number(after) > _number(before)
    with pytest.raises(NothingToRevoke):
        actions.revoke(store, "wuhua", Reason.SUPERSEDED)


def test_one_certificate_is_revoked_by_its_number(tmp_path: Path) -> None:
    """Written with or without colons; the holder's other certificate stays good."""
    store = with_wuhua(tmp_path)
    number = f"{read(store, Kind.NODE, 'wuhua').serial_number:040X}"
    with_colons = ":".join(number[i : i + 2] for i in range(0, 40, 2))
    struck = actions.revoke(store, with_colons, Reason.UNSPECIFIED)

    assert [one.kind for one in struck] == [Kind.NODE]
    (entry,) = list(lists(store)[0])
    assert list(entry.extensions) == []


def test_a_rotated_holder_keeps_id_and_names_with_a_new_key(tmp_path: Path) -> None:
    """Nothing breaks meanwhile: the old one stays good until it is revoked or ends."""
    store = begun(tmp_path)
    names = ["wuhua.example", "10.0.0.3"]
    actions.issue(store, wishes.node("wuhua", "county", ["530102"], names))
    old, old_seal = read(store, Kind.NODE, "wuhua"), read(store, Kind.SEAL, "wuhua")
    actions.rotate(store, "wuhua")
    new, new_seal = read(store, Kind.NODE, "wuhua"), read(store, Kind.SEAL, "wuhua")

    assert _sans(new) == _sans(old)
    assert _sans(new_seal) == _sans(old_seal)
    assert new.public_key() != old.public_key()
    assert new_seal.public_key() != old_seal.public_key()
    assert revoked_serials(store) == set()
    actions.rotate(store, "wuhua", revoke_old=True)
    gone = {one.serial_number for one in (old, old_seal, new, new_seal)}
    assert revoked_serials(store) == gone


def test_a_revoked_holder_is_let_in_again_by_rotation(tmp_path: Path) -> None:
    """By the serial number as well as by the name; the old stays on the list."""
    store = with_wuhua(tmp_path)
    (struck,) = actions.revoke(store, "oa", Reason.CESSATION)
    (made,) = actions.rotate(store, struck.number)

    assert made.identity == struck.identity
    assert revoked_serials(store) == {struck.serial}


def test_a_new_authority_breaks_nothing_until_the_old_is_retired(
    tmp_path: Path,
) -> None:
    """Old and new certificates meet while both CAs are trusted; revocation goes on."""
    store = with_wuhua(tmp_path)
    actions.issue(store, wishes.node("kunming", "city", ["5301"]))
    actions.rotate_authority(store)
    actions.rotate(store, "wuhua")

    with serving(store, Kind.NODE, "wuhua") as address:
        assert called(store, address, Kind.NODE, "kunming")
    with serving(store, Kind.NODE, "kunming") as address:
        assert called(store, address, Kind.NODE, "wuhua")
    with pytest.raises(StillInUse, match="hub, kunming, oa"):
        actions.retire_authorities(store)
    struck = actions.revoke(store, "kunming", Reason.CESSATION)
    serials = {one.serial for one in struck}
    assert [revoked_serials(store, 0), revoked_serials(store, 1)] == [serials, serials]
    assert {one.issuer for one in lists(store)} == {
        one.subject for one in store.certificates()
    }


def test_after_its_retirement_an_old_authority_is_worth_nothing(tmp_path: Path) -> None:
    """Its key is gone, and what it signed opens no door."""
    store = with_wuhua(tmp_path)
    certificate, key = store.files(Kind.CLIENT, "oa")
    stolen = certificate.read_bytes(), key.read_bytes()
    actions.rotate_authority(store)
    made = actions.rotate_all(store)
    (gone,) = actions.retire_authorities(store)

    assert len(made) == 4
    assert len(store.authorities()) == len(lists(store)) == 1
    assert list(store.directory.glob("ca.*.key")) == []
    assert gone.retired_at is not None
    with serving(store, Kind.NODE, "wuhua") as address:
        assert called(store, address, Kind.CLIENT, "oa")
        certificate.write_bytes(stolen[0])
        key.write_bytes(stolen[1])
        assert not called(store, address, Kind.CLIENT, "oa")
    with pytest.raises(NothingToRevoke):
        actions.retire_authorities(store)


def test_a_rotation_that_broke_off_leaves_an_authority(tmp_path: Path) -> None:
    """Between the new key and the new bundle the old CA still signs."""
    store = begun(tmp_path)
    bundle = store.bundle.read_bytes()
    actions.rotate_authority(store)
    store.bundle.write_bytes(bundle)
    (made,) = actions.issue(store, wishes.client("oa", "53"))

    made.load().verify_directly_issued_by(x509.load_pem_x509_certificate(bundle))
    assert actions.rotate_authority(store).kind is Kind.AUTHORITY
    assert len(store.authorities()) == 2


def test_half_a_line_at_the_end_of_the_register_is_no_harm(tmp_path: Path) -> None:
    """A crash while a line is written: it was never answered for, and is cut off."""
    store = with_wuhua(tmp_path)
    before = actions.entries(store)
    with store.register.open("ab") as file:
        file.write(b'{"event": "issued", "serial": "')

    assert actions.entries(store) == before
    actions.issue(store, wishes.client("ob", "53"))
    assert len(actions.entries(store).entries) == len(before.entries) + 1


@pytest.mark.parametrize("line", ["{}", "[]", "x", '{"event": "forged", "at": "x"}'])
def test_a_register_that_was_tampered_with_is_refused(
    tmp_path: Path, line: str
) -> None:
    """A whole line that is none of ours stops everything."""
    store = begun(tmp_path)
    with store.register.open("a") as file:
        file.write(line + "\n")

    with pytest.raises(FileUnusable, match=r"register\.jsonl"):
        actions.issue(store, wishes.client("oa", "53"))


def test_writers_at_once_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Several processes issue the same names: each name once, everybody else is told so."""
    store = begun(tmp_path)
    context = multiprocessing.get_context("spawn")
    begin, won = context.Barrier(WRITERS), context.Queue()
    writers = [
        context.Process(target=_issue_and_revoke, args=(tmp_path, begin, won))
        for _ in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    wins = [won.get(timeout=SECONDS) for _ in writers]
    for writer in writers:
        writer.join(SECONDS)

    assert [writer.exitcode for writer in writers] == [0] * WRITERS
    assert sum(wins) == EACH
    known = actions.entries(store)
    issued = [one for one in known.entries if one.kind is Kind.CLIENT]
    assert sorted(one.name for one in issued) == sorted(f"n{i}" for i in range(EACH))
    assert revoked_serials(store) == {one.serial for one in issued if one.revoked_at}
    assert len(revoked_serials(store)) == EACH // 2
    assert _number(lists(store)[0]) == known.length
    for one in issued:
        assert read(store, Kind.CLIENT, one.name).serial_number == one.serial


def test_two_who_begin_at_once_make_one_authority(tmp_path: Path) -> None:
    """The second is refused; it does not replace what the first signs with."""
    store = begun(tmp_path)
    key = store.key.read_bytes()

    with pytest.raises(AuthorityExists, match="rotate --ca"):
        actions.begin(Store(tmp_path))
    assert store.key.read_bytes() == key


def test_an_entry_remembers_what_was_wished(tmp_path: Path) -> None:
    """So that a rotation needs no arguments; for every kind."""
    store = begun(tmp_path)
    names = ("a.example", "10.0.0.3")
    wanted = [
        wishes.node("wuhua", "county", ["530102", "530103"], names),
        wishes.client("oa", "5301"),
        Wish(Kind.NATS, "hub", names=names),
    ]
    for wish in wanted:
        actions.issue(store, wish)
    known = register.read(store.register).entries[1:]

    assert [wishes.again(one) for one in known if one.kind is not Kind.SEAL] == wanted


def _number(found: x509.CertificateRevocationList) -> int:
    return found.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number


def _sans(certificate: x509.Certificate) -> x509.SubjectAlternativeName:
    return certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value


def _issue_and_revoke(directory: Path, begin: Barrier, won: Queue[int]) -> None:
    """Issue every name that nobody else did, and revoke each second one of these."""
    store, wins = Store(directory), 0
    begin.wait(SECONDS)
    for number in range(EACH):
        try:
            actions.issue(store, wishes.client(f"n{number}", "53"))
        except NameTaken:
            continue
        wins += 1
        if number % 2:
            actions.revoke(store, f"n{number}", Reason.CESSATION)
    won.put(wins)

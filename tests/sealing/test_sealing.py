"""A ledger sealed beside the work, witnessed by the parent, exported, and checked offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509

from tests.sealing.line import (
    BEGIN,
    TOWNSHIP,
    a_fact,
    a_pair,
    record,
    seal_all,
    spiffe_of,
    verified,
)
from tests.sealing.seals import AUTHORITY
from tests.servers import Databases, refusal
from tier.identity.certificates import serial_of
from tier.sealing.findings import Kind
from tier.sealing.trust import Trust


@pytest.mark.parametrize("digest", ["sha256", "sm3"])
async def test_an_untouched_ledger_verifies_with_and_without_the_parents_word(
    databases: Databases, tmp_path: Path, digest: str
) -> None:
    """600 facts in rounds of different sizes, over tile and checkpoint borders."""
    async with a_pair(databases, tmp_path, digest) as pair:
        for count in (1, 2, 253, 1, 3, 200, 57, 90):
            await pair.round(count)
        records, witnessed = await pair.export(), await pair.witnessed()

        for history in (witnessed, None):
            report = verified(records, pair.trust(), history)
            assert report.findings == ()
            assert report.notices == ()
            assert (report.facts, report.signed.size, report.cosigned.size) == (
                607,
                607,
                607,
            )
        assert len(witnessed.checkpoints) == 8
        beacons = [one.checkpoint.beacon for one in records if one.checkpoint.beacon]
        assert len(beacons) == 7


@pytest.mark.parametrize(
    ("by", "found"),
    [(timedelta(days=-3), True), (timedelta(minutes=-4), False),
     (timedelta(minutes=4), False), (timedelta(hours=1), True)],
)  # fmt: skip
async def test_a_date_that_the_parents_clock_excludes_is_found_though_it_was_sealed(
    databases: Databases, tmp_path: Path, by: timedelta, *, found: bool
) -> None:
    """Recorded with a false date and sealed so by the node itself: the witness's times tell."""
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(3)
        lying = replace(pair.township, now=lambda: pair.clock.now + by)
        await record(lying, [a_fact(lying)])
        for _ in range(3):
            await pair.round(2)
        report = verified(await pair.export(), pair.trust(), await pair.witnessed())

        assert [(one.kind, one.first) for one in report.findings] == (
            [(Kind.BACK_DATED, 4)] if found else []
        )


async def test_a_seal_that_is_over_verifies_what_it_sealed_in_its_time(
    databases: Databases, tmp_path: Path
) -> None:
    """After its end the witness refuses it, and so does the check; before, it stays good."""
    end = BEGIN + timedelta(minutes=1)
    seal = AUTHORITY.seal(spiffe_of(TOWNSHIP), end=end)
    async with a_pair(databases, tmp_path, seal=seal) as pair:
        await pair.round(5)
        records = await pair.export()
        pair.clock.move(3600)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pair.round(5)

        assert refusal(caught.value).reason == "SEAL_NOT_OF_CHILD"
        assert verified(records, pair.trust()).findings == ()
        late = verified(await pair.export(), pair.trust())
        assert {one.kind for one in late.findings} == {Kind.CHECKPOINT, Kind.UNSEALED}


async def test_what_was_signed_after_a_revocation_does_not_count(
    databases: Databases, tmp_path: Path
) -> None:
    async with a_pair(databases, tmp_path) as pair:
        for _ in range(4):
            await pair.round(5)
        records = await pair.export()
        assert pair.township.identity is not None
        certificate = pair.township.identity.signer.certificate
        serial = serial_of(x509.load_der_x509_certificate(certificate))
        prove = pair.trust().prove
        for seconds, sizes in ((100, []), (5, [15, 20]), (-9, [5, 10, 15, 20])):
            revoked = {serial: BEGIN + timedelta(seconds=seconds)}
            report = verified(records, Trust(prove, revoked))
            broken = [
                one.first for one in report.findings if one.kind is Kind.CHECKPOINT
            ]
            assert broken == sizes


async def test_a_renewed_seal_goes_on_where_the_old_one_stopped(
    databases: Databases, tmp_path: Path
) -> None:
    """Another key with the same id: the same origin, and the witness goes on."""
    async with a_pair(databases, tmp_path) as pair:
        await pair.round(5)
        assert pair.township.identity is not None
        pair.township.identity.signer = AUTHORITY.seal(spiffe_of(TOWNSHIP))
        await record(pair.township, [a_fact(pair.township)])
        pair.clock.move(2)
        await seal_all(pair.sealer)
        assert await pair.cosigner.cosign()
        report = verified(await pair.export(), pair.trust(), await pair.witnessed())

        assert report.findings == ()
        assert report.cosigned.size == 6

"""A ledger sealed beside the work, witnessed by the parent, exported, and checked offline."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sealing.line import a_pair, verified
from tests.servers import Databases


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

"""The doctor on walls: what is over, what is revoked, what others can read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients.cli.checks_identity import everything
from clients.cli.findings import Finding, Severity, worst
from deploy.authority import actions
from deploy.authority.certificates import Reason
from deploy.authority.register import Kind
from tests.clients.walled import Site

WALLED = {"walls": True}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Give a directory with identities."""
    return Site(tmp_path)


def found(site: Site, check: str, now: datetime | None = None) -> Finding:
    """Return what one check says."""
    findings = everything(site.data, WALLED, now or datetime.now(UTC))
    return next(one for one in findings if one.check == check)


def test_a_fresh_site_is_well(site: Site) -> None:
    """Every certificate and list is looked at, and nothing is to be done."""
    findings = list(everything(site.data, WALLED, datetime.now(UTC)))

    assert worst(findings) == Severity.OK, [one for one in findings if one.severity]
    assert {one.check for one in findings} >= {
        *("walls", "keys", "revoked", "certificate ca"),
        *("certificate nodes/province/tls", "certificate nodes/province/seal"),
        "certificate clients/console/tls",
    }


@pytest.mark.parametrize(
    ("days", "severity"),
    [(300, Severity.OK), (355, Severity.WARNING), (366, Severity.FAILURE)],
)
def test_a_certificate_that_ends_is_seen_before_it_does(
    site: Site, days: int, severity: Severity
) -> None:
    """It lasts a year; that nobody renewed it is said two weeks before."""
    later = datetime.now(UTC) + timedelta(days=days)

    finding = found(site, "certificate clients/console/tls", later)

    assert finding.severity == severity
    assert bool(finding.fix.english) == bool(severity)


def test_a_clock_that_is_behind_is_named(site: Site) -> None:
    """Nothing is good yet: that is no fault of the certificates."""
    finding = found(site, "certificate ca", datetime.now(UTC) - timedelta(days=1))

    assert finding.severity == Severity.FAILURE
    assert "clock" in finding.what.english


def test_a_key_that_others_read_is_named(site: Site) -> None:
    """With the command that mends it, and that it has to be replaced."""
    key = site.store.directory / "nodes" / "province" / "tls.key"
    key.chmod(0o644)

    finding = found(site, "keys")

    assert finding.severity == Severity.FAILURE
    assert str(key) in finding.what.english
    assert "rotate" in finding.fix.english


def test_a_revoked_certificate_in_place_is_named(site: Site) -> None:
    """Whoever holds it is shut out, and may not know why."""
    actions.revoke(site.store, "console", Reason.KEY_COMPROMISE, Kind.CLIENT)

    assert found(site, "certificate clients/console/tls").severity == Severity.WARNING
    assert found(site, "certificate nodes/province/tls").severity == Severity.OK


def test_a_list_that_cannot_be_read_is_a_failure(site: Site) -> None:
    """Without it a node does not know whom to refuse."""
    site.store.revocations.write_text("nothing")

    assert found(site, "revoked").severity == Severity.FAILURE


def test_a_line_without_walls_is_warned_of(tmp_path: Path) -> None:
    """It is meant for trying out; whoever forgot that is told."""
    (finding,) = everything(tmp_path, {"walls": False}, datetime.now(UTC))

    assert (finding.check, finding.severity) == ("walls", Severity.WARNING)
    assert "--no-walls" in finding.fix.english

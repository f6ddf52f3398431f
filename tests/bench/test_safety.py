"""Promises of the comparison with and without walls: a loss is a loss, whatever the unit."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from bench.measured import Unary
from bench.product.asking import daily, single
from bench.product.requests import single_reports
from bench.report import Report, as_json, as_markdown
from bench.safety import Cost, Turns, costs
from bench.workloads.flow import Run
from clients.runtime.credentials import Issuing


def turns(factor: float) -> Turns:
    """Return runs of a line that takes `factor` times as long, and as much CPU."""
    runs = [Run(1000, seconds * factor, {"county": factor}) for seconds in (1, 2, 9)]
    return Turns(
        complete=runs,
        idle=[0.01 * factor] * 10,
        sustained=runs,
        villages=runs,
        unary=[Unary(1000, factor)] * 3,
        peak_mib={"county": 100 * factor},
    )


@pytest.mark.parametrize("name", ["complete", "villages", "idle_p50", "cpu", "unary"])
def test_a_time_that_grows_is_a_loss(name: str) -> None:
    """What takes 1.2 times as long has lost a fifth, and is within the limit."""
    cost = {one.name: one for one in costs(turns(1), turns(1.2))}[name]

    assert cost.loss == pytest.approx(0.2)
    assert cost.reached is True


def test_a_rate_that_falls_is_a_loss() -> None:
    """Three quarters of the rate is a quarter lost: that is not under a quarter."""
    cost = Cost("sustained", "", "results/s", 4.0, 3.0, is_rate=True)

    assert cost.loss == pytest.approx(0.25)
    assert cost.reached is False


def test_what_is_too_dear_is_named_in_the_table_and_the_json() -> None:
    """Nobody has to search for it; what is shown only is not judged."""
    made = Report([], {}, {}, costs=costs(turns(1), turns(1.5)))
    told = {one["name"]: one for one in json.loads(as_json(made))["walls"]}

    assert "| One item to 1,000 townships | s | 2 | 3 | 50% | < 25% | NO |" in (
        as_markdown(made)
    )
    assert told["unary"]["reached"] is False
    assert told["idle_p99"]["reached"] is None
    assert {one.name for one in made.too_dear} == {
        name for name, one in told.items() if one["reached"] is False
    }


def test_a_comparison_that_was_not_run_shows_nothing() -> None:
    """Other workloads may be run alone."""
    made = Report([], {}, {}, costs=costs(Turns(), Turns()))

    assert made.costs == []
    assert "walls cost" not in as_markdown(made)


def test_each_call_of_a_rush_is_its_own_townships(issuer: Issuing) -> None:
    """It bears the token that its officer has, not one token for all."""
    codes = ["530102001", "530103002"]
    grids = ["530102001001001"]

    sent = [
        *single_reports("00000000-0000-4000-8000-000000000009", codes),
        *single(daily("2027-01-01"), grids),
    ]

    assert [issuer.token(one) for one in sent] == [
        issuer.of(code) for code in ("530102001", "530103002", "530102001")
    ]
    assert len({issuer.token(one) for one in sent}) == 2


@pytest.fixture
def issuer() -> Issuing:
    """Return an issuer of the whole province."""
    return Issuing(ec.generate_private_key(ec.SECP256R1()), "k", "https://i", "53")

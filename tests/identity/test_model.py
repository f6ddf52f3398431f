"""SPIFFE ids: what is written is read again, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.identity.model import SpiffeId, area_of, parse_id, path_of
from tier.jurisdiction import Code, Level, contains, level_of, parse

CODES = st.sampled_from([2, 4, 6, 9]).flatmap(
    lambda digits: st.text("0123456789", min_size=digits, max_size=digits).map(parse)
)
NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,20}", fullmatch=True)


@given(CODES, NAMES, st.sampled_from([None, *list(Level)[:4]]))
def test_what_is_written_is_read(code: Code, name: str, tier: Level | None) -> None:
    tier = None if tier is None else max(tier, Level(min(level_of(code), 4)))
    one = SpiffeId("ducha.internal", tier, code, name)
    assert parse_id(str(one)) == one
    assert path_of(code)[-1] == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "spiffe://ducha.internal",
        "https://ducha.internal/county/53/5301/530102/wuhua",
        "spiffe://ducha.internal/county/530102/wuhua",
        "spiffe://ducha.internal/county/53/530102/wuhua",
        "spiffe://ducha.internal/county/53/5302/530102/wuhua",
        "spiffe://ducha.internal/village/53/wuhua",
        "spiffe://ducha.internal/city/53/5301/530102/wuhua",
        "spiffe://ducha.internal/county/53/5301/530102/",
        "spiffe://ducha.internal/county/53/5301/530102/../wuhua",
        "spiffe://ducha.internal/county/53/5301/53010/wuhua",
        "spiffe://ducha.internal/county/53/5301/530102/wuhua/more",
        "spiffe://ducha.internal/county/wuhua",
        "spiffe://Ducha Internal/county/53/wuhua",
        "spiffe://ducha.internal/COUNTY/53/wuhua",
        "spiffe://ducha.internal/county/53/武",
    ],
)
def test_nothing_else_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_id(text)


@given(st.text())
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        one = parse_id(text)
    except ValueError:
        return
    assert str(one) == text


@given(st.lists(CODES.map(lambda code: Code("53" + code[2:])), min_size=1, max_size=5))
def test_an_area_contains_its_hosts_and_no_smaller_one_does(hosts: list[Code]) -> None:
    area = area_of(hosts)
    assert all(contains(area, host) for host in hosts)
    below = [one for one in path_of(min(hosts)) if len(one) > len(area)]
    assert not any(all(contains(one, host) for host in hosts) for one in below)


def test_hosts_of_two_provinces_have_no_area() -> None:
    with pytest.raises(ValueError, match="provinces"):
        area_of([Code("53"), Code("51")])

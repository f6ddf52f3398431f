"""How divisions stand to each other, and what follows; the table and the protos agree."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tier.identity.model import Role
from tier.jurisdiction import Code, ancestors, contains, level_of
from tier.policy import rules
from tier.policy.model import Concern, Relation, Row
from tier.policy.table import TABLE
from tools.policy import flaws, main, requests
from tools.refusals import read_image

LENGTHS = (2, 4, 6, 9, 12, 15)


@st.composite
def a_code(draw: st.DrawFn) -> Code:
    """A code of few digits, so that kin is met often."""
    digits = draw(st.sampled_from(LENGTHS))
    province = draw(st.sampled_from(["53", "54"]))
    rest = draw(st.text("01", min_size=13, max_size=13))
    return Code((province + rest)[:digits])


@given(a_code(), a_code())
def test_a_relation_reads_the_same_from_the_other_side(one: Code, other: Code) -> None:
    """Above and below mirror each other; siblings, cousins and strangers are so mutually."""
    there, back = rules.relation(one, other), rules.relation(other, one)
    mutual = {Relation.SIBLING, Relation.COUSIN, Relation.OTHER_PROVINCE}

    assert (there in mutual) == (back in mutual)
    if there in mutual:
        assert there == back
    else:
        assert (contains(one, other), contains(other, one)) == (
            there is not Relation.DESCENDANT,
            there is Relation.DESCENDANT or one == other,
        )


@given(a_code(), a_code())
def test_only_townships_and_below_act_for_what_lies_within(
    one: Code, other: Code
) -> None:
    """A county is not its townships; a township is its villages, which have no office."""
    if one == other:
        expected = Relation.SELF
    elif contains(one, other):
        expected = Relation.SELF if len(one) >= 9 else Relation.ANCESTOR
    else:
        return

    assert rules.relation(one, other) is expected


def test_kin_that_shares_a_prefix_of_digits_is_none() -> None:
    """Codes are compared by segments: 53010 begins 530102, and is nobody."""
    assert rules.relation(Code("530102"), Code("530103")) is Relation.SIBLING
    assert rules.relation(Code("5301"), Code("5303")) is Relation.SIBLING
    assert rules.relation(Code("530102001"), Code("530103")) is Relation.COUSIN
    assert rules.relation(Code("53"), Code("54")) is Relation.OTHER_PROVINCE


@given(a_code(), st.lists(a_code(), min_size=1, max_size=4))
def test_a_node_of_several_hosts_is_seen_by_who_has_to_do_with_one(
    caller: Code, others: list[Code]
) -> None:
    """In line with a host means in line with the node; who contains all is not below."""
    hosts = [Code("53" + code[2:]) for code in others]
    found = rules.relation_to_node(caller, hosts)
    in_line = any(contains(caller, host) or contains(host, caller) for host in hosts)

    assert (found in rules.INSIDE) == in_line
    if all(contains(caller, host) for host in hosts):
        assert found in {Relation.SELF, Relation.ANCESTOR}
    elif in_line:
        assert found is Relation.DESCENDANT


@given(a_code(), st.lists(a_code(), max_size=5), st.sets(st.sampled_from(Relation)))
def test_one_forbidden_division_forbids_the_message(
    caller: Code, codes: list[Code], allowed: set[Relation]
) -> None:
    """All of them must be allowed; a message that names nobody is not."""
    verdict = rules.decide(caller, codes, frozenset(allowed))
    each = [rules.relation(caller, code) in allowed for code in codes]

    assert verdict.is_allowed == (bool(codes) and all(each))
    if codes and not verdict.is_allowed:
        assert verdict.concerned == codes[each.index(False)]


def test_the_table_lets_nobody_act_for_who_stands_above_beside_or_elsewhere() -> None:
    """Whatever the rows say: no person acts upwards, sideways or abroad."""
    forbidden = {
        Relation.DESCENDANT,
        Relation.SIBLING,
        Relation.COUSIN,
        Relation.OTHER_PROVINCE,
    }
    acting = [row for row in TABLE.values() if row.concern is Concern.ACTING]

    assert acting
    for row in acting:
        assert not forbidden & rules.relations(row, Role), row.rpc


def test_no_row_lets_another_province_in() -> None:
    """Not to anything, in any role."""
    for row in TABLE.values():
        assert Relation.OTHER_PROVINCE not in rules.relations(row, Role), row.rpc


def test_the_build_finds_where_table_and_protos_disagree() -> None:
    """A missing row, a row of nothing, a wrong path, a row that is no decision."""
    sent = requests(read_image())
    issue = "ducha.assignment.v1.AssignmentService/IssueItem"
    wrong_path = replace(TABLE[issue], paths=("divison",))
    number = replace(TABLE[issue], paths=("item.mode",))
    read = replace(TABLE[issue], concern=Concern.ROWS, paths=())
    nobody = replace(TABLE[issue], allow={})

    def found(row: Row | None) -> list[str]:
        table = {rpc: one for rpc, one in TABLE.items() if rpc != issue}
        return list(flaws(table if row is None else {**table, issue: row}, sent))

    assert found(TABLE[issue]) == []
    assert "has no row" in found(None)[0]
    assert "no path divison" in found(wrong_path)[0]
    assert "no path item.mode" in found(number)[0]
    assert "changes something" in found(read)[0]
    assert "lets nobody in" in found(nobody)[0]
    assert "there is no such rpc" in next(
        flaws({**TABLE, "ducha.x.v1.X/Y": TABLE[issue]}, sent)
    )


def test_the_page_is_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    """docs/policy.md is written from the table."""
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


@given(a_code())
def test_ancestors_stand_above(code: Code) -> None:
    """Every code above is an ancestor, or the same from the township down."""
    for above in ancestors(code):
        expected = Relation.SELF if level_of(above) >= 4 else Relation.ANCESTOR

        assert rules.relation(above, code) is expected

"""The protos list every refusal, in one form, and the errors agree with them."""

from __future__ import annotations

import grpc
import pytest

from tier.runtime.errors import TierError
from tools.reasons import disagreements, rows
from tools.refusals import Refusal, Rpc, read_image, rpcs


def rpc(comment: str, *, validated: bool = False) -> Rpc:
    """Return an rpc with this comment, as protoc hands it over."""
    return Rpc("ItemService", "IssueItem", comment, validated)


LISTED = (
    " IssueItem issues.\n\n Errors:\n * `NOT_FOUND` / `ITEM_UNKNOWN`: none. Look.\n"
)


def test_listed_refusals_are_read() -> None:
    """Code and reason, in order."""
    found = rpc(LISTED)

    assert list(found.flaws()) == []
    assert found.refusals() == [Refusal("NOT_FOUND", "ITEM_UNKNOWN")]


@pytest.mark.parametrize("rest", ["none of its own.", "those of ReportItems."])
def test_rpc_may_refer_instead_of_listing(rest: str) -> None:
    """Saying that there are none is a list too."""
    assert list(rpc(f" IssueItem issues.\n\n Errors: {rest}\n").flaws()) == []


@pytest.mark.parametrize(
    "comment",
    [
        "",
        " IssueItem issues.\n",
        " IssueItem issues.\n\n Errors:\n",
        " IssueItem issues.\n\n Errors: several.\n",
        " IssueItem issues.\n\n Errors:\n * NOT_FOUND: no such item.\n",
        LISTED + " Errors:\n",
    ],
)
def test_comment_without_its_refusals_is_a_flaw(comment: str) -> None:
    """Absent, empty, vague, misspelt, twice."""
    assert list(rpc(comment).flaws()) != []


def test_validated_request_lists_invalid_input() -> None:
    """Whoever checks fields refuses fields."""
    (flaw,) = rpc(LISTED, validated=True).flaws()

    assert "INVALID_INPUT" in flaw


def test_our_protos_have_no_flaw() -> None:
    """Every rpc, and validation is seen through nested messages."""
    ours = {each.name: each for each in rpcs(read_image())}

    assert [flaw for each in ours.values() for flaw in each.flaws()] == []
    assert ours["DeliverRequest".removesuffix("Request")].validated
    assert not ours["GetServerInfo"].validated


class Gone(TierError):
    """Look elsewhere.

    A story that the table does not tell.
    """

    code = grpc.StatusCode.NOT_FOUND
    reason = "ITEM_UNKNOWN"
    en = "item {item_id} is not here"
    zh = "没有事项 {item_id}"


class Mute(TierError):
    """Has a reason and no words."""

    reason = "MUTE"


def test_page_says_reason_code_texts_advice_and_who_raises_it() -> None:
    """One line a refusal; what no rpc lists may meet any call."""
    listed, unlisted = rows([Gone, Mute], [rpc(LISTED)])

    assert str(listed) == (
        "| `ITEM_UNKNOWN` | `NOT_FOUND` | item {item_id} is not here "
        "| 没有事项 {item_id} | Look elsewhere. | IssueItem |"
    )
    assert str(unlisted).endswith("| any call |")


def test_agreement_leaves_nothing_to_say() -> None:
    """The code listed is the code raised."""
    assert list(disagreements([Gone], [rpc(LISTED)])) == []


def test_each_disagreement_is_said() -> None:
    """An unknown reason, another code, a reason twice, no text."""
    other = LISTED.replace("NOT_FOUND", "ABORTED")

    assert len(list(disagreements([], [rpc(LISTED)]))) == 1
    assert len(list(disagreements([Gone], [rpc(other)]))) == 1
    assert len(list(disagreements([Gone, Gone], [rpc(LISTED)]))) == 1
    assert len(list(disagreements([Mute], []))) == 1

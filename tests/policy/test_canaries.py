"""What a caller is shown by every reading rpc: their own, what was addressed to them, no more.

One node hosts everything; whoever covers it is shown all there is, and each other caller
what the laws below leave of that, said row by row. Rows that are listed are filtered by the
database; what `test_second_wall` shows of its tables is shown here of whole answers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.message import Message

from tests.doors import letters
from tests.doors.data_letters import COUNT
from tests.identity.sites import Site
from tests.policy.calls import Rpc, rpcs
from tests.policy.walls import Fortress, fortress
from tests.policy.world import LATER, MONTH, World, mount, world
from tests.servers import AnApp
from tier.identity.model import Role

VILLAGE = "530102001001"
CALLERS = ("5301", "530102", "530102001", VILLAGE, "530103", "5303", "530302001")
FOREIGN = ("540102", "54")
CODE = re.compile(r"(?<![0-9a-f-])5[34][0-9]{0,13}(?![0-9a-f-])")
"""Not a piece of an id: those have letters or hyphens beside their digits."""

Rows = list[Message]
Law = Callable[["Seen", Any, str], bool]


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is, as who covers the node sees it."""

    items: Mapping[str, set[str]]
    """The divisions that execute an item, by its id."""
    requests: Mapping[str, set[str]]
    """The divisions that a data request asks, by its id."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A reading rpc: what it is asked, the field of its rows, and which of them are seen."""

    verb: str
    asked: Mapping[str, Any]
    field: str
    law: Law
    key: Callable[[Any], Any] = lambda row: row.SerializeToString(deterministic=True)


def of(name: str = "division") -> Law:
    return lambda _, row, area: getattr(row, name).startswith(area)


def covering(name: str) -> Law:
    return lambda _, row, area: (
        getattr(row, name).startswith(area) or area.startswith(getattr(row, name))
    )


def item(seen: Seen, row: Any, area: str) -> bool:
    told = any(code.startswith(area) for code in seen.items[row.item_id])
    return told or bool(row.issuer_division.startswith(area))


def request(seen: Seen, row: Any, area: str) -> bool:
    told = any(code.startswith(area) for code in seen.requests[row.data_request_id])
    return told or bool(row.requester_division.startswith(area))


MANY = 400
LISTINGS = (
    Listing("ListItems", {"page_size": MANY}, "items", item),
    Listing("ListAssignments", {"page_size": MANY}, "assignments", of()),
    Listing(
        "ListFencedWork",
        {"page_size": MANY},
        "work",
        lambda _, row, area: row.assignment.division.startswith(area),
    ),
    Listing(
        "ListDataRequests",
        {"page_size": MANY},
        "data_requests",
        request,
        key=lambda row: row.data_request_id,
    ),
    Listing(
        "ListObservations", {"period": MONTH, "page_size": MANY}, "observations", of()
    ),
    Listing("ListConflicts", {"page_size": MANY}, "conflicts", of()),
    Listing("ListTasks", {"period": LATER, "page_size": MANY}, "tasks", of()),
    Listing(
        "ListApprovals",
        {"period": "2021-02", "page_size": MANY},
        "approvals",
        covering("division"),
    ),
    Listing("ListEscalations", {"page_size": MANY}, "escalations", of()),
    Listing("ListPetitions", {"page_size": MANY}, "petitions", of()),
    Listing("ListUrges", {"page_size": MANY}, "urges", of()),
    Listing("ListDigests", {"page_size": MANY}, "lines", of()),
    Listing("ListRectifications", {"page_size": MANY}, "rectifications", of()),
    Listing("ListUnlockings", {"page_size": MANY}, "unlockings", covering("within")),
    Listing("ListSavings", {"page_size": MANY}, "savings", of()),
    Listing("ListSavings", {"page_size": MANY, "level": 2}, "savings", of()),
    Listing(
        "ListIndicatorValues",
        {"indicator": "doors.share", "level": 4, "period": MONTH},
        "values",
        of(),
        key=lambda row: (row.division, row.value),
    ),
    Listing(
        "ListIndicatorValues",
        {"indicator": "doors.share", "level": 2, "period": MONTH},
        "values",
        of(),
        key=lambda row: (row.division, row.value),
    ),
)


def texts(message: Message) -> Iterator[str]:
    """Yield every text in a message; numbers, such as parts of a moment, are no codes."""
    for field, value in message.ListFields():
        many: Any = value if field.is_repeated else [value]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            many = [*value, *value.values()]
        for one in many:
            if isinstance(one, str):
                yield one
            elif isinstance(one, Message):
                yield from texts(one)


@dataclass(slots=True)
class Reader:
    """Calls rpcs as somebody."""

    walls: Fortress
    every: Mapping[str, Rpc]

    async def ask(self, verb: str, caller: str, **asked: Any) -> Any:
        """Return the first answer."""
        rpc = self.every[verb]
        sent = message_factory.GetMessageClass(rpc.method.input_type)
        got = message_factory.GetMessageClass(rpc.method.output_type)
        line, metadata = self.walls.as_person(caller, Role.READER)
        body = await rpc.call(line, sent(**asked).SerializeToString(), metadata)
        return got.FromString(body)

    async def rows(self, listing: Listing, caller: str, **more: Any) -> list[Any]:
        answer = await self.ask(listing.verb, caller, **{**listing.asked, **more})
        assert not answer.next_page_token
        return list(getattr(answer, listing.field))


async def everything(reader: Reader, made: World) -> Seen:
    """Ask, as who covers the node, who executes what and who is asked what."""
    items: dict[str, set[str]] = {}
    asked = await reader.ask("ListAssignments", "53", page_size=MANY)
    for one in asked.assignments:
        items.setdefault(one.item_id, set()).add(one.division)
    requests: dict[str, set[str]] = {}
    found = await reader.ask("ListDataRequests", "53", page_size=MANY)
    for one in found.data_requests:
        needs = await reader.ask(
            "ListNeeds", "53", data_request_id=one.data_request_id, page_size=MANY
        )
        requests[one.data_request_id] = {need.division for need in needs.needs}
    return Seen(items, requests)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """One authority."""
    return Site(tmp_path)


def reading(walls: Fortress) -> Reader:
    return Reader(walls, {rpc.verb: rpc for rpc in rpcs()})


def keys(listing: Listing, rows: Iterable[Any]) -> list[Any]:
    return sorted(map(listing.key, rows))


async def test_every_listing_shows_a_caller_the_rows_that_are_theirs(
    an_app: AnApp, site: Site
) -> None:
    """All listings, all callers: exactly what the laws leave of all there is."""
    wrong, empty = [], []
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        seen = await everything(reader, made)
        for listing in LISTINGS:
            rows = await reader.rows(listing, "53")
            shown = 0
            for caller in CALLERS:
                expected = [row for row in rows if listing.law(seen, row, caller)]
                found = await reader.rows(listing, caller)
                shown += len(found)
                if keys(listing, found) != keys(listing, expected):
                    wrong.append(f"{listing.verb} {listing.asked} as {caller}")
            if not shown:
                empty.append(listing.verb)

    assert wrong == []
    assert empty == []


async def test_a_foreign_filter_finds_nothing(an_app: AnApp, site: Site) -> None:
    """Asked for a sibling's area, a listing answers as for an area where nothing is."""
    found = []
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        for listing in LISTINGS:
            fields = reader.every[listing.verb].method.input_type.fields_by_name
            if "within" not in fields or listing.verb == "ListUnlockings":
                continue
            for within in ("530103", "530302", "540102"):
                rows = await reader.rows(listing, "530102", within=within)
                found += [f"{listing.verb} {within}" for _ in rows]
            own = await reader.rows(listing, "530102", within="53")
            if listing.asked.get("level") != 2:
                assert own, listing.verb

    assert found == []


async def test_no_code_of_others_is_in_any_answer(an_app: AnApp, site: Site) -> None:
    """Every reading rpc about everything: texts are searched for divisions of others."""
    leaks: list[str] = []
    shown: set[str] = set()
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        item_id, request_id = made.items["53"], made.requests["53"]
        asked: list[tuple[str, dict[str, Any]]] = [
            ("GetItem", {"item_id": item_id}),
            ("ListItems", {"page_size": MANY}),
            ("ListAssignments", {"item_id": item_id, "page_size": MANY}),
            ("ListProgress", {"item_id": item_id, "page_size": MANY}),
            ("WatchItem", {"item_id": item_id, "division_level": 4}),
            ("WatchItem", {"item_id": item_id, "division_level": 3}),
            ("WatchItem", {"item_id": item_id}),
            ("ListEvents", {"item_id": item_id, "page_size": MANY}),
            ("ListTimers", {"page_size": MANY}),
            ("ListEscalations", {"page_size": MANY}),
            ("GetDataRequest", {"data_request_id": request_id}),
            ("ListNeeds", {"data_request_id": request_id, "page_size": MANY}),
            ("ListObservations", {"period": MONTH, "page_size": MANY}),
            ("ListConflicts", {"page_size": MANY}),
            ("ListTasks", {"page_size": MANY}),
            ("ListSavings", {"page_size": MANY}),
            (
                "ListIndicatorValues",
                {"indicator": "doors.share", "level": 3, "period": MONTH},
            ),
        ]
        for verb, fields in asked:
            for caller in CALLERS:
                if caller == VILLAGE and {"item_id", "data_request_id"} & fields.keys():
                    continue  # nothing of it was addressed to a village
                text = "\n".join(texts(await reader.ask(verb, caller, **fields)))
                shown |= (codes := set(CODE.findall(text)))
                leaks += [
                    f"{verb} {fields} shows {caller} {code}"
                    for code in sorted(codes)
                    if not (code.startswith(caller) or caller.startswith(code))
                ]

    assert shown >= set(CALLERS) - {VILLAGE}, "it looks where nothing is"
    assert leaks == []


async def test_counts_of_what_is_shared_are_of_the_own_area(
    an_app: AnApp, site: Site
) -> None:
    """An item and a request from above are counted for the caller's divisions only."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        item_id, request_id = made.items["53"], made.requests["53"]
        targets, cells = {}, {}
        for caller in ("53", "530102", "530102001"):
            got = await reader.ask("GetItem", caller, item_id=item_id)
            targets[caller] = got.target_count
            told = await reader.ask(
                "GetDataRequest", caller, data_request_id=request_id
            )
            counts = told.data_request.outcomes
            cells[caller] = (
                counts.served + counts.joined + counts.confirm + counts.collect
            )

    assert targets == {"53": 6, "530102": 2, "530102001": 1}
    assert cells == {"53": 12, "530102": 4, "530102001": 2}


async def test_another_province_sees_nothing_at_all(an_app: AnApp, site: Site) -> None:
    """Not even that something is refused to it in particular."""
    told = set()
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        for verb in ("ListItems", "ListDivisions", "ListElements", "GetServerInfo"):
            for caller in FOREIGN:
                with pytest.raises(grpc.aio.AioRpcError) as error:
                    await reader.ask(verb, caller)
                told.add(error.value.code())

    assert told == {grpc.StatusCode.PERMISSION_DENIED}


async def test_versions_of_a_foreign_value_are_those_of_none(
    an_app: AnApp, site: Site
) -> None:
    """A value of the own area has versions; of a sibling's none, as where none was given."""
    async with (
        world(an_app) as made,
        fortress(site, made.app, mount(made.app)) as walls,
    ):
        reader = reading(walls)
        versions = {}
        for code in ("530102001", "530103001", "530302001", "540102001"):
            answer = await reader.ask(
                "ListVersions", "530102", element=COUNT, division=code, period=MONTH
            )
            versions[code] = len(answer.versions)
        assert letters.TOWNSHIPS[0] == "530102001"

    assert versions == {"530102001": 2, "530103001": 0, "530302001": 0, "540102001": 0}

"""The catalogue through its gRPC doors: answers, pages, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from uuid import uuid4

import grpc
import pytest

from ducha.catalogue.v1 import catalogue_pb2 as pb
from ducha.catalogue.v1 import catalogue_service_pb2 as api
from ducha.catalogue.v1.catalogue_service_pb2_grpc import (
    CatalogueKeepingServiceStub,
    CatalogueServiceStub,
)
from ducha.division.v1.division_pb2 import LEVEL_VILLAGE
from services.province.catalogue import actions
from services.province.catalogue.capability import KEEPING
from tests.catalogue import KEEPER, element, held, indicator, publish
from tests.divisions import PROVINCE
from tests.servers import AnApp, Refusal, recorded, refusal, served
from tier.app import App
from tier.catalogue import Catalogue
from tier.catalogue import held as catalogue_held
from tier.runtime.db import Database, Tx

TOTAL = element("people.total", name_zh="常住人口", unit="人")
OLD = element("people.old", name_zh="老年人口", name_en="Elderly people", unit="人")
ROADS = element("roads.length", unit="公里", decimals=2, collect_level=5)
SHARE = indicator("people.share", "people.old / people.total * 100.0")


NOT_OURS = "of somebody else"


class Doors:
    """A province's catalogue services, as a client sees them."""

    def __init__(self, app: App, channel: grpc.aio.Channel) -> None:
        self.app = app
        self.read = CatalogueServiceStub(channel)
        self.keep = CatalogueKeepingServiceStub(channel)

    async def publish(
        self,
        *rows: pb.Element | pb.Indicator,
        request_id: str = "",
        check: bool = False,
    ) -> api.PublishCatalogueResponse:
        """Publish rows."""
        request = a_publication(*rows, request_id=request_id)
        request.validate_only = check
        response: api.PublishCatalogueResponse = await self.keep.PublishCatalogue(
            request
        )
        return response


def a_publication(
    *rows: pb.Element | pb.Indicator, request_id: str = ""
) -> api.PublishCatalogueRequest:
    return api.PublishCatalogueRequest(
        request_id=request_id or str(uuid4()),
        actor=KEEPER,
        elements=[row for row in rows if isinstance(row, pb.Element)],
        indicators=[row for row in rows if isinstance(row, pb.Indicator)],
    )


@asynccontextmanager
async def doors(an_app: AnApp) -> AsyncIterator[Doors]:
    """Serve a province that knows three elements and an indicator."""
    async with an_app(PROVINCE) as app, served(app, KEEPING.services) as channel:
        opened = Doors(app, channel)
        await opened.publish(TOTAL, OLD, ROADS, SHARE)
        yield opened


async def refused(call: Awaitable[object]) -> Refusal:
    """Return what a call was refused with."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return refusal(caught.value)


async def test_what_was_published_is_answered(an_app: AnApp) -> None:
    """Numbered in the order it came, at the version that brought it."""
    async with doors(an_app) as open_doors:
        got = await open_doors.read.GetElement(api.GetElementRequest(code="people.old"))
        listed = await open_doors.read.ListElements(api.ListElementsRequest())
        indicators = await open_doors.read.ListIndicators(api.ListIndicatorsRequest())

        assert (got.element.number, got.element.version) == (2, 1)
        assert got.element.name_zh == "老年人口"
        assert [one.code for one in listed.elements] == [
            "people.old",
            "people.total",
            "roads.length",
        ]
        assert [one.formula for one in indicators.indicators] == [SHARE.formula]
        assert listed.catalogue_version == indicators.catalogue_version == 1


async def test_a_change_is_a_version_and_the_old_one_is_still_told(
    an_app: AnApp,
) -> None:
    """A value is read by the version that it was checked by."""
    async with doors(an_app) as open_doors:
        changed = element("people.old", name_zh="六十岁以上老年人口", unit="人")
        done = await open_doors.publish(changed, TOTAL, ROADS, SHARE)
        get = open_doors.read.GetElement
        new = await get(api.GetElementRequest(code="people.old"))
        old = await get(api.GetElementRequest(code="people.old", version=1))

        assert (done.published_count, done.unchanged_count) == (1, 3)
        assert done.catalogue_version == new.element.version == 2
        assert new.element.name_zh == "六十岁以上老年人口"
        assert old.element.name_zh == "老年人口"
        assert new.element.number == old.element.number


async def test_the_same_rows_again_change_nothing(an_app: AnApp) -> None:
    """No version, no fact; whatever the keeper's own fields say."""
    async with doors(an_app) as open_doors:
        before = await recorded(open_doors.app)
        again = await open_doors.read.GetElement(api.GetElementRequest(code=OLD.code))
        again.element.number, again.element.version = 77, 99
        done = await open_doors.publish(again.element, TOTAL, ROADS, SHARE)

        assert (done.published_count, done.unchanged_count) == (0, 4)
        assert done.catalogue_version == 1
        assert await recorded(open_doors.app) == before


async def test_money_has_two_decimals_and_defaults_are_left_out(an_app: AnApp) -> None:
    """One form for one meaning, so that the same is seen to be the same."""
    async with doors(an_app) as open_doors:
        money = element("subsidy.paid", type=pb.VALUE_TYPE_MONEY, unit="元")
        spelled = element(
            "subsidy.paid",
            type=pb.VALUE_TYPE_MONEY,
            unit="元",
            decimals=2,
            outlier_check=pb.OutlierCheck(),
        )
        await open_doors.publish(money)
        done = await open_doors.publish(spelled)
        catalogue = await held(open_doors.app)

        assert done.unchanged_count == 1
        assert catalogue.elements["subsidy.paid"].decimals == 2


async def test_a_retired_element_is_shown_when_asked_for(an_app: AnApp) -> None:
    """It is no longer asked; what is held stays."""
    async with doors(an_app) as open_doors:
        retired = pb.Element()
        retired.CopyFrom(ROADS)
        retired.retired = True
        await open_doors.publish(retired)
        listing = open_doors.read.ListElements
        shown = await listing(api.ListElementsRequest())
        every = await listing(api.ListElementsRequest(include_retired=True))
        got = await open_doors.read.GetElement(api.GetElementRequest(code=ROADS.code))

        assert ROADS.code not in [one.code for one in shown.elements]
        assert ROADS.code in [one.code for one in every.elements]
        assert got.element.retired


@pytest.mark.parametrize(
    ("request_", "codes"),
    [
        (api.ListElementsRequest(text="人口"), ["people.old", "people.total"]),
        (api.ListElementsRequest(text="ELDERLY"), ["people.old"]),
        (api.ListElementsRequest(text="roads."), ["roads.length"]),
        (api.ListElementsRequest(collect_level=LEVEL_VILLAGE), ["roads.length"]),
        (api.ListElementsRequest(period_type=pb.PERIOD_TYPE_YEAR), []),
    ],
)
async def test_a_listing_shows_what_is_asked_for(
    an_app: AnApp, request_: api.ListElementsRequest, codes: list[str]
) -> None:
    """By code and names in any case, period and level."""
    async with doors(an_app) as open_doors:
        listed = await open_doors.read.ListElements(request_)

        assert [one.code for one in listed.elements] == codes


async def test_pages_neither_skip_nor_repeat(an_app: AnApp) -> None:
    """One by one, elements and indicators."""
    async with doors(an_app) as open_doors:
        await open_doors.publish(indicator("people.young", "people.total - people.old"))
        request = api.ListElementsRequest(page_size=1)
        other = api.ListIndicatorsRequest(page_size=1)
        codes: list[str] = []
        while not codes or request.page_token:
            page = await open_doors.read.ListElements(request)
            codes += [one.code for one in page.elements]
            request.page_token = page.next_page_token
        names: list[str] = []
        while not names or other.page_token:
            shown = await open_doors.read.ListIndicators(other)
            names += [one.code for one in shown.indicators]
            other.page_token = shown.next_page_token

        assert codes == ["people.old", "people.total", "roads.length"]
        assert names == ["people.share", "people.young"]


async def test_a_check_changes_nothing(an_app: AnApp) -> None:
    """It says what would happen; the id may then be used for the act."""
    async with doors(an_app) as open_doors:
        request_id = str(uuid4())
        said = await open_doors.publish(
            element("new"), request_id=request_id, check=True
        )
        before = await held(open_doors.app)
        done = await open_doors.publish(element("new"), request_id=request_id)

        assert said == done
        assert "new" not in before.elements
        assert "new" in (await held(open_doors.app)).elements


async def test_a_repeated_request_is_one_act(an_app: AnApp) -> None:
    """Its answer was lost; it is told again, though the catalogue went on."""
    async with doors(an_app) as open_doors:
        request_id = str(uuid4())
        first = await open_doors.publish(element("new"), request_id=request_id)
        await open_doors.publish(element("newer"))
        again = await open_doors.publish(element("new"), request_id=request_id)
        reused = await refused(
            open_doors.publish(element("other"), request_id=request_id)
        )

        assert again == first
        assert reused.reason == "REQUEST_ID_REUSED"


async def test_two_keepers_at_once_are_one_after_the_other(
    an_app: AnApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was judged on a catalogue that has moved since is judged again."""
    async with doors(an_app) as open_doors:
        theirs = [element("theirs")]

        async def overtaken(tx: Tx, db: Database) -> Catalogue:
            """Read the catalogue; the first time, another keeper writes then."""
            catalogue = await catalogue_held(tx, db)
            while theirs:
                await publish(open_doors.app, theirs.pop())
            return catalogue

        monkeypatch.setattr(actions, "held", overtaken)
        lost = await refused(open_doors.publish(element("ours")))
        done = await open_doors.publish(element("ours"))

        assert lost.code is grpc.StatusCode.ABORTED
        assert lost.reason == "CONTENDED"
        assert done.catalogue_version == 3


async def test_a_wrong_field_is_named(an_app: AnApp) -> None:
    """By the proto's own rules."""
    async with doors(an_app) as open_doors:
        wrong = await refused(open_doors.publish(TOTAL, element("Not A Code")))

        assert wrong.code is grpc.StatusCode.INVALID_ARGUMENT
        assert wrong.reason == "INVALID_INPUT"
        assert wrong.fields == ["elements[1].code"]


async def test_rows_that_do_not_fit_are_all_named_and_none_is_taken(
    an_app: AnApp,
) -> None:
    """All rows or none."""
    async with doors(an_app) as open_doors:
        choice = pb.CodeListEntry(code="a", name_zh="甲")
        wrong = await refused(
            open_doors.publish(
                element("sound"),
                element("people.old", unit="人", period_type=pb.PERIOD_TYPE_DAY),
                element("a", type=pb.VALUE_TYPE_CODE, codes=[choice, choice]),
                element("b", name_zh="名\n称"),
                indicator("c", "people.old"),
            )
        )

        assert wrong.code is grpc.StatusCode.INVALID_ARGUMENT
        assert wrong.reason == "CATALOGUE_ROWS_INVALID"
        assert set(wrong.fields) == {
            "elements[1].period_type",
            "elements[2].codes[1].code",
            "elements[3].name_zh",
            "indicators[0].formula",
        }
        assert "sound" not in (await held(open_doors.app)).elements
        assert set(wrong.texts) == {"en", "zh-CN"}


async def test_a_rule_or_formula_that_no_node_should_run_is_refused(
    an_app: AnApp,
) -> None:
    """With what is wrong, and what to write instead."""
    async with doors(an_app) as open_doors:
        wrong = await refused(
            open_doors.publish(
                element("a", rule="value >= 0"),
                indicator("b", "people.old / people.totals"),
            )
        )

        assert wrong.code is grpc.StatusCode.INVALID_ARGUMENT
        assert wrong.reason == "RULE_REFUSED"
        assert wrong.fields == ["elements[0].rule", "indicators[0].formula"]
        assert "write 0.0, not 0" in wrong.texts["en"]


async def test_an_unexplained_twin_is_refused_and_shown(an_app: AnApp) -> None:
    """Whoever meets it can use what is there, or say the difference."""
    async with doors(an_app) as open_doors:
        twin = element("people.aged", name_zh="老年人口", unit="人", difference="")
        wrong = await refused(open_doors.publish(twin))
        twin.difference = "只统计户籍人口，不含流动人口"
        done = await open_doors.publish(twin)

        assert wrong.code is grpc.StatusCode.ALREADY_EXISTS
        assert wrong.reason == "TWIN_UNEXPLAINED"
        assert wrong.fields == ["elements[0].difference"]
        assert "people.old" in wrong.texts["zh-CN"]
        assert "老年人口" in wrong.texts["zh-CN"]
        assert "中文名称" in wrong.texts["zh-CN"]
        assert done.published_count == 1


async def test_an_element_nobody_knows_is_refused(an_app: AnApp) -> None:
    """Never published, or not yet in that version."""
    async with doors(an_app) as open_doors:
        await open_doors.publish(element("later"))
        get = open_doors.read.GetElement
        never = await refused(get(api.GetElementRequest(code="never")))
        early = await refused(get(api.GetElementRequest(code="later", version=1)))

        assert never.code is early.code is grpc.StatusCode.NOT_FOUND
        assert never.reason == early.reason == "ELEMENT_UNKNOWN"


async def test_a_page_token_of_somebody_else_is_refused(an_app: AnApp) -> None:
    """Both listings."""
    async with doors(an_app) as open_doors:
        read = open_doors.read
        first = await refused(
            read.ListElements(api.ListElementsRequest(page_token=NOT_OURS))
        )
        other = await refused(
            read.ListIndicators(api.ListIndicatorsRequest(page_token=NOT_OURS))
        )

        assert first.reason == other.reason == "PAGE_TOKEN_INVALID"

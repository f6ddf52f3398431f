"""Take tasks out as a workbook, and take in what it was filled in with.

An empty cell is left open, one that is as it was made confirms what it shows, another is a
new value. Answers of a workbook go the way of all answers, in the same batches.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_pb2
from services.township.collection import cells, workbook
from services.township.collection import tasks as task_actions
from services.township.collection.batch import Filing
from services.township.collection.errors import ValuesInvalid
from services.township.collection.forms import Form
from services.township.collection.workbook import Row
from tier import catalogue, division, policy, registry
from tier.app import App
from tier.catalogue import Catalogue, Element
from tier.registry import Key, Sheet, parse_period
from tier.registry import wire as registry_wire
from tier.runtime import requests
from tier.runtime.errors import InvalidInput, TierError, Violation
from tier.runtime.workbook import CellWrong, WorkbookInvalid

RPC = "ducha.collection.v1.CollectionService/ImportAnswers"
DEVICE = "workbook"
FIRST_ROW = 2  # below the heading, as Excel counts
FIELD = re.compile(r"answers\[(\d+)\](?:\.(\w+)(?:\[(\d+)\])?)?.*")

Submit = Callable[[Filing], Awaitable[bytes]]


@dataclass(slots=True)
class Imported:
    """Answers as they were read, and where each stands in the workbook."""

    answers: list[nouns.Answer] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    wrong: list[Violation] = field(default_factory=list)

    def place(self, text: str) -> str:
        """Return the cell of a field such as `answers[3].values[2].element`."""
        found = FIELD.fullmatch(text)
        if found is None or int(found[1]) >= len(self.rows):
            return text
        if found[2] == "observe_time":
            return found[2]
        row, answer = self.rows[int(found[1])], self.answers[int(found[1])]
        if found[3] is None:
            return row.place
        index = int(found[3])
        given = [one.element for one in answer.values]
        code = given[index] if found[2] == "values" else answer.unchanged[index]
        return row.cells[code].place


async def export_tasks(
    app: App, request: pb.ExportTasksRequest
) -> pb.ExportTasksResponse:
    """Write open tasks of a period as a workbook, the first 2,000 of them."""
    within, period = task_actions.area_and_period(request.within, request.period)
    async with app.db.reading() as tx:
        known = await catalogue.held(tx, app.db)
        found = await registry.tasks(
            tx, within=within, period=period, after=None, limit=workbook.MOST_ROWS
        )
        shown = await task_actions.filled(tx, known, found)
        names = await division.names(tx, [form.sheet.key.division for form in shown])
    elements = workbook.chosen(shown, known)
    numbers = {element.number for element in elements}
    forms = [form for form in shown if not numbers.isdisjoint(form.sheet.asked)]
    body = await asyncio.to_thread(workbook.write, forms, elements, names)
    return pb.ExportTasksResponse(workbook=body, task_count=len(forms))


async def import_answers(
    app: App, request: pb.ImportAnswersRequest, submit: Submit
) -> pb.ImportAnswersResponse:
    """Record what a workbook was filled in with: all rows, or none.

    Raises:
        WorkbookInvalid: it is no workbook of this form, or cells cannot be read.
        NotAllowed: the caller may not answer for the division of a row.
        TierError: as for answers; wrong fields are named by their cells.
    """
    rows = await asyncio.to_thread(workbook.read, request.workbook)
    policy.must_act(RPC, dict.fromkeys(row.key.division for row in rows))
    read = await _read(app, request, rows)
    if read.wrong:
        raise WorkbookInvalid.of(read.wrong)
    identity = requests.identify(request, request.request_id)
    try:
        answer = await submit(Filing(identity, request.actor, read.answers))
    except (ValuesInvalid, InvalidInput) as refusal:
        raise _in_cells(read, refusal) from refusal
    result = pb.SubmitAnswersResponse.FromString(answer)
    for remark in result.remarks:
        remark.index = read.rows[remark.index].number - FIRST_ROW
    return pb.ImportAnswersResponse(result=result)


async def _read(
    app: App, request: pb.ImportAnswersRequest, rows: Sequence[Row]
) -> Imported:
    """Read rows as answers; rows that are left open make none."""
    keys = list(dict.fromkeys(row.key for row in rows))
    async with app.db.reading() as tx:
        known = await catalogue.held(tx, app.db)
        sheets = await registry.sheets(tx, keys)
        found = [sheets.get(key) or _empty(key) for key in keys]
        forms = await task_actions.filled(tx, known, found)
    return await asyncio.to_thread(_answers, request, known, rows, forms)


def _answers(
    request: pb.ImportAnswersRequest,
    known: Catalogue,
    rows: Sequence[Row],
    forms: Sequence[Form],
) -> Imported:
    """Read the cells of rows, tens of thousands of them: beside the event loop."""
    by_key = {form.sheet.key: form for form in forms}
    read = Imported()
    for row in rows:
        answer = _answer(known, row, by_key[row.key], read.wrong)
        if not (answer.values or answer.unchanged):
            continue
        answer.reason, answer.device = request.reason, DEVICE
        if request.HasField("observe_time"):
            answer.observe_time.CopyFrom(request.observe_time)
        read.answers.append(answer)
        read.rows.append(row)
    return read


def _empty(key: Key) -> Sheet:
    return Sheet(key, parse_period(key.period).start)


def _answer(
    known: Catalogue, row: Row, form: Form, wrong: list[Violation]
) -> nouns.Answer:
    """Read one row; cells that cannot be read go to `wrong`."""
    answer = nouns.Answer(
        division=row.key.division, period=row.key.period, base_revision=row.revision
    )
    for code, cell in row.cells.items():
        element = known.elements.get(code)
        try:
            value = cells.read(code, element, cell)
            made = row.exported.get(code)
            untouched = made is not None and value == cells.read(code, element, made)
        except CellWrong as problem:
            wrong.append(problem.violation)
            continue
        if not untouched or element is None:
            answer.values.append(value)
        elif element.number not in {*form.sheet.asked, *form.held}:
            continue  # what was asked was taken back, and nobody gave it
        elif _confirms(row, form, element, value):
            answer.unchanged.append(code)
        else:
            answer.values.append(value)
    return answer


def _confirms(
    row: Row, form: Form, element: Element, value: registry_pb2.Value
) -> bool:
    """Whether a cell that nobody touched confirms what the form shows today.

    What somebody else gave meanwhile is not confirmed unseen: that too is said as a
    confirmation, of an older revision, which changes nothing.
    """
    revision = form.held.get(element.number, 0)
    if row.revision is not None and revision > row.revision:
        return True
    found = form.filled.get(element.number)
    if found is None:
        return False
    shown = registry_wire.value_to(element, found.kept)
    if shown.HasField("text"):
        shown.text = shown.text.strip()  # as cells are read
    return value == shown


def _in_cells(read: Imported, refusal: TierError) -> TierError:
    """Return a refusal with its fields named as cells of the workbook."""
    wrong = [
        Violation(read.place(one.field), one.description) for one in refusal.violations
    ]
    if not wrong:
        return refusal
    first = f"{wrong[0].field}: {wrong[0].description}"
    if isinstance(refusal, ValuesInvalid):
        count = refusal.details["count"]
        return ValuesInvalid(violations=wrong, count=count, first=first)
    return InvalidInput(violations=wrong, problem=first)

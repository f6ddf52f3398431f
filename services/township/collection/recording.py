"""Answers become facts, and are folded into their sheets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from uuid import UUID

import uuid_utils

from ducha.collection.v1 import collection_pb2 as nouns
from ducha.collection.v1 import collection_service_pb2 as pb
from ducha.registry.v1 import registry_facts_pb2 as facts
from services.township.collection import rules
from services.township.collection.batch import Batch, Drafted, Filing
from services.township.collection.model import Given
from services.township.collection.rules import Draft
from tier import ledger
from tier.catalogue import Catalogue
from tier.identity.model import area_of
from tier.jurisdiction import Code, contains
from tier.ledger import Author, Entry
from tier.registry import Flag, Key
from tier.registry import wire as registry_wire
from tier.runtime import moments

CONFLICT_DAYS = 3
FACT_ANSWERS = 100  # of 200 values some 100 KB: a bundle takes several


def take(
    batch: Batch, filing: Filing, drafted: Sequence[Drafted]
) -> pb.SubmitAnswersResponse:
    """Record what a call brings; return what its author is told."""
    author = Author.at(
        batch.now,
        batch.app.node.name,
        filing.actor,
        principal=filing.principal,
    )
    response = pb.SubmitAnswersResponse()
    bringing = []
    for one in drafted:
        response.unchanged_count += one.draft.same
        if one.draft.kept:
            response.recorded_count += len(one.draft.kept)
            batch.recorded += len(one.draft.kept)
            bringing.append((one, _recorded(batch, one.given, one.draft)))
    for parts in _apart(batch.app.node.hosts, bringing):
        entry = _fact(batch, author, [recorded for _, recorded in parts])
        for one, recorded in parts:
            answer = registry_wire.answer_from(entry.fact_id, recorded)
            _remember(batch, one.given.key, one.draft)
            batch.desk.take(answer, batch.now)
            remark = _remark(batch.catalogue, one, answer.conflict_ids)
            if remark is not None:
                response.remarks.append(remark)
    return response


Part = tuple[Drafted, facts.RecordedAnswer]


def _apart(hosts: Sequence[Code], bringing: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """Yield what one fact may carry: answers below one of our hosts, a bounded number."""
    by_host: dict[Code, list[Part]] = {}
    for part in bringing:
        code = part[0].given.key.division
        host = next(each for each in hosts if contains(each, code))
        by_host.setdefault(host, []).append(part)
    for parts in by_host.values():
        for start in range(0, len(parts), FACT_ANSWERS):
            yield parts[start : start + FACT_ANSWERS]


def _fact(
    batch: Batch, author: Author, answers: Sequence[facts.RecordedAnswer]
) -> Entry:
    """Make the fact of answers of one act: of the smallest division that holds them all."""
    division = area_of({Code(answer.division) for answer in answers})
    subject = f"{division}/…"
    if len(answers) == 1:
        subject = f"{division}/{answers[0].period}"
    payload = facts.ObservationsRecorded(
        catalogue_version=batch.catalogue.version, answers=answers
    )
    entry = ledger.record(
        author,
        payload,
        division=division,
        subject=subject,
        onward=batch.app.node.upward,
    )
    batch.entries.append(entry)
    return entry


def _recorded(batch: Batch, given: Given, draft: Draft) -> facts.RecordedAnswer:
    """Write an answer as its fact says it."""
    sheet = batch.desk.sheet(given.key)
    asked = set(sheet.asked)
    history = batch.histories.get(given.key.division, {})
    elements = sorted(draft.kept)
    numbers, texts = [], []
    for element in elements:
        kept = draft.kept[element]
        if isinstance(kept, str):
            texts.append(kept)
            numbers.append(len(texts))
        else:
            numbers.append(kept)
    contested = sum(1 for flag in draft.flags.values() if flag & Flag.CONTESTED)
    recorded = facts.RecordedAnswer(
        division=given.key.division,
        period=given.key.period,
        elements=elements,
        numbers=numbers,
        texts=texts,
        flags=[draft.flags[element] for element in elements],
        observe_time=moments.stamp_of(given.observed_at),
        author_division=given.author_division,
        device=given.device,
        reason=given.reason,
        data_request_ids=[
            str(need.request_id)
            for need in batch.desk.needs.get(given.key, [])
            if not draft.kept.keys().isdisjoint(need.waiting)
        ],
        prefilled_count=sum(
            1 for element in elements if element in asked and element in history
        ),
        conflict_ids=[str(uuid_utils.uuid7()) for _ in range(contested)],
        revision=sheet.revision + 1,
    )
    if contested:
        due = batch.now + timedelta(days=CONFLICT_DAYS)
        recorded.conflict_due_time.CopyFrom(moments.stamp_of(due))
    return recorded


def _remember(batch: Batch, key: Key, draft: Draft) -> None:
    """Add what comes into force to the history of its division."""
    histories = batch.histories.setdefault(key.division, {})
    held = rules.values_in_force(batch.desk.sheet(key))
    for element, kept in draft.kept.items():
        if draft.flags[element] & Flag.CONTESTED:
            continue
        before = held.get(element)
        old = None if before is None else before.kept
        new = 0 if isinstance(kept, str) else kept
        rules.remember(histories, element, 0 if isinstance(old, str) else old, new)
    batch.remembered[key.division] = histories


def _remark(
    known: Catalogue, one: Drafted, conflict_ids: Sequence[UUID]
) -> nouns.AnswerRemark | None:
    """Say what is worth knowing about an answer, if anything is."""
    flags = one.draft.flags
    if not (conflict_ids or any(flags.values())):
        return None
    late = [number for number, flag in flags.items() if flag & Flag.LATE]
    outliers = [number for number, flag in flags.items() if flag & Flag.OUTLIER]
    if not (late or outliers or conflict_ids):
        return None
    return nouns.AnswerRemark(
        index=one.given.place,
        late=_codes(known, late),
        outliers=_codes(known, outliers),
        conflict_ids=[str(each) for each in conflict_ids],
    )


def _codes(known: Catalogue, numbers: Iterable[int]) -> list[str]:
    found = (known.numbered(number) for number in numbers)
    return sorted(element.code for element in found if element is not None)

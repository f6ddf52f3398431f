"""What contradicts itself at a node: asks nobody waits for, asks for what is fresh, wrong sums."""

from __future__ import annotations

from tests import catalogue
from tests.registry import sheets
from tier.app import App
from tier.registry import store, totals
from tier.registry.actions import desk
from tier.registry.model import Sum


async def unsound(app: App, period: str = "") -> list[str]:
    """Return what contradicts itself at a node: asks, counts and totals."""
    return [
        *await _asks_that_nobody_waits_for(app, period),
        *await _asks_for_what_is_fresh(app, period),
        *await _counts_that_do_not_add_up(app, period),
        *await _totals_that_do_not_add_up(app, period),
    ]


ASKS = """
    WITH waited AS (
        SELECT n.division, n.period, min(n.deadline_at) AS due,
               array_agg(DISTINCT element ORDER BY element) AS elements
          FROM registry_need n CROSS JOIN LATERAL unnest(n.waiting) AS element
         GROUP BY n.division, n.period)
    SELECT format('%s %s: asked %s by %s, waited for %s by %s', division, period, s.asked,
                  s.deadline_at, w.elements, w.due)
      FROM (SELECT * FROM registry_sheet WHERE asked <> '{}') s
           FULL JOIN waited w USING (division, period)
     WHERE $1 IN ('', period)
       AND (s.asked, s.deadline_at) IS DISTINCT FROM (w.elements, w.due)
"""


async def _asks_that_nobody_waits_for(app: App, period: str) -> list[str]:
    """Say which tasks are not exactly what open requests wait for."""
    async with app.db.reading() as tx:
        return [row[0] for row in await tx.fetch(ASKS, period)]


async def _asks_for_what_is_fresh(app: App, period: str) -> list[str]:
    """Say which request waits for what is held and fresh enough for it (I10)."""
    known = await catalogue.held(app)
    ages = desk.ages(known)
    async with app.db.reading() as tx:
        needs = await store.needs(tx, [one.key for one in await sheets(app, period)])
    held = {one.key: one for one in await sheets(app, period)}
    found = []
    for key, waiting_here in needs.items():
        one = held[key]
        for place, element in enumerate(one.elements):
            seen, age = one.observed[one.given[place] - 1], ages.get(element)
            found += [
                f"{need.request_id} waits for {element} of {key}, which is fresh"
                for need in waiting_here
                if element in need.waiting
                and (age is None or seen + age >= need.created_at)
            ]
    return found


COUNTS = """
    SELECT format('%s: counts %s, needs %s', r.data_request_id,
                  (r.served, r.joined, r.confirm, r.collect, r.waiting),
                  (n.served, n.joined, n.confirm, n.collect, n.waiting))
      FROM registry_request r
     CROSS JOIN LATERAL (
           SELECT coalesce(sum(served), 0)::int AS served,
                  coalesce(sum(joined), 0)::int AS joined,
                  coalesce(sum(confirm), 0)::int AS confirm,
                  coalesce(sum(collect), 0)::int AS collect,
                  coalesce(sum(cardinality(waiting)), 0)::int AS waiting,
                  coalesce(min(least(served, joined, confirm, collect)), 0) AS least
             FROM registry_need WHERE data_request_id = r.data_request_id) n
     WHERE $1 IN ('', r.period)
       AND ((r.served, r.joined, r.confirm, r.collect, r.waiting)
            <> (n.served, n.joined, n.confirm, n.collect, n.waiting) OR n.least < 0)
"""


async def _counts_that_do_not_add_up(app: App, period: str) -> list[str]:
    async with app.db.reading() as tx:
        return [row[0] for row in await tx.fetch(COUNTS, period)]


async def _totals_that_do_not_add_up(app: App, period: str) -> list[str]:
    """Say which total is not what summing all sheets anew gives."""
    changes = totals.fold((None, one) for one in await sheets(app, period))
    async with app.db.reading() as tx:
        rows = await tx.fetch(
            "SELECT period, area FROM registry_total WHERE $1 IN ('', period)", period
        )
        kept = await store.totals(
            tx, [totals.AreaKey(row["period"], row["area"]) for row in rows]
        )
    found = []
    for key in kept.keys() | changes.keys():
        fresh = {
            n: totals.merge(None, gain) for n, gain in changes.get(key, {}).items()
        }
        held = kept.get(key, {})
        found += [
            f"{app.node.name} {key} {n}: kept {held.get(n)}, computed {fresh.get(n)}"
            for n in held.keys() | fresh.keys()
            if not agrees(held.get(n, Sum()), fresh.get(n, Sum()))
        ]
    return found


def agrees(kept: Sum, computed: Sum) -> bool:
    """Whether a total is right; an extreme that was corrected may be unknown."""
    exact = ("expected", "received", "on_time", "total", "observed")
    return all(
        getattr(kept, name) == getattr(computed, name) for name in exact
    ) and all(
        getattr(kept, name) in {None, getattr(computed, name)}
        for name in ("smallest", "largest")
    )

"""Instruments: what is counted is what is shown."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from tier.runtime import metrics
from tier.runtime.metrics import counter, exposition, gauge, histogram

_names = count()


def shown() -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Read the text format back with Prometheus' own parser."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition().decode())
        for sample in family.samples
    }


def test_a_counter_counts_by_label() -> None:
    """Asked for twice, it is the same one."""
    counter("test_facts_total", "Facts.").add(2, {"link": "a"})
    counter("test_facts", "Facts.").add(3, {"link": "a"})
    counter("test_facts", "Facts.").add()

    assert shown()["test_facts_total", (("link", "a"),)] == 5
    assert counter("test_facts", "Facts.").value() == 1


@given(st.lists(st.floats(0, 20), min_size=1, max_size=50))
def test_a_histogram_holds_every_measure_once(measures: list[float]) -> None:
    """Buckets are cumulative, and the last holds all."""
    name = f"test_took_{next(_names)}"
    kept = histogram(name, "Time.", "seconds")
    for measure in measures:
        kept.record(measure, {"link": "a"})

    seen = shown()
    assert seen[f"{name}_seconds_count", (("link", "a"),)] == len(measures)
    total = seen[f"{name}_seconds_sum", (("link", "a"),)]
    assert total == pytest.approx(sum(measures))
    for bound in metrics.SECONDS:
        key = (("le", str(bound)), ("link", "a"))
        expected = sum(measure <= bound for measure in measures)
        assert seen[f"{name}_seconds_bucket", key] == expected


def test_a_gauge_is_read_when_looked_at() -> None:
    """The last reader given counts: a node that starts again brings a new one."""
    gauge("test_backlog", "Facts waiting.", lambda: [({"link": "a"}, 1.0)])
    gauge("test_backlog", "Facts waiting.", lambda: [({"link": "b"}, 7.0)])

    seen = {key: value for key, value in shown().items() if key[0] == "test_backlog"}
    assert seen == {("test_backlog", (("link", "b"),)): 7.0}


def test_a_reading_that_fails_hides_no_other() -> None:
    """An operator needs the rest most when something is broken."""

    def broken() -> Iterable[tuple[dict[str, str], float]]:
        raise RuntimeError("canary")

    gauge("test_broken", "Breaks.", broken)
    gauge("test_whole", "Holds.", lambda: [({}, 1.0)])

    seen = shown()
    assert ("test_whole", ()) in seen
    assert not any(name == "test_broken" for name, _ in seen)


def test_labels_cannot_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the bound, what comes with new labels is counted under none."""
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    kept = counter("test_many", "Many.")
    for number in range(10):
        kept.add(1, {"n": str(number)})

    assert kept.value() == 7
    assert kept.value({"n": "1"}) == 1


def test_a_name_has_one_kind() -> None:
    """A gauge under the name of a counter would hide it."""
    counter("test_kind", "One.")

    with pytest.raises(TypeError, match="test_kind"):
        gauge("test_kind", "Other.", list)

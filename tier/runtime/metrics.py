"""Numbers a node shows at /metrics: counters, gauges and histograms.

Our own small instruments over the Prometheus text format, because labels are given at
the time of counting and an observation must cost about a microsecond; the metrics SDK
of OpenTelemetry costs ten. Names are asked for once and given back on the second asking,
so a module may name its instruments at import and a test may start a node twice.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Protocol, TypeAlias, TypeVar

import structlog
from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

Labels: TypeAlias = Mapping[str, str]
Reading: TypeAlias = Callable[[], Iterable[tuple[Labels, float]]]
_Key: TypeAlias = tuple[tuple[str, str], ...]

SECONDS: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
)  # fmt: skip
MOST_SERIES: Final = 2_000
_UNITS: Final = {"s": "seconds", "By": "bytes"}

_log = structlog.get_logger(__name__)


class _Instrument(Protocol):
    name: str

    def family(self) -> Metric: ...


class Counter:
    """A number that only grows, for each set of labels."""

    def __init__(self, name: str, description: str) -> None:
        """Name it in the Prometheus manner; `_total` is added when shown."""
        self.name, self._description = name.removesuffix("_total"), description
        self._values: dict[_Key, float] = {}
        self._lock = threading.Lock()

    def add(self, amount: float = 1, labels: Labels | None = None) -> None:
        """Add `amount`; a set of labels too many is counted under none."""
        key = _key(labels)
        with self._lock:
            if key not in self._values and len(self._values) >= MOST_SERIES:
                key = ()
            self._values[key] = self._values.get(key, 0.0) + amount

    def value(self, labels: Labels | None = None) -> float:
        """Return what was counted so far."""
        return self._values.get(_key(labels), 0.0)

    def family(self) -> Metric:
        """Return the series as they stand."""
        with self._lock:
            values = dict(self._values)
        names = _names(values)
        family = CounterMetricFamily(self.name, self._description, labels=names)
        for key, value in values.items():
            family.add_metric(_row(key, names), value)
        return family


class Histogram:
    """How often a measure fell within each bound, for each set of labels."""

    def __init__(self, name: str, description: str, bounds: tuple[float, ...]) -> None:
        """Give the upper bounds in ascending order."""
        self.name, self._description, self._bounds = name, description, bounds
        self._rows: dict[_Key, list[float]] = {}
        self._lock = threading.Lock()

    def record(self, value: float, labels: Labels | None = None) -> None:
        """Count one measure."""
        self.record_under(_key(labels), value)

    def record_under(self, key: _Key, value: float) -> None:
        """Count one measure under labels already sorted: for hot callers."""
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                row = self._open(key)
            row[bisect_left(self._bounds, value)] += 1
            row[-1] += value

    def _open(self, key: _Key) -> list[float]:
        if len(self._rows) >= MOST_SERIES:
            key = ()
        # One cell a bound, one above the last bound, and the sum.
        return self._rows.setdefault(key, [0.0] * (len(self._bounds) + 2))

    def family(self) -> Metric:
        """Return the series as they stand."""
        with self._lock:
            rows = {key: list(row) for key, row in self._rows.items()}
        names = _names(rows)
        family = HistogramMetricFamily(self.name, self._description, labels=names)
        for key, row in rows.items():
            family.add_metric(_row(key, names), self._buckets(row), row[-1])
        return family

    def _buckets(self, row: list[float]) -> list[tuple[str, float]]:
        total, buckets = 0.0, []
        for bound, count in zip(
            [*map(str, self._bounds), "+Inf"], row[:-1], strict=True
        ):
            total += count
            buckets.append((bound, total))
        return buckets


class Gauge:
    """A number read from somewhere whenever somebody looks."""

    def __init__(self, name: str, description: str, read: Reading) -> None:
        """Give the function that reads it; it must be quick and take no locks."""
        self.name, self._description, self.read = name, description, read

    def family(self) -> Metric:
        """Return what is read now."""
        readings = {_key(labels): value for labels, value in self.read()}
        names = _names(readings)
        family = GaugeMetricFamily(self.name, self._description, labels=names)
        for key, value in readings.items():
            family.add_metric(_row(key, names), value)
        return family


class _Instruments(Collector):
    """All instruments of the process, shown together."""

    def __init__(self) -> None:
        self._known: dict[str, _Instrument] = {}

    def keep(self, made: _Known) -> _Known:
        kept = self._known.setdefault(made.name, made)
        if type(kept) is not type(made):
            raise TypeError(f"{made.name} is already a {type(kept).__name__}")
        return kept

    def collect(self) -> Iterator[Metric]:
        for instrument in list(self._known.values()):
            try:
                family = instrument.family()
            except Exception as error:  # noqa: BLE001 - it must not hide the others
                _log.warning(
                    "metric not read",
                    metric=instrument.name,
                    error=type(error).__name__,
                )
                _unread.add(1, {"metric": instrument.name})
            else:
                yield family


_Known = TypeVar("_Known", Counter, Histogram, Gauge)

_instruments = _Instruments()
_registry = CollectorRegistry()
_registry.register(_instruments)
ProcessCollector(registry=_registry)
PlatformCollector(registry=_registry)
GCCollector(registry=_registry)


def counter(name: str, description: str) -> Counter:
    """Return the counter of this name."""
    return _instruments.keep(Counter(name, description))


def histogram(
    name: str, description: str, unit: str = "", bounds: tuple[float, ...] = SECONDS
) -> Histogram:
    """Return the histogram of this name; `unit` (`s`, `By`) is appended in full."""
    unit = _UNITS.get(unit, unit)
    if unit and not name.endswith(f"_{unit}"):
        name = f"{name}_{unit}"
    return _instruments.keep(Histogram(name, description, bounds))


def gauge(name: str, description: str, read: Reading) -> None:
    """Show what `read` returns whenever somebody looks; the last `read` given counts."""
    _instruments.keep(Gauge(name, description, read)).read = read


def exposition() -> bytes:
    """Return everything in the Prometheus text format."""
    return generate_latest(_registry)


def _key(labels: Labels | None) -> _Key:
    return tuple(sorted(labels.items())) if labels else ()


def _names(keys: Iterable[_Key]) -> list[str]:
    return sorted({name for key in keys for name, _ in key})


def _row(key: _Key, names: list[str]) -> list[str]:
    labels = dict(key)
    return [labels.get(name, "") for name in names]


_unread = counter("ducha_metrics_unread", "Times a metric could not be read.")

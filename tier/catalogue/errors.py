"""Refusals of the catalogue."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class ElementUnknown(TierError):
    """Check the code, or list the elements: this node's catalogue has none of that code."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "ELEMENT_UNKNOWN"
    en = "the catalogue here, version {version}, has no element {element}; check the code"
    zh = "本级指标目录（第 {version} 版）没有数据元 {element}，请核对代码"


class IndicatorUnknown(TierError):
    """Check the code, or list the indicators: this node's catalogue has none of that code."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "INDICATOR_UNKNOWN"
    en = "the catalogue here, version {version}, has no indicator {indicator}; check the code"
    zh = "本级指标目录（第 {version} 版）没有指标 {indicator}，请核对代码"

"""Walk through a listing, page by page, in pages of every size."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

MOST = 500
FEW = 30


async def pages(
    rpc: Callable[[Any], Awaitable[Any]], request: Any, rows: str, size: int
) -> list[Any]:
    """Return the rows of all pages; no page is longer than asked, none but the last empty."""
    request.page_size = size
    shown: list[Any] = []
    while True:
        answer = await rpc(request)
        page = getattr(answer, rows)
        shown += page
        assert len(page) <= size
        if not answer.next_page_token:
            return shown
        assert page
        request.page_token = answer.next_page_token


async def every_way(
    rpc: Callable[[Any], Awaitable[Any]], request: Any, rows: str
) -> list[Any]:
    """Return the rows of one large page, once small pages have shown the same."""
    whole = await pages(
        rpc, type(request).FromString(request.SerializeToString()), rows, MOST
    )
    for size in (1, 2, 3) if len(whole) < FEW else (7, 16):
        asked = type(request).FromString(request.SerializeToString())
        assert await pages(rpc, asked, rows, size) == whole
    return whole

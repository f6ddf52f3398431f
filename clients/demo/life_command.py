"""`ducha demo --life`: its line, with a clock that runs fast, and its last words."""

from __future__ import annotations

from pathlib import Path

import typer

from clients.cli.command import REFUSED
from clients.cli.session import Session
from clients.demo import life, life_view
from clients.demo.life import Life
from clients.demo.life_cast import RATE, Cast
from clients.demo.line import running_line
from clients.demo.run import Wish, spread_divisions
from clients.runtime.errors import ClientError
from deploy.embedded.line import Options
from ducha.division.v1 import division_pb2


class LifeFailed(ClientError):
    """The life of the item could not be played to its end."""


async def demonstrate(session: Session, data: Path, players: Cast) -> None:
    """Play the life of one item in `data`, show it, and end with 1 if something is missing.

    Raises:
        LifeFailed: it did not come to its end in time.
    """
    life_view.announce(session)
    played = await _play(session, data, players)
    if session.choices.as_json:
        session.write_json(life_view.summary(played))
    else:
        life_view.show(session, played)
    if not played.agrees:
        raise typer.Exit(REFUSED)


async def _play(session: Session, data: Path, players: Cast) -> Life:
    """Start the line, and play on it."""
    session.write(
        f"Starting PostgreSQL, NATS and four services in {data} …",
        f"正在 {data} 启动 PostgreSQL、NATS 和四级服务…",
    )
    root = players.province.code
    with running_line(data, root, Options(clock_rate=RATE)) as endpoints:
        wish = Wish(players.rows, root, division_pb2.LEVEL_TOWNSHIP, 0.0)
        try:
            await spread_divisions(endpoints, wish)
            return await life.play(endpoints, players, session.write)
        except TimeoutError as late:
            raise LifeFailed(
                f"It did not finish in time. The logs are in {data}.",
                f"未能按时完成。日志见 {data}。",
            ) from late

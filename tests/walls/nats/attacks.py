"""What a thief with the certificate of huashan, a township, tries; a list, no code.

`frames` are said one after the other. Of what is listed in `allowed` a server may take
the first word, because it is the thief's own lane: then nothing else may have changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from tests.walls.nats.ground import of
from tests.walls.nats.raw import Pub, Sub
from tier.lanes import DOWN, UP

INBOX = "_INBOX.huashan.answer"
API = ("$JS.API", "$JS.wuhua.API")
"""As it is called on one server, and over a chain."""

OWN_UP, OWN_DOWN = of(UP, "wuhua", "huashan"), of(DOWN, "wuhua", "huashan")
SIBLING_UP, SIBLING_DOWN = of(UP, "wuhua", "longquan"), of(DOWN, "wuhua", "longquan")
AWAY_UP, AWAY_DOWN = of(UP, "wuhua", "dabanqiao"), of(DOWN, "wuhua", "dabanqiao")
COUSIN_UP, COUSIN_DOWN = of(UP, "panlong", "qingyun"), of(DOWN, "panlong", "qingyun")
PARENT_UP, PARENT_DOWN = of(UP, "kunming", "wuhua"), of(DOWN, "kunming", "wuhua")


@dataclass(frozen=True, slots=True)
class Attack:
    """One attempt."""

    frames: tuple[Pub | Sub, ...]
    is_own: bool = False
    """It goes to the thief's own lane, so the server may hear it, but not obey."""


def _pubs(*subjects: str) -> Attack:
    return Attack(tuple(Pub(subject, b"forged") for subject in subjects))


def _subs(*subjects: str, queue: str = "") -> Attack:
    return Attack(tuple(Sub(subject, queue) for subject in subjects))


def _api(words: str, body: Mapping[str, object] | None = None) -> Attack:
    """Ask the JetStream API under each of its names."""
    payload = json.dumps(body or {}).encode()
    return Attack(tuple(Pub(f"{api}.{words}", payload, INBOX) for api in API))


def _header(name: str, text: str) -> Attack:
    headers = {name: text}
    return Attack((Pub(OWN_UP.subject, b"tricked", INBOX, headers),), is_own=True)


def _ack(stream: str, body: bytes = b"+ACK") -> Attack:
    tokens = (f"1.{number}.{number}.1795414416790390226.0" for number in (1, 2, 3))
    return Attack(
        tuple(Pub(f"$JS.ACK.{stream}.{stream}.{token}", body) for token in tokens)
    )


def _stream(name: str, **more: object) -> Mapping[str, object]:
    settings = {"retention": "limits", "storage": "file", "max_consumers": -1}
    limits = {"max_msgs": -1, "max_bytes": -1, "max_age": 0, "num_replicas": 1}
    return {"name": name, **settings, **limits, **more}


PULL = json.dumps({"batch": 9, "no_wait": True}).encode()

PUBLISHING = {
    "publish as the sibling to the parent": _pubs(SIBLING_UP.subject),
    "publish as the parent to the sibling": _pubs(SIBLING_DOWN.subject),
    "publish as the parent to oneself": _pubs(OWN_DOWN.subject),
    "publish as the parent to its own parent": _pubs(PARENT_UP.subject),
    "publish as the city to the parent": _pubs(PARENT_DOWN.subject),
    "publish as the cousin to the uncle": _pubs(COUSIN_UP.subject),
    "publish as the uncle to the cousin": _pubs(COUSIN_DOWN.subject),
    "publish under the sibling's division and one's own name": _pubs(
        OWN_UP.subject.replace("530102001", "530102002"),
        OWN_UP.subject.replace("530102001", "530102"),
    ),
    "publish under another tier": _pubs(OWN_UP.subject.replace("county", "city")),
    "publish to many at once": _pubs("ducha.up.county.wuhua.*.*", "ducha.up.>"),
    "publish beside one's own lane": _pubs(
        OWN_UP.subject + ".x", OWN_UP.subject.upper(), OWN_UP.subject + ".."
    ),
    "publish into the sibling's inbox": _pubs("_INBOX.longquan.x.1"),
    "publish into the parent's inbox": _pubs("_INBOX.wuhua.x.1"),
    "publish into the guard's inbox": _pubs("_INBOX.guard.x"),
    "publish as a server to its peers": _pubs("$SYS.ACCOUNT.wuhua.CONNECT", "$NRG.x"),
}
LISTENING = {
    "listen to everything": _subs(">"),
    "listen to all lanes": _subs("ducha.>", "ducha.*.*.*.*.*"),
    "listen to all levels one by one": _subs("*", "*.*", "*.*.*", "*.*.*.*.*.*"),
    "listen to all inboxes": _subs("_INBOX.>", "_INBOX.*.*", "_INBOX.*.>"),
    "listen to the sibling's inbox": _subs("_INBOX.longquan.>"),
    "listen to the parent's inbox": _subs("_INBOX.wuhua.>"),
    "listen to the sibling's lanes": _subs(SIBLING_UP.subject, SIBLING_DOWN.subject),
    "listen to the parent's lanes": _subs(PARENT_UP.subject, PARENT_DOWN.subject),
    "listen to the cousin's lanes": _subs(COUSIN_UP.subject, COUSIN_DOWN.subject),
    "listen to the API": _subs("$JS.>", "$JS.API.>", "$JS.EVENT.>"),
    "listen to acknowledgements": _subs("$JS.ACK.>", SIBLING_DOWN.acks),
    "listen to the server": _subs("$SYS.>", "$SYS.ACCOUNT.*.>"),
    "listen to answers on their way": _subs("_R_.>", "_GR_.>", "$GNR.>"),
    "share the parent's queue": _subs(
        SIBLING_UP.subject, SIBLING_DOWN.next, queue="workers"
    ),
    "answer in the parent's place": _subs(OWN_UP.subject, OWN_DOWN.ask, queue="q"),
}
TAKING = {
    "take the sibling's messages by its door": Attack(
        (Pub(SIBLING_DOWN.ask, PULL, INBOX), Pub(AWAY_DOWN.ask, PULL, INBOX))
    ),
    "take the sibling's messages by the API": Attack(
        (Pub(SIBLING_DOWN.next, PULL, INBOX), Pub(AWAY_DOWN.next, PULL, INBOX))
    ),
    "take what the parent should get": Attack(
        (Pub(OWN_UP.next, PULL, INBOX), Pub(SIBLING_UP.next, PULL, INBOX))
    ),
    "take one's own by the parent's API": Attack((Pub(OWN_DOWN.next, PULL, INBOX),)),
    "acknowledge the sibling's messages": _ack(AWAY_DOWN.stream),
    "acknowledge what the parent should get": _ack(SIBLING_UP.stream),
    "acknowledge one's own words for the parent": _ack(OWN_UP.stream),
    "end the sibling's messages": _ack(AWAY_DOWN.stream, b"+TERM"),
    "send the sibling's messages round again": _ack(AWAY_DOWN.stream, b"-NAK"),
    "hold the sibling's messages": _ack(AWAY_DOWN.stream, b"+WPI"),
    "acknowledge and take the next": Attack(
        (
            Pub(
                f"$JS.ACK.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}.1.1.1.1.0",
                b"+NXT",
                INBOX,
            ),
        )
    ),
}
HEADERS = {
    "roll up one's own stream": _header("Nats-Rollup", "all"),
    "roll up one's own subject": _header("Nats-Rollup", "sub"),
    "expect another stream": _header("Nats-Expected-Stream", SIBLING_UP.stream),
    "expect a sequence": _header("Nats-Expected-Last-Sequence", "424242"),
    "expect a message id": _header("Nats-Expected-Last-Msg-Id", "forged"),
    "expect a sequence of the sibling's": _header(
        "Nats-Expected-Last-Subject-Sequence-Subject", SIBLING_UP.subject
    ),
    "let a message die at once": _header("Nats-TTL", "1s"),
    "let a message never die": _header("Nats-TTL", "never"),
    "squat a message id": _header("Nats-Msg-Id", "squatted"),
    "schedule into the sibling's lane": Attack(
        (
            Pub(
                OWN_UP.subject,
                b"scheduled",
                INBOX,
                {
                    "Nats-Schedule": "@every 1s",
                    "Nats-Schedule-Target": SIBLING_UP.subject,
                },
            ),
        ),
        is_own=True,
    ),
    "begin a batch that never ends": _header("Nats-Batch-Id", "forever"),
    "count up a message": _header("Nats-Incr", "+1"),
    "trace into the sibling's inbox": _header(
        "Nats-Trace-Dest", "_INBOX.longquan.trace"
    ),
    "pretend to be the server": _header("Status", "409"),
    "pretend to come from another stream": _header("Nats-Stream", SIBLING_UP.stream),
    "pretend to be another requester": _header(
        "Nats-Request-Info", '{"acc":"wuhua","user":"wuhua"}'
    ),
}
ANSWERS = {
    "have the receipt sent into the sibling's lane": Attack(
        (Pub(OWN_UP.subject, b"x", SIBLING_UP.subject),), is_own=True
    ),
    "have the receipt sent into the sibling's inbox": Attack(
        (Pub(OWN_UP.subject, b"x", "_INBOX.longquan.x.1"),), is_own=True
    ),
    "have the receipt sent to the parent's API": Attack(
        (Pub(OWN_UP.subject, b"x", f"$JS.API.STREAM.DELETE.{SIBLING_UP.stream}"),),
        is_own=True,
    ),
    "have the answer sent into the sibling's lane": Attack(
        (Pub(OWN_DOWN.ask, PULL, SIBLING_UP.subject),), is_own=True
    ),
    "have the answer sent as an acknowledgement": Attack(
        (
            Pub(
                OWN_DOWN.ask,
                PULL,
                f"$JS.ACK.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}.1.1.1.1.0",
            ),
        ),
        is_own=True,
    ),
    "have the receipt sent to the server": Attack(
        (Pub(OWN_UP.subject, b"x", "$SYS.REQ.SERVER.PING.KICK"),), is_own=True
    ),
}
ADMINISTRATION = {
    "make a stream": _api("STREAM.CREATE.stolen", _stream("stolen", subjects=["x"])),
    "make a stream over all lanes": _api(
        "STREAM.CREATE.stolen", _stream("stolen", subjects=["ducha.>"])
    ),
    "mirror the sibling's stream": _api(
        "STREAM.CREATE.stolen", _stream("stolen", mirror={"name": SIBLING_UP.stream})
    ),
    "source the sibling's stream": _api(
        "STREAM.CREATE.stolen", _stream("stolen", sources=[{"name": AWAY_DOWN.stream}])
    ),
    "source the cousin's stream through its API": _api(
        "STREAM.CREATE.stolen",
        _stream(
            "stolen",
            sources=[
                {
                    "name": COUSIN_UP.stream,
                    "external": {"api": "$JS.panlong.API", "deliver": "stolen"},
                }
            ],
        ),
    ),
    "change one's own stream": _api(
        f"STREAM.UPDATE.{OWN_DOWN.stream}",
        _stream(OWN_DOWN.stream, subjects=[OWN_DOWN.subject, SIBLING_DOWN.subject]),
    ),
    "delete one's own stream": _api(f"STREAM.DELETE.{OWN_UP.stream}"),
    "delete the sibling's stream": _api(f"STREAM.DELETE.{SIBLING_UP.stream}"),
    "purge the sibling's stream": _api(f"STREAM.PURGE.{AWAY_DOWN.stream}"),
    "purge one's own stream": _api(f"STREAM.PURGE.{OWN_UP.stream}"),
    "ask about the sibling's stream": _api(f"STREAM.INFO.{SIBLING_UP.stream}"),
    "list streams": _api("STREAM.LIST"),
    "list names of streams": _api("STREAM.NAMES"),
    "ask about the account": _api("INFO"),
    "read a message": _api(f"STREAM.MSG.GET.{AWAY_DOWN.stream}", {"seq": 1}),
    "read a message directly": _api(f"DIRECT.GET.{AWAY_DOWN.stream}", {"seq": 1}),
    "delete a message": _api(f"STREAM.MSG.DELETE.{AWAY_DOWN.stream}", {"seq": 1}),
    "delete one's own message": _api(f"STREAM.MSG.DELETE.{OWN_UP.stream}", {"seq": 1}),
    "save a stream": _api(
        f"STREAM.SNAPSHOT.{AWAY_DOWN.stream}", {"deliver_subject": INBOX}
    ),
    "restore a stream": _api("STREAM.RESTORE.stolen", {"config": _stream("stolen")}),
    "make a consumer of the sibling's stream": _api(
        f"CONSUMER.CREATE.{AWAY_DOWN.stream}.stolen",
        {
            "stream_name": AWAY_DOWN.stream,
            "config": {"name": "stolen", "ack_policy": "none"},
        },
    ),
    "have the sibling's stream pushed to oneself": _api(
        f"CONSUMER.DURABLE.CREATE.{AWAY_DOWN.stream}.stolen",
        {
            "stream_name": AWAY_DOWN.stream,
            "config": {"durable_name": "stolen", "deliver_subject": INBOX},
        },
    ),
    "make a second consumer of one's own": _api(
        f"CONSUMER.CREATE.{OWN_DOWN.stream}.second",
        {
            "stream_name": OWN_DOWN.stream,
            "config": {"name": "second", "ack_policy": "explicit"},
        },
    ),
    "delete the sibling's consumer": _api(
        f"CONSUMER.DELETE.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}"
    ),
    "pause the parent's consumer": _api(
        f"CONSUMER.PAUSE.{SIBLING_UP.stream}.{SIBLING_UP.stream}",
        {"pause_until": "2099-01-01T00:00:00Z"},
    ),
    "set the sibling's consumer back": _api(
        f"CONSUMER.RESET.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}", {"seq": 1}
    ),
    "unpin the sibling's consumer": _api(
        f"CONSUMER.UNPIN.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}", {"group": "x"}
    ),
    "ask about a consumer": _api(
        f"CONSUMER.INFO.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}"
    ),
    "list consumers": _api(f"CONSUMER.LIST.{AWAY_DOWN.stream}"),
    "depose a stream's leader": _api(f"STREAM.LEADER.STEPDOWN.{SIBLING_UP.stream}"),
    "depose a consumer's leader": _api(
        f"CONSUMER.LEADER.STEPDOWN.{AWAY_DOWN.stream}.{AWAY_DOWN.stream}"
    ),
    "depose the server": _api("META.LEADER.STEPDOWN"),
    "remove a server": _api("SERVER.REMOVE", {"peer": "wuhua"}),
    "purge an account": _api("ACCOUNT.PURGE.wuhua"),
}
SYSTEM = {
    "ping the servers": Attack((Pub("$SYS.REQ.SERVER.PING", b"", INBOX),)),
    "list connections": Attack((Pub("$SYS.REQ.SERVER.PING.CONNZ", b"{}", INBOX),)),
    "list connections of the parent's account": Attack(
        (Pub("$SYS.REQ.ACCOUNT.wuhua.CONNZ", b"{}", INBOX),)
    ),
    "cut a connection": Attack(
        tuple(
            Pub(f"$SYS.REQ.SERVER.{name}.KICK", b'{"cid": 5}', INBOX)
            for name in ("PING", "nats", "nats-wuhua")
        )
    ),
    "have the server read its settings": Attack(
        (Pub("$SYS.REQ.SERVER.PING.RELOAD", b"", INBOX),)
    ),
    "update the claims of an account": Attack(
        (Pub("$SYS.REQ.CLAIMS.UPDATE", b"{}", INBOX),)
    ),
    "ask who is connected to the account": Attack(
        (Pub("$SYS.REQ.ACCOUNT.PING.CONNZ", b"{}", INBOX),)
    ),
}

EVERY: Mapping[str, Attack] = {
    **PUBLISHING, **LISTENING, **TAKING, **HEADERS, **ANSWERS, **ADMINISTRATION, **SYSTEM,
}  # fmt: skip
__all__ = ["EVERY", "INBOX", "OWN_DOWN", "OWN_UP", "Attack"]

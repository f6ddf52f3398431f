"""`ducha petition`: asked, listed, decided and taken back, in two languages."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from clients.cli.petition import WORDS
from ducha.petition.v1 import petition_pb2 as pb
from ducha.petition.v1 import petition_service_pb2 as api
from tests.clients.refusing import node
from tests.clients.test_commands import DIVISION, ITEM, run, server_info

PETITION = "0198c0de-0000-7000-8000-000000000009"
EVENING = Timestamp(seconds=1_777_543_200)  # 2026-04-30 18:00 in China


def a_petition(**more: Any) -> pb.Petition:
    told: dict[str, Any] = {
        "petition_id": PETITION,
        "item_id": ITEM,
        "division": DIVISION,
        "kind": pb.PETITION_KIND_EXTENSION,
        "decider_division": "530102",
        "state": pb.PETITION_STATE_PENDING,
        "reason": "暴雨",
        "days": 3,
        "file_time": EVENING,
    }
    return pb.Petition(**{**told, **more})


GRANTED = a_petition(
    state=pb.PETITION_STATE_GRANTED,
    late_arrival=True,
    evidence=[pb.Evidence(text="预警", sha256="ab" * 32)],
    decision=pb.Decision(
        outcome=pb.OUTCOME_GRANTED,
        reason="属实",
        days=2,
        deadline_time=EVENING,
        provisional=True,
        decide_time=EVENING,
        actor="乙",
    ),
)


def test_every_kind_and_state_has_its_words() -> None:
    """In both languages; a new one fails here."""
    names = {*pb.PetitionKind.keys(), *pb.PetitionState.keys()}

    assert set(WORDS) == {one for one in names if not one.endswith("UNSPECIFIED")}


def test_a_petition_is_filed_with_the_digests_of_files(tmp_path: Path) -> None:
    """The file stays; its name and SHA-256 go."""
    asked: list[api.FilePetitionsRequest] = []
    proof = tmp_path / "预警.pdf"
    proof.write_bytes(b"rain")

    def file(request: Any, _context: Any) -> api.FilePetitionsResponse:
        asked.append(request)
        return api.FilePetitionsResponse(petitions=[a_petition()])

    with node(GetServerInfo=server_info, FilePetitions=file) as address:
        command = ["petition", "file", ITEM, DIVISION, "--address", address]
        command += [
            "--kind",
            "suspension",
            "--reason",
            "暴雨",
            "--evidence",
            "道路中断",
        ]
        english = run(*command, "--evidence-file", str(proof), "--lang", "en")
        chinese = run(*command, "--lang", "zh")
    [draft] = asked[0].petitions

    assert f"Filed {PETITION}; 530102 decides." in english.stdout
    assert f"已提出申请 {PETITION}，由 530102 决定。" in chinese.stdout
    assert (draft.kind, draft.reason) == (pb.PETITION_KIND_SUSPENSION, "暴雨")
    assert [one.text for one in draft.evidence] == ["道路中断", "预警.pdf"]
    assert draft.evidence[1].sha256 == hashlib.sha256(b"rain").hexdigest()
    assert asked[0].division == DIVISION


def test_petitions_are_listed_in_the_readers_words() -> None:
    """Beijing time, what waits and what was decided, and a mark for what came late."""

    def found(request: Any, _context: Any) -> api.ListPetitionsResponse:
        assert request.pending_only
        assert list(request.kinds) == [pb.PETITION_KIND_EXTENSION]
        return api.ListPetitionsResponse(petitions=[a_petition(), GRANTED])

    with node(GetServerInfo=server_info, ListPetitions=found) as address:
        command = ["petition", "list", "--pending", "--kind", "extension"]
        command += ["--address", address]
        english = run(*command, "--lang", "en").stdout
        chinese = run(*command, "--lang", "zh").stdout
        program = json.loads(run(*command, "--json").stdout)

    assert "extension, 3 working days" in english
    assert "2026-04-30 18:00 *" in english
    assert "延期 3 个工作日" in chinese
    assert "待定" in chinese
    assert "同意" in chinese
    assert [one["late_arrival"] for one in program["petitions"]] == [False, True]


def test_a_petition_is_shown_whole() -> None:
    """With its evidence, its decision, and that the new deadline may move."""
    with node(
        GetServerInfo=server_info,
        GetPetition=lambda *_: api.GetPetitionResponse(petition=GRANTED),
    ) as address:
        command = ["petition", "show", PETITION, "--address", address]
        english = run(*command, "--lang", "en").stdout
        chinese = run(*command, "--lang", "zh").stdout

    assert "2026-04-30 18:00 (provisional)" in english
    assert "yes, filed in time" in english
    assert "预警 " + "ab" * 32 in english
    assert "2026-04-30 18:00（暂定）" in chinese


def test_who_decides_and_who_withdraws_is_read_off() -> None:
    """Unless it is said; petitions of several divisions are not sent together."""
    acted: list[str] = []
    other = PETITION[:-1] + "8"

    def get(request: Any, _context: Any) -> api.GetPetitionResponse:
        decider = "530102" if request.petition_id == PETITION else "5301"
        return api.GetPetitionResponse(petition=a_petition(decider_division=decider))

    def decide(request: Any, _context: Any) -> api.DecidePetitionsResponse:
        acted.append(request.division)
        assert request.decisions[0].outcome == pb.OUTCOME_GRANTED
        return api.DecidePetitionsResponse(petitions=[GRANTED])

    def withdraw(request: Any, _context: Any) -> api.WithdrawPetitionsResponse:
        acted.append(request.division)
        return api.WithdrawPetitionsResponse(withdraw_time=EVENING)

    with node(
        GetServerInfo=server_info,
        GetPetition=get,
        DecidePetitions=decide,
        WithdrawPetitions=withdraw,
    ) as address:
        more = ["--grant", "--reason", "属实", "--address", address, "--lang", "zh"]
        done = run("petition", "decide", PETITION, *more)
        said = run("petition", "decide", PETITION, other, "--as", "53", *more)
        mixed = run("petition", "decide", PETITION, other, *more)
        gone = run(
            "petition", "withdraw", PETITION, "--address", address, "--lang", "en"
        )

    assert f"{PETITION} 同意，新时限 2026-04-30 18:00（暂定）。" in done.stdout
    assert (said.exit_code, mixed.exit_code) == (0, 2)
    assert "5301, 530102" in mixed.stderr
    assert "Withdrew 1." in gone.stdout
    assert acted == ["530102", "53", DIVISION]

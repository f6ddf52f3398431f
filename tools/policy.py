"""Hold the table of the policy against the protos, and write docs/policy.md from it.

Every rpc has a row and every row an rpc; a path of a row is a text field of its request;
what has a request id, and so changes something, is decided by a division that acts. With
`--check` nothing is written: exit 1 says that one of it is not so, or that the page is old.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from tier.identity.model import Role
from tier.policy.model import Concern, Relation, Row
from tier.policy.reading import reader
from tier.policy.table import TABLE
from tools.refusals import read_image

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "policy.md"
CHANGES = "request_id"
"""A request with this field changes something (AIP-155)."""

HEAD = """\
# Who may call what 权限表

Written by `python -m tools.policy` from `tier/policy/table.py`; do not edit.

What is not in this table is refused (`NOT_ALLOWED`). A row says which division a call is
about, and who may make it: a role, and how the division of the caller stands to that
division. Several divisions in one message are all checked. 未列入本表的调用一律拒绝；
一次请求涉及多个区划的，逐一核验。

Who sees an area only is shown the rows of that area and what was addressed to it: readings
are done as a database role that row-level security holds to the area, and what is summed up
is narrowed to it before. What may not be seen is answered as if it were not there.
只看到本辖区的数据以及下达给本辖区的事项；无权查看的内容与不存在的内容答复相同。

## Words 用语

| concern 涉及区划 | meaning |
|---|---|
| acting 办理区划 | the divisions that the fields named in the table say |
| object 对象所属区划 | that of the thing named by id, or of a workbook's rows: its action checks |
| node 本节点 | all that the node hosts |
| rows 数据所属区划 | each row that is shown; the caller must stand above, at or below the node |
| province 全省公用 | nobody's in particular: the same for the whole province |

| relation 层级关系 | the caller's division 调用方区划 |
|---|---|
| self 本级 | is the division concerned; from the township down, also contains it |
| ancestor 上级 | lies above it |
| descendant 下级 | lies below it |
| sibling 同级 | has the same parent |
| cousin 旁系 | lies elsewhere in the province |
| other province 外省 | lies in another province |

| role 角色 | who |
|---|---|
"""
ROLES: Mapping[Role, tuple[str, str]] = {
    Role.OFFICER: ("督查专员", "acts for its own division"),
    Role.GRID_WORKER: ("网格员", "tasks and answers of its own village or grid"),
    Role.INTEGRATOR: ("接入系统", "brings receipts, reports and answers of its area"),
    Role.KEEPER: ("目录与区划管理员", "keeps the catalogue and the tree of divisions"),
    Role.OPERATOR: ("运维", "links, quarantine, traces and audits of its node"),
    Role.AUDITOR: (
        "审计",
        "reads everything of its area, the ledger and the decisions",
    ),
    Role.READER: ("查询", "reads"),
    Role.NODE: ("节点", "a neighbour's server, by its certificate"),
}
CONCERNS: Mapping[Concern, str] = {
    Concern.ACTING: "acting 办理区划",
    Concern.OBJECT: "object 对象所属区划",
    Concern.NODE: "node 本节点",
    Concern.ROWS: "rows 数据所属区划",
    Concern.PROVINCE: "province 全省公用",
}
RELATIONS: Mapping[Relation, str] = {
    Relation.SELF: "self 本级",
    Relation.ANCESTOR: "ancestor 上级",
    Relation.DESCENDANT: "descendant 下级",
    Relation.SIBLING: "sibling 同级",
    Relation.COUSIN: "cousin 旁系",
    Relation.OTHER_PROVINCE: "other province 外省",
}


def requests(image: FileDescriptorSet) -> dict[str, Descriptor]:
    """Return what is sent to each rpc of ours, by the rpc's full name."""
    pool = DescriptorPool()
    for file in image.file:
        pool.Add(file)
    return {
        f"{file.package}.{service.name}/{method.name}": pool.FindMessageTypeByName(
            method.input_type.removeprefix(".")
        )
        for file in image.file
        if file.package.startswith("ducha.")
        for service in file.service
        for method in service.method
    }


def flaws(table: Mapping[str, Row], sent: Mapping[str, Descriptor]) -> Iterator[str]:
    """Yield where the table and the protos disagree."""
    for rpc in sent.keys() - table.keys():
        yield f"{rpc}: has no row in tier/policy/table.py: everybody is refused"
    for rpc in table.keys() - sent.keys():
        yield f"{rpc}: has a row in tier/policy/table.py, and there is no such rpc"
    for rpc in table.keys() & sent.keys():
        yield from _row_flaws(table[rpc], sent[rpc])


def _row_flaws(row: Row, message: Descriptor) -> Iterator[str]:
    for path in row.paths:
        try:
            reader(message, path)
        except LookupError as wrong:
            yield f"{row.rpc}: no path {path} in its request ({wrong})"
    if not row.allow:
        yield f"{row.rpc}: its row lets nobody in"
    if (row.concern is Concern.ACTING) != bool(row.paths):
        allowed = row.concern is Concern.NODE
        if not (row.paths and allowed):
            yield f"{row.rpc}: {row.concern} and paths do not go together"
    changes = CHANGES in message.fields_by_name
    if changes and row.concern in {Concern.ROWS, Concern.PROVINCE}:
        yield f"{row.rpc}: changes something, so a division must act"


def page(table: Mapping[str, Row]) -> str:
    """Return the page: the words, and the table service by service."""
    lines = [HEAD]
    lines += [f"| {role} {zh} | {en} |\n" for role, (zh, en) in ROLES.items()]
    by_service = sorted(table.values(), key=lambda row: row.rpc)
    for service, rows in groupby(by_service, lambda row: row.rpc.partition("/")[0]):
        lines.append(f"\n## {service}\n\n")
        lines.append(
            "| call 调用 | concerns 涉及区划 | who may 谁可调用 | why 说明 |\n"
        )
        lines.append("|---|---|---|---|\n")
        lines += map(_line, rows)
    return "".join(lines)


def _line(row: Row) -> str:
    name = row.rpc.partition("/")[2]
    fields = ", ".join(f"`{path}`" for path in row.paths)
    concern = f"{CONCERNS[row.concern]}{': ' if fields else ''}{fields}"
    return f"| `{name}` | {concern} | {'; '.join(_who(row))} | {row.why} |\n"


def _who(row: Row) -> Iterable[str]:
    """Write who may, roles that may the same together."""
    alike: dict[frozenset[Relation], list[Role]] = {}
    for role in (*ROLES,):
        if role in row.allow:
            alike.setdefault(row.allow[role], []).append(role)
    for relations, roles in alike.items():
        names = ", ".join(roles)
        yield f"{names}: {', '.join(RELATIONS[one] for one in Relation if one in relations)}"


def main(arguments: list[str] | None = None) -> int:
    """Check the table and write the page, or with `--check` see whether it is current."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args(arguments)
    wrong = sorted(flaws(TABLE, requests(read_image())))
    text = page(TABLE)
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append(
            "docs/policy.md is old: run `python -m tools.policy` and commit it"
        )
    for line in wrong:
        print(line)
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Who may call what, said anew in a handful of laws; the table is not asked.

1. A node does what links and witnesses do, for its parent: it stands below it, or at it.
2. Reference data is shown to all people of the province. What a server is, to nodes too.
3. A unit's pen is its own: only its officers decide, for it alone.
4. Who executes brings receipts, reports, petitions and answers: grid workers for their own
   division, integrators for all of their area, returns of reports included.
5. The keeper of the node, or above, keeps the calendar, the catalogue and the tree.
6. The operator of a node changes what is of the node; he and auditors, also from above, see
   it. Nobody but auditors reads the ledger whole.
7. All else is reading: by all but keepers and operators, of whoever stands in line with the
   node; grid workers see the work and no figures.
8. A unit's inbox is its own: its officers and grid workers look into it, integrators and
   auditors into those of their area; who executes notes what was read.
9. What a thing named by id belongs to, the door cannot know: it lets the line in.
"""

from __future__ import annotations

from tests.policy.calls import Rpc
from tier.identity.model import Role
from tier.policy.model import Relation

SELF, ANCESTOR, DESCENDANT = (
    Relation.SELF,
    Relation.ANCESTOR,
    Relation.DESCENDANT,
)
LINE = {SELF, ANCESTOR, DESCENDANT}
ABOVE = {SELF, ANCESTOR}
PROVINCE = set(Relation) - {Relation.OTHER_PROVINCE}
NOBODY: set[Relation] = set()
PEOPLE = set(Role) - {Role.NODE}

LINKED = {"Sync", "Replay", "Deliver", "Cosign"}
REFERENCE = {
    "CalendarService",
    "CatalogueService",
    "DivisionService",
    "ServerService",
}
EXECUTING = {
    "ReceiveAssignments",
    "ReportAssignments",
    "StreamReports",
    "ReportRectifications",
    "FilePetitions",
    "WithdrawPetitions",
    "SubmitAnswers",
    "StreamAnswers",
    "AcknowledgeNotices",
}
KEEPING = {
    "CalendarKeepingService",
    "CatalogueKeepingService",
    "DivisionKeepingService",
}
NODES_OWN = {"LinkOperationService", "AccessService", "TraceService", "LedgerService"}
NODES_CHANGED = {"RetryQuarantine", "DropQuarantine", "DeclareNewLife"}
WHOLE_LEDGER = {"ExportLedger", "ProveSubject"}
WORK = {
    "GetItem",
    "ListItems",
    "GetAssignment",
    "ListAssignments",
    "ListDeadlineMoves",
    "ListFencedWork",
    "WatchItem",
    "WatchDivision",
    "ListTimers",
    "ListRectifications",
    "GetPetition",
    "ListPetitions",
    "ListUrges",
    "ListEvents",
    "ListDigests",
    "ListTasks",
    "ExportTasks",
}
INBOX = {
    Role.OFFICER: {SELF},
    Role.GRID_WORKER: {SELF},
    Role.INTEGRATOR: ABOVE,
    Role.AUDITOR: ABOVE,
}
FIGURES = {Role.OFFICER, Role.INTEGRATOR, Role.AUDITOR, Role.READER}


def may(rpc: Rpc, role: Role) -> set[Relation]:
    """Return in which relations to what it concerns a role may make a call."""
    service, verb = rpc.service.rpartition(".")[2], rpc.verb
    if role is Role.NODE:
        return _node(service, verb)
    if service in REFERENCE:
        return PROVINCE
    if service in KEEPING:
        return ABOVE if role is Role.KEEPER else NOBODY
    if verb in LINKED:
        return NOBODY
    return _people(rpc, role)


def _people(rpc: Rpc, role: Role) -> set[Relation]:
    service, verb = rpc.service.rpartition(".")[2], rpc.verb
    if service in NODES_OWN or verb.startswith("Audit"):
        return _operation(verb, role)
    if rpc.changes:
        return _writing(verb, role)
    if service == "InboxService":
        return INBOX.get(role, NOBODY)
    readers = FIGURES | {Role.GRID_WORKER} if verb in WORK else FIGURES
    return LINE if role in readers else NOBODY


def _node(service: str, verb: str) -> set[Relation]:
    if verb in LINKED:
        return {SELF, DESCENDANT}
    return PROVINCE if service == "ServerService" else NOBODY


def _operation(verb: str, role: Role) -> set[Relation]:
    if verb in NODES_CHANGED:
        return {SELF} if role is Role.OPERATOR else NOBODY
    if verb in WHOLE_LEDGER:
        return ABOVE if role is Role.AUDITOR else NOBODY
    if verb == "GetTrace":
        return ABOVE if role is Role.OPERATOR else NOBODY
    return ABOVE if role in {Role.OPERATOR, Role.AUDITOR} else NOBODY


def _writing(verb: str, role: Role) -> set[Relation]:
    if verb == "ResolveConflict":
        return LINE if role is Role.OFFICER else NOBODY
    if verb == "ImportAnswers":
        hands = {Role.OFFICER, Role.GRID_WORKER, Role.INTEGRATOR}
        return LINE if role in hands else NOBODY
    if role is Role.OFFICER:
        return {SELF}
    if role is Role.GRID_WORKER:
        return {SELF} if verb in EXECUTING else NOBODY
    if role is Role.INTEGRATOR:
        return ABOVE if verb in {*EXECUTING, "ReturnAssignments"} else NOBODY
    return NOBODY

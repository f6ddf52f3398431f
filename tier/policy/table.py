"""Who may call what: THE table. Deny by default; a call without a row fails the build.

Read a row as: this call concerns that division, and these roles may make it when their own
division stands so to it. The words are explained in `model`; docs/policy.md shows the table
to everybody, written from here by `python -m tools.policy`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tier.identity.model import PEOPLE, Role
from tier.policy.model import Concern, Relation, Row

Allow = Mapping[Role, frozenset[Relation]]

SELF = frozenset({Relation.SELF})
ABOVE = frozenset({Relation.SELF, Relation.ANCESTOR})
BELOW = frozenset({Relation.SELF, Relation.DESCENDANT})
LINE = frozenset({Relation.SELF, Relation.ANCESTOR, Relation.DESCENDANT})
SAME_PROVINCE = frozenset(Relation) - {Relation.OTHER_PROVINCE}

OFFICE: Allow = {Role.OFFICER: SELF}
"""Decisions of a unit: by its own officers. Whoever stands above has items, not its pen."""
EXECUTING: Allow = {
    Role.OFFICER: SELF,
    Role.GRID_WORKER: SELF,
    Role.INTEGRATOR: ABOVE,
}
"""Moves of who executes; an integrator brings those of all units in its area."""
JUDGING: Allow = {Role.OFFICER: SELF, Role.INTEGRATOR: ABOVE}
READING: Allow = dict.fromkeys(
    (Role.OFFICER, Role.INTEGRATOR, Role.AUDITOR, Role.READER), LINE
)
WORKING: Allow = {**READING, Role.GRID_WORKER: LINE}
"""What a grid worker needs to see of the work: tasks, items, assignments of the own grid."""
NOTIFIED: Allow = {
    Role.OFFICER: SELF,
    Role.GRID_WORKER: SELF,
    Role.INTEGRATOR: ABOVE,
    Role.AUDITOR: ABOVE,
}
"""Who looks into a unit's inbox: the unit itself, programs and auditors of its area."""
EVERYBODY: Allow = dict.fromkeys(PEOPLE, SAME_PROVINCE)
KEEPING: Allow = {Role.KEEPER: ABOVE}
OPERATING: Allow = {Role.OPERATOR: SELF}
AUDITING: Allow = {Role.AUDITOR: ABOVE}
INSPECTING: Allow = {Role.OPERATOR: ABOVE, Role.AUDITOR: ABOVE}
TRACING: Allow = {Role.OPERATOR: ABOVE}
LINKED: Allow = {Role.NODE: BELOW}

_ACTS = ("division",)
_ASSIGNMENT = "ducha.assignment.v1.AssignmentService/"
_INBOX = "ducha.inbox.v1.InboxService/"
_COLLECTION = "ducha.collection.v1.CollectionService/"
_REGISTRY = "ducha.registry.v1.RegistryService/"
_REPORTING = "ducha.reporting.v1.ReportingService/"
_STATISTICS = "ducha.statistics.v1.StatisticsService/"
_APPROVAL = "ducha.approval.v1.ApprovalService/"
_PETITION = "ducha.petition.v1.PetitionService/"
_RECTIFICATION = "ducha.rectification.v1.RectificationService/"
_URGING = "ducha.urging.v1.UrgingService/"
_CALENDAR = "ducha.calendar.v1.CalendarService/"
_CALENDAR_KEEPING = "ducha.calendar.v1.CalendarKeepingService/"
_CATALOGUE = "ducha.catalogue.v1.CatalogueService/"
_KEEPING = "ducha.catalogue.v1.CatalogueKeepingService/"
_DIVISION = "ducha.division.v1.DivisionService/"
_TREE = "ducha.division.v1.DivisionKeepingService/"
_OPERATION = "ducha.link.v1.LinkOperationService/"
_LEDGER = "ducha.ledger.v1.LedgerService/"
_LINK = "ducha.link.v1.LinkService/"


def _acting(rpc: str, allow: Allow, *paths: str, why: str = "") -> Row:
    return Row(rpc, Concern.ACTING, allow, paths or _ACTS, why)


def _rows(rpc: str, allow: Allow = READING, why: str = "") -> Row:
    return Row(rpc, Concern.ROWS, allow, (), why)


def _of_node(rpc: str, allow: Allow, *paths: str, why: str = "") -> Row:
    return Row(rpc, Concern.NODE, allow, paths, why)


def _public(rpc: str, why: str = "") -> Row:
    return Row(rpc, Concern.PROVINCE, EVERYBODY, (), why)


DOWN_AND_UP = (
    _acting(_ASSIGNMENT + "IssueItem", OFFICE),
    _acting(_ASSIGNMENT + "SplitAssignment", OFFICE),
    _acting(_ASSIGNMENT + "ReceiveAssignments", EXECUTING, "assignments.division"),
    _acting(
        _ASSIGNMENT + "ReportAssignments", EXECUTING, "reports.assignment.division"
    ),
    _acting(
        _ASSIGNMENT + "StreamReports", EXECUTING, "batch.reports.assignment.division"
    ),
    _acting(_ASSIGNMENT + "ReturnAssignments", JUDGING),
    _acting(_ASSIGNMENT + "VerifyAssignments", OFFICE),
    _acting(_ASSIGNMENT + "ConcludeItem", OFFICE),
    _acting(_ASSIGNMENT + "CloseItem", OFFICE),
    _acting(_ASSIGNMENT + "WithdrawItem", OFFICE),
    _acting(_ASSIGNMENT + "ReopenItem", OFFICE),
    _acting(_ASSIGNMENT + "ArchiveItem", OFFICE),
    _acting(_ASSIGNMENT + "ResumeAssignments", OFFICE),
    _acting(_ASSIGNMENT + "WithdrawAssignments", OFFICE),
    _rows(_ASSIGNMENT + "GetItem", WORKING),
    _rows(_ASSIGNMENT + "ListItems", WORKING),
    _rows(_ASSIGNMENT + "GetAssignment", WORKING),
    _rows(_ASSIGNMENT + "ListAssignments", WORKING),
    _rows(_ASSIGNMENT + "ListFencedWork", WORKING),
    _rows(_ASSIGNMENT + "ListDeadlineMoves", WORKING),
    _acting(_PETITION + "FilePetitions", EXECUTING),
    _acting(_PETITION + "DecidePetitions", OFFICE),
    _acting(_PETITION + "WithdrawPetitions", EXECUTING),
    _rows(_PETITION + "GetPetition", WORKING),
    _rows(_PETITION + "ListPetitions", WORKING),
    _acting(_RECTIFICATION + "OpenRectifications", OFFICE),
    _acting(_RECTIFICATION + "ReportRectifications", EXECUTING),
    _acting(_RECTIFICATION + "CloseRectifications", OFFICE),
    _acting(_RECTIFICATION + "ReturnRectifications", OFFICE),
    _rows(_RECTIFICATION + "ListRectifications", WORKING),
    _acting(_URGING + "UrgeAssignments", OFFICE),
    _rows(_URGING + "ListUrges", WORKING),
    _rows(_URGING + "ListDigests", WORKING),
    _rows(_REPORTING + "ListProgress"),
    _rows(_REPORTING + "WatchItem", WORKING),
    _rows(_REPORTING + "WatchDivision", WORKING),
    _rows("ducha.timeline.v1.TimelineService/ListEvents", WORKING),
    _rows("ducha.timing.v1.TimingService/ListTimers", WORKING),
    _rows("ducha.timing.v1.TimingService/ListEscalations"),
    _of_node(
        _REPORTING + "AuditProgress",
        INSPECTING,
        why="It compares all rows of the node; a part of them proves nothing.",
    ),
    _rows(_STATISTICS + "ListStatistics"),
    _of_node(
        _STATISTICS + "AuditStatistics",
        INSPECTING,
        why="It reads the whole ledger of the node.",
    ),
    _acting(_INBOX + "ListNotices", NOTIFIED),
    _acting(_INBOX + "CountNotices", NOTIFIED),
    _acting(_INBOX + "WatchNotices", NOTIFIED),
    _acting(
        _INBOX + "AcknowledgeNotices",
        EXECUTING,
        why="Notices of divisions below that act here lie in the same inbox.",
    ),
)
DATA = (
    _acting(_REGISTRY + "RequestData", OFFICE),
    _acting(_REGISTRY + "WithdrawDataRequest", OFFICE),
    _rows(_REGISTRY + "GetDataRequest"),
    _rows(_REGISTRY + "ListDataRequests"),
    _rows(_REGISTRY + "WatchDataRequest"),
    _rows(_REGISTRY + "ListNeeds"),
    _rows(_REGISTRY + "ListObservations"),
    _rows(_REGISTRY + "ListVersions"),
    _rows(_REGISTRY + "ListConflicts"),
    _of_node(_REGISTRY + "AuditRegistry", INSPECTING),
    _rows(_COLLECTION + "ListTasks", WORKING),
    _rows(_COLLECTION + "ExportTasks", WORKING),
    _acting(
        _COLLECTION + "SubmitAnswers",
        EXECUTING,
        "answers.division",
        "answers.author_division",
        why="Conflicts go to the owner of an element by default: nobody answers in the"
        " name of a unit that is not within the own area.",
    ),
    _acting(
        _COLLECTION + "StreamAnswers",
        EXECUTING,
        "batch.answers.division",
        "batch.answers.author_division",
    ),
    Row(
        _COLLECTION + "ImportAnswers",
        Concern.OBJECT,
        EXECUTING,
        why="Each row of the workbook names its division.",
    ),
    Row(
        _COLLECTION + "ResolveConflict",
        Concern.OBJECT,
        OFFICE,
        why="The division is that of the conflict.",
    ),
    _acting(_APPROVAL + "ApprovePeriod", OFFICE),
    _acting(_APPROVAL + "UnlockPeriod", OFFICE),
    _rows(_APPROVAL + "ListApprovals"),
    _rows(_APPROVAL + "ListUnlockings"),
    _rows("ducha.indicator.v1.IndicatorService/ListIndicatorValues"),
    _rows("ducha.relief.v1.ReliefService/ListSavings"),
    _of_node("ducha.relief.v1.ReliefService/AuditSavings", INSPECTING),
)
REFERENCE = (
    _public(_CALENDAR + "GetCalendar"),
    _public(_CALENDAR + "ListTerms"),
    _public(_CALENDAR + "ComputeDue"),
    _of_node(_CALENDAR_KEEPING + "PublishCalendar", KEEPING),
    _of_node(_CALENDAR_KEEPING + "PublishTerms", KEEPING),
    _public(_CATALOGUE + "GetElement"),
    _public(_CATALOGUE + "ListElements"),
    _public(_CATALOGUE + "ListIndicators"),
    _public(_DIVISION + "GetDivision"),
    _public(_DIVISION + "ListDivisions"),
    _of_node(_KEEPING + "PublishCatalogue", KEEPING),
    _of_node(_KEEPING + "ImportWorkbook", KEEPING),
    _of_node(_KEEPING + "ExportWorkbook", KEEPING),
    _of_node(_TREE + "ImportDivisions", KEEPING, "divisions.code"),
    _of_node(_TREE + "RetireDivision", KEEPING, "code"),
)
OPERATION = (
    Row(
        "ducha.server.v1.ServerService/GetServerInfo",
        Concern.PROVINCE,
        {**EVERYBODY, Role.NODE: SAME_PROVINCE},
        why="Where to call next: a client asks it before anything else.",
    ),
    _of_node(_OPERATION + "ListLinks", INSPECTING),
    _of_node(_OPERATION + "ListQuarantine", INSPECTING),
    _of_node(_OPERATION + "RetryQuarantine", OPERATING),
    _of_node(_OPERATION + "DropQuarantine", OPERATING),
    _of_node("ducha.trace.v1.TraceService/GetTrace", TRACING),
    _of_node("ducha.access.v1.AccessService/ListDecisions", INSPECTING),
    _of_node(_LEDGER + "GetCheckpoint", INSPECTING),
    _of_node(_LEDGER + "ListCheckpoints", INSPECTING),
    _of_node(_LEDGER + "ListWitnessed", INSPECTING),
    _of_node(
        _LEDGER + "ExportLedger",
        AUDITING,
        why="It holds every fact of the node, whole.",
    ),
    _of_node(_LEDGER + "ProveSubject", AUDITING),
    _of_node(
        _LEDGER + "DeclareNewLife",
        OPERATING,
        why="Nobody above declares for those below.",
    ),
    _of_node(
        "ducha.ledger.v1.WitnessService/Cosign",
        LINKED,
        why="The witness compares the log with the certificate, too.",
    ),
    _of_node(
        _LINK + "Sync",
        LINKED,
        why="The door of the link compares the child with the certificate, too.",
    ),
    _of_node(_LINK + "Replay", LINKED),
    _of_node(_LINK + "Deliver", LINKED),
)

TABLE = {row.rpc: row for row in (*DOWN_AND_UP, *DATA, *REFERENCE, *OPERATION)}

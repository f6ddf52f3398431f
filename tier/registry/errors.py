"""Refusals of the registry."""

from __future__ import annotations

import grpc

from tier.runtime.errors import TierError


class LevelMayNotRequest(TierError):
    """Ask the county to request: a township only collects (law 1)."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "LEVEL_MAY_NOT_REQUEST"
    en = "{division} is a township or below: it collects and does not request; ask its county"
    zh = "{division} 属乡级及以下，只采集、不发起用数申请；请由县级申请"


class PeriodMismatch(TierError):
    """Write the period as the elements' type wants it; split a request of several types."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "PERIOD_MISMATCH"
    en = "{element} is collected by {wanted}, and {period} is no {wanted}; split the request"
    zh = "数据元 {element} 的周期类型为 {wanted}，{period} 不符；请按周期类型拆分申请"


class UseForbidden(TierError):
    """Leave the element out, or ask its owner: it must not be put to this use."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "USE_FORBIDDEN"
    en = "{element} must not be used for {use}; leave it out, or ask its owner, {owner}"
    zh = "数据元 {element} 禁止用于 {use}；请去除该项或与其主管部门（{owner}）商定"


class DeadlinePast(TierError):
    """Move the deadline into the future."""

    code = grpc.StatusCode.INVALID_ARGUMENT
    reason = "DEADLINE_PAST"
    en = "the deadline {deadline} is not in the future; move it"
    zh = "截止时间 {deadline} 不在将来，请调整"


class AlreadyHeld(TierError):
    """Use the value that is held: nobody is asked again for what is fresh (law 6)."""

    reason = "ALREADY_HELD"
    en = (
        "{held} of {cells} cells are held and fresh, such as {element} of {division}, given by "
        "{holder} on {observed}; use these values: nobody is asked again"
    )
    zh = (
        "{cells} 个数据中有 {held} 个已有且在有效期内，如 {division} 的 {element}（{holder} 于 "
        "{observed} 填报）；请直接使用，不得重复采集"
    )


class RequestTooLarge(TierError):
    """Split the request: by element, by area or by time."""

    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "REQUEST_TOO_LARGE"
    en = "{cells} cells are more than one request may ask, {most}; split it"
    zh = "一次申请 {cells} 个数据，超过上限 {most}，请拆分"


class DataRequestUnknown(TierError):
    """Check the id, or wait until the link has brought it."""

    code = grpc.StatusCode.NOT_FOUND
    reason = "DATA_REQUEST_UNKNOWN"
    en = "this node holds no data request {data_request_id}; check the id"
    zh = "本级没有用数申请 {data_request_id}，请核对编号"


class DataRequestEnded(TierError):
    """Nothing is left to do: the request is complete or withdrawn."""

    reason = "DATA_REQUEST_ENDED"
    en = (
        "data request {data_request_id} is complete or withdrawn; nothing is left to do"
    )
    zh = "用数申请 {data_request_id} 已完成或撤回，无需再办"


class NotRequester(TierError):
    """Ask the division that requested the data."""

    code = grpc.StatusCode.PERMISSION_DENIED
    reason = "NOT_REQUESTER"
    en = "only {requester}, which requested the data, may do this; {division} may not"
    zh = "只有申请方 {requester} 可执行此操作，{division} 不可"

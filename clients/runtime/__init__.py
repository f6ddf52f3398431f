"""What every client needs: where the nodes are, how to call them, what a refusal says.

An integrator in Python begins here::

    endpoints = Endpoints.load()
    async with endpoints.client() as province:
        response = await province.call(province.assignments.ListItems, ListItemsRequest())
"""

from __future__ import annotations

from clients.runtime.calling import Limits
from clients.runtime.client import Client
from clients.runtime.credentials import Credentials
from clients.runtime.endpoints import Endpoints, NodeEndpoint
from clients.runtime.errors import (
    ClientError,
    CredentialsUnusable,
    EndpointsUnusable,
    NodeUnknown,
    Refused,
    Unreachable,
    Violation,
)

__all__ = [
    "Client",
    "ClientError",
    "Credentials",
    "CredentialsUnusable",
    "Endpoints",
    "EndpointsUnusable",
    "Limits",
    "NodeEndpoint",
    "NodeUnknown",
    "Refused",
    "Unreachable",
    "Violation",
]

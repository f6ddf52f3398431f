"""What a typed refusal carries, and what to do with it."""

from __future__ import annotations

import asyncio
import uuid

from clients.runtime import Refused
from ducha.assignment.v1.assignment_service_pb2 import GetItemRequest
from examples.place import endpoints


async def main() -> None:
    """Ask for an item that nobody issued, and for one whose id is no id."""
    nodes = endpoints("Show two refusals.")
    async with nodes.client() as province:
        for item in (str(uuid.uuid4()), "not-an-id"):
            try:
                await province.call(
                    province.assignments.GetItem, GetItemRequest(item_id=item)
                )
            except Refused as refused:
                print(f"{refused.code.name} / {refused.reason}")  # for programs
                print(f"  {refused.english}")  # for people
                print(f"  {refused.chinese}")
                for violation in refused.violations:
                    print(f"  field {violation.field}: {violation.description}")


if __name__ == "__main__":
    asyncio.run(main())

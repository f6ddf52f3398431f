"""The role that row-level security holds to an area: there, and ours to take.

Roles belong to the whole PostgreSQL server, so no numbered file makes it; it is looked
after whenever a database is brought up to date.
"""

from __future__ import annotations

from tier.runtime.db import VIEWER, Tx

# Where we may, make it and take it; two nodes may do so at once. A transaction of its own
# would not help: what a DO block catches is undone alone.
ENSURE = f"""
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{VIEWER}') THEN
        CREATE ROLE {VIEWER} NOLOGIN;
    END IF;
EXCEPTION WHEN insufficient_privilege OR duplicate_object OR unique_violation THEN
    NULL;
END $$;
DO $$
BEGIN
    IF NOT pg_has_role(current_user, '{VIEWER}', 'SET') THEN
        EXECUTE format('GRANT {VIEWER} TO %I', current_user);
    END IF;
EXCEPTION WHEN insufficient_privilege OR undefined_object THEN
    NULL;
END $$
"""

# Null where there is no such role.
CHECK = """
    SELECT current_user::text AS owner,
           (SELECT pg_has_role(current_user, oid, 'SET') FROM pg_roles
             WHERE rolname = $1) AS is_ours
"""


class ViewerMissing(Exception):
    """Have a superuser of the database run the statements that the text says."""


async def ensure(tx: Tx) -> None:
    """See to it that the role is there and that this node may take it.

    Raises:
        ViewerMissing: it is not, and this node may not change that.
    """
    await tx.execute(ENSURE)
    row = await tx.fetchrow(CHECK, VIEWER)
    if row is None or not row["is_ours"]:
        owner = row["owner"] if row else "the node's role"
        raise ViewerMissing(
            f"the database role {VIEWER} is missing, or not granted to {owner}: as a"
            f" superuser, run CREATE ROLE {VIEWER} NOLOGIN; (unless it is there) and"
            f' GRANT {VIEWER} TO "{owner}"; then start again'
        )

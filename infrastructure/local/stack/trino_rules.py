"""Who may do what in Trino: evoke's own user reads, and a tenant's user sees the rows of that tenant alone.

The rules are Trino's file-based system access control. Nobody may write: the archiver does not go through Trino.
"""

from __future__ import annotations

import json

EVOKE = "evoke"
TENANT = "evoke-tenant-"
"""What the users of tenants begin with; the tenant's name follows in hexadecimal UTF-8. As EVOKE_TRINO_TENANT_USER."""
_TENANTS = f"{TENANT}[0-9a-f]*"
_NAMESPACES = "evoke(_.*)?"
"""Several systems may share the servers, each with a namespace of its own (EVOKE_CATALOG_NAMESPACE)."""
_METADATA = r"job_events(\$(files|partitions|refs|snapshots))?"


def rules(catalog: str) -> str:
    """Return the rules as JSON. catalog: the one that the archive is in."""
    own_rows = f"tenant = from_utf8(from_hex(substr(current_user, {len(TENANT) + 1})))"
    archive = {"catalog": catalog, "schema": _NAMESPACES, "privileges": ["SELECT"]}
    both = f"{EVOKE}|{_TENANTS}"
    document = {
        "catalogs": [
            {"user": both, "catalog": catalog, "allow": "read-only"},
            {"catalog": "system", "allow": "none"},
        ],
        "schemas": [{"owner": False}],
        "tables": [
            {**archive, "user": EVOKE, "table": _METADATA},
            {**archive, "user": _TENANTS, "table": "job_events", "filter": own_rows},
        ],
        "impersonation": [{"original_user": EVOKE, "new_user": _TENANTS}],
        "functions": [],
        "procedures": [],
        "queries": [{"user": both, "allow": ["execute"]}],
        "system_session_properties": [{"user": both, "property": "query_max_.*", "allow": True}],
        "catalog_session_properties": [{"allow": False}],
    }
    return json.dumps(document, indent=2) + "\n"

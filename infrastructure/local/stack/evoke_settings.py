"""The settings of evoke that name the servers of a stack, for `evoke up` and for tests."""

from __future__ import annotations

from infrastructure.local.stack.nessie import WAREHOUSE
from infrastructure.local.stack.server import ACCESS_KEY, BUCKET, LOOPBACK, REGION, SECRET_KEY, Ports
from infrastructure.local.stack.trino import CATALOG


def addresses(ports: Ports, host: str = LOOPBACK) -> dict[str, object]:
    """Return the settings by field name, for those servers that are known."""
    found: dict[str, object] = {"s3_bucket": BUCKET, "s3_region": REGION, "s3_path_style": True}
    if "pulsar" in ports:
        found["pulsar_url"] = f"pulsar://{host}:{ports['pulsar']}"
        found["pulsar_admin_url"] = f"http://{host}:{ports['pulsar-admin']}"
    if "s3" in ports:
        found["s3_endpoint"] = f"http://{host}:{ports['s3']}"
    if "catalog" in ports:
        found |= {
            "catalog_uri": f"http://{host}:{ports['catalog']}/iceberg/",
            "catalog_warehouse": WAREHOUSE,
        }
    if "trino" in ports:
        found |= {"trino_url": f"http://{host}:{ports['trino']}", "trino_catalog": CATALOG}
    return found


def environment(ports: Ports, host: str = LOOPBACK) -> dict[str, str]:
    """Return what a process of evoke needs in its environment."""
    told = {f"EVOKE_{name.upper()}": str(value) for name, value in addresses(ports, host).items()}
    own = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY}
    return {"EVOKE_ENGINE": "distributed", **told, **own}

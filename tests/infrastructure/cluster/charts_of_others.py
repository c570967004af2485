"""A chart repository of this machine with stand-ins for the charts of others, of the same names and versions.

A stand-in makes no server: it makes the Service that the server would have, whose other end is this machine, and a pod
that is ready once the server is.
"""

from __future__ import annotations

import functools
import http.server
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.infrastructure.chart.rendering import Object, helm
from tests.infrastructure.cluster.installation import REGISTRY, TAG
from tests.infrastructure.cluster.kubectl import leading_out

_READY = "import socket,sys; [socket.create_connection((sys.argv[1], int(port)), 2) for port in sys.argv[2:]]"
_WAITS = "import signal; signal.signal(signal.SIGTERM, lambda *_: exit()); signal.pause()"


@dataclass(frozen=True)
class Chart:
    """A stand-in. objects: what its one template makes."""

    name: str
    version: str
    objects: Sequence[Object]


def service(name: str, host: str, ports: Mapping[int, int]) -> list[Object]:
    """A Service whose ports lead to others of a host, and a pod that is ready once they are open."""
    words = ["python", "-c", _READY, host, *(str(port) for port in ports.values())]
    container = {
        "name": "waits",
        "image": f"{REGISTRY}/evoke-admin:{TAG}",
        "command": ["python", "-c", _WAITS],
        "readinessProbe": {"periodSeconds": 2, "timeoutSeconds": 10, "exec": {"command": words}},
        "resources": {"requests": {"cpu": "5m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
    }
    labels = {"app": f"{name}-stand-in"}
    return [
        *leading_out(name, host, {f"p{port}": (port, other) for port, other in ports.items()}),
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": f"{name}-stand-in"},
            "spec": {
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
                },
            },
        },
    ]


def way_to(host: str, namespace: str) -> Object:
    """A policy that lets evoke's pods reach a host: where they expect servers in the cluster, these are outside.

    It holds before evoke's own do, while its hooks run: it has to let them reach the one server that is inside.
    """
    inside = {"matchLabels": {"kubernetes.io/metadata.name": "s3"}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "servers-outside", "namespace": namespace},
        "spec": {
            "podSelector": {},
            "policyTypes": ["Egress"],
            "egress": [{"to": [{"ipBlock": {"cidr": f"{host}/32"}}, {"namespaceSelector": inside}]}],
        },
    }


@contextmanager
def repository(charts: Sequence[Chart], folder: Path) -> Iterator[str]:
    """Package the charts, and serve them on this machine; yields the URL."""
    served = folder / "served"
    served.mkdir()
    for chart in charts:
        source = folder / chart.name
        (source / "templates").mkdir(parents=True)
        told = {"apiVersion": "v2", "name": chart.name, "version": chart.version}
        (source / "Chart.yaml").write_text(yaml.safe_dump(told))
        # JSON is YAML; what looks like a template in it is none.
        documents = "\n---\n".join(json.dumps(each) for each in chart.objects)
        (source / "templates" / "objects.yaml").write_text(documents)
        helm("package", str(source), "--destination", str(served))
    helm("repo", "index", str(served))
    handler = functools.partial(_Silent, directory=str(served))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Requests are no news."""

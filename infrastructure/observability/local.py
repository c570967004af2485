"""Prometheus beside a local evoke: its configuration, and its command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infrastructure.observability.pages import write_pages
from services.standalone.figures import FILE

RULES = Path(__file__).parent / "rules"


@dataclass(frozen=True)
class Scraping:
    """data_dir: of the evoke that is looked at. address: HOST:PORT of Prometheus. every: how often, e.g. `5s`."""

    data_dir: Path
    address: str
    every: str

    @property
    def folder(self) -> Path:
        """Where Prometheus keeps what it is told and what it sees."""
        return self.data_dir / "observability"

    @property
    def targets(self) -> Path:
        """The file in which `evoke up` tells where figures are."""
        return self.data_dir / FILE

    def configuration(self) -> dict[str, Any]:
        """The content of `prometheus.yml`."""
        return {
            "global": {"scrape_interval": self.every, "evaluation_interval": self.every},
            "rule_files": [str(path) for path in sorted(RULES.glob("*.yaml"))],
            "scrape_configs": [{"job_name": "evoke", "file_sd_configs": [{"files": [str(self.targets)]}]}],
        }

    def prepared(self, program: str) -> list[str]:
        """Write the configuration and the dashboards' pages; return the command that runs Prometheus by it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        configuration = self.folder / "prometheus.yml"
        configuration.write_text(yaml.safe_dump(self.configuration(), sort_keys=False))
        write_pages(self.folder / "consoles")
        return [
            program,
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self.folder / 'prometheus'}",
            "--storage.tsdb.retention.time=7d",
            f"--web.listen-address={self.address}",
            f"--web.console.templates={self.folder / 'consoles'}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ]

"""Settings: one typed object, read from `EVOKE_*` variables in a `bootstrap.py` and passed down.

`docs/settings.md` is generated from this module (`make docs`); `make check` fails when it is out of date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from evoke.domain.errors import InvalidInput

PREFIX = "EVOKE_"


class Settings(BaseSettings):
    """Every setting of every process. Sizes are in bytes, durations in seconds."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    engine: Literal["embedded", "distributed"] = Field(
        "embedded", description="Which set of adapters stands behind the ports."
    )
    data_dir: Path = Field(Path("data"), description="Folder of the embedded engine: log, blobs, archive.")
    pulsar_url: str = Field(
        "pulsar://127.0.0.1:6650",
        description="Pulsar's brokers (distributed engine); `pulsar+ssl://` for TLS.",
    )
    pulsar_admin_url: str = Field(
        "http://127.0.0.1:8180",
        description="Pulsar's admin REST API (distributed engine); `https://` for TLS.",
    )
    pulsar_tenant: str = Field("evoke", min_length=1, description="Pulsar's tenant that holds the topics.")
    pulsar_namespace: str = Field(
        "default", min_length=1, description="The tenant's namespace for the topics."
    )
    pulsar_token: SecretStr | None = Field(
        None,
        description="JSON web token for Pulsar; it must be allowed to produce, consume and administer there.",
    )
    pulsar_ca_file: Path | None = Field(
        None, description="Certificates that Pulsar's are checked by; unset: those of the system."
    )
    pulsar_listener: str | None = Field(
        None, description="Name of the brokers' advertised listener to connect through; unset: the usual one."
    )
    pulsar_backlog_bytes: int | None = Field(
        None,
        ge=1 << 20,
        description="Bytes of a topic that may wait for the archive or for workers: beyond them appends are refused "
        "(507). `evoke admin init` sets it; unset: what the broker is set to.",
    )
    pulsar_most_redeliveries: int = Field(
        100_000,
        ge=1,
        description="How often a request may go back to the broker before it is put aside in `backstop_<queue>`: far "
        "more often than a queue has workers, for each busy one may give a request back once.",
    )
    pulsar_partitions: int = Field(
        1,
        ge=1,
        le=1000,
        description="Parts of each queue's topics, so that brokers share its load; the same for all processes, and "
        "changed only while no job is unfinished.",
    )
    pulsar_index_bytes: int = Field(
        64 << 20, ge=1 << 20, description="Bound of a topic's index of jobs that a sidecar keeps in memory."
    )
    catalogue: Path | None = Field(
        None, description="The catalogue of models (YAML); unset: the one that ships with evoke."
    )
    models_dir: Path | None = Field(
        None,
        description="Folder of downloaded weights, read-only to containers; unset: `models` in the data folder.",
    )
    models_tokens: SecretStr | None = Field(
        None,
        description="Tokens for private weights as `HOST=TOKEN` pairs, comma-separated; the hub's own is HF_TOKEN.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log lines to write."
    )
    log_format: Literal["json", "text"] = Field(
        "json", description="Structured lines for machines, or text for people."
    )
    otlp_endpoint: str | None = Field(
        None,
        pattern=r"^https?://",
        description="URL of an OpenTelemetry collector (OTLP over HTTP, e.g. `http://127.0.0.1:4318`) that traces are "
        "sent to; unset: none. Its headers and certificates are OTEL_EXPORTER_OTLP_HEADERS and so on.",
    )
    traces_per_s: int = Field(
        100, ge=1, description="Most requests that an API process traces in one second; the rest go untraced."
    )

    host: str = Field("127.0.0.1", description="Address that the API listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that the API listens on; 0: any free one.")
    metrics_port: int = Field(
        0, ge=0, le=65535, description="Port of /metrics of a process other than the API; 0: none."
    )
    max_body_bytes: int = Field(1 << 20, ge=1024, description="Largest request body that the API reads.")
    max_file_bytes: int = Field(
        32 << 20,
        ge=1024,
        le=512 << 20,
        description="Largest file that `POST /v1/files` takes, and that an input may name.",
    )
    max_uploads_bytes: int = Field(
        256 << 20,
        ge=1024,
        description="Bytes of uploads that the API holds in memory at once; beyond it they get 503. "
        "Three of the largest files always fit.",
    )
    max_wait_s: float = Field(
        60.0, gt=0, description="Longest wait that `Prefer: wait` and `wait=` may ask for."
    )
    max_queued: int = Field(
        100_000, ge=1, description="Waiting jobs of a queue beyond which submits get 429."
    )
    interactive_share: int = Field(
        16, ge=1, description="Unfinished jobs of a tenant beyond which its next ones go to the bulk lane."
    )
    hot_bytes: int = Field(
        256 << 20, ge=1 << 20, description="Bound of the finished jobs that the API keeps in memory."
    )
    hot_window_s: float = Field(
        24 * 3600.0, gt=0, description="How long the API keeps a finished job in memory."
    )
    position_wait_s: float = Field(
        5.0, gt=0, description="Longest wait of a read for the position that it names."
    )

    api_keys_file: Path | None = Field(
        None, description="File of API keys; unset: no keys are asked for, everybody is one tenant."
    )

    query_rows: int = Field(10_000, ge=1, description="Most rows that one SQL query may return.")
    query_time_s: float = Field(30.0, gt=0, description="Longest run of one SQL query.")
    query_scan_bytes: int = Field(4 << 30, ge=1 << 20, description="Most bytes that one SQL query may read.")

    max_attempts: int = Field(
        3, ge=1, le=100, description="How often a job may run before it is put aside as a dead letter."
    )
    retry_base_s: float = Field(1.0, gt=0, description="Back-off before the second attempt, at most.")
    retry_cap_s: float = Field(60.0, gt=0, description="Longest back-off.")
    lease_s: float = Field(
        10.0, gt=0, description="How long a worker that hangs keeps its requests (embedded engine)."
    )
    bulk_every: int = Field(
        8, ge=2, description="One in so many requests is taken from the bulk lane while both lanes wait."
    )

    worker: str | None = Field(
        None, description="Name of this worker; unset: host name, process id and a random part."
    )
    queue: str | None = Field(None, description="Queue that this sidecar serves.")
    model_address: str | None = Field(
        None, description="gRPC address of the model container: `unix:PATH` or `HOST:PORT`."
    )
    concurrency: int | None = Field(
        None, ge=1, description="Jobs that a sidecar runs at once; unset: what the container allows."
    )
    drain_s: float = Field(
        8.0, ge=0, description="How long a sidecar that was told to stop lets its jobs finish."
    )
    model_wait_s: float = Field(
        120.0,
        gt=0,
        description="How long a container may be away, and no jobs are taken, before its sidecar reports an error.",
    )

    archive_interval_s: float = Field(
        2.0, gt=0, description="Longest time that an event waits to be archived."
    )
    archive_rows: int = Field(50_000, ge=1, description="Events in one commit of the archive, at most.")
    archive_partition: Literal["hour", "day"] = Field(
        "hour", description="Partition of the archive by the time in a job's id."
    )
    archive_compact_s: float = Field(
        60.0, gt=0, description="How often the archiver merges small files and expires snapshots."
    )
    archive_grace_s: float = Field(
        300.0, gt=0, description="How long files that were replaced stay for readers that are at work."
    )
    log_retention_s: float = Field(
        7 * 24 * 3600.0, gt=0, description="How long archived events stay in the embedded log."
    )

    s3_bucket: str | None = Field(
        None, description="Bucket of artifacts (distributed engine); credentials come by the usual AWS chain."
    )
    s3_endpoint: str | None = Field(None, description="URL of an S3 server other than Amazon's.")
    s3_region: str = Field("us-east-1", description="Region of the bucket.")
    s3_path_style: bool = Field(
        False, description="Put the bucket's name into the path of URLs instead of the host name."
    )
    s3_presigned: bool = Field(
        False, description="Send those who download to URLs of the bucket instead of serving the bytes."
    )
    catalog_uri: str | None = Field(
        None, description="URL of the archive's Iceberg REST catalog (distributed engine)."
    )
    catalog_warehouse: str | None = Field(None, description="Warehouse to ask of the catalog.")
    catalog_signing: str | None = Field(
        None,
        description="AWS service that requests to the catalog are signed for (SigV4), e.g. `glue`; unset: none.",
    )
    catalog_namespace: str = Field(
        "evoke",
        pattern=r"^[a-z][a-z0-9_]{0,62}$",
        description="Namespace of the archive's table in the catalog; Trino calls it a schema.",
    )
    trino_url: str | None = Field(
        None, description="URL of Trino, which answers for history (distributed engine)."
    )
    trino_catalog: str = Field("evoke", description="Trino's catalog in which the archive is found.")
    trino_user: str = Field(
        "evoke", min_length=1, description="User that asks Trino for evoke; let it read and no more."
    )
    trino_tenant_user: str = Field(
        "evoke-tenant-",
        min_length=1,
        description="Beginning of the users that SQL of tenants runs as; the tenant in hexadecimal UTF-8 follows.",
    )
    trino_password: SecretStr | None = Field(
        None,
        description="Password of `EVOKE_TRINO_USER`, who must be allowed to impersonate the tenants' users.",
    )
    trino_token: SecretStr | None = Field(
        None, description="JSON web token for Trino, in place of a password."
    )
    trino_ca_file: Path | None = Field(
        None, description="Certificates that Trino's are checked by; unset: those that come with certifi."
    )

    failpoints: str = Field(
        "", description="For tests: `name=action` pairs, comma-separated; see `evoke/failpoints.py`."
    )

    @property
    def models_folder(self) -> Path:
        """Where downloaded weights lie."""
        return self.models_dir if self.models_dir is not None else self.data_dir / "models"

    @property
    def tokens_of_hosts(self) -> dict[str, str]:
        """The tokens for private weights by host. Raises InvalidInput, without telling a token."""
        text = self.models_tokens.get_secret_value() if self.models_tokens is not None else ""
        pairs = [pair.strip().partition("=") for pair in text.split(",") if pair.strip()]
        if not all(host and equals and token for host, equals, token in pairs):
            raise InvalidInput("EVOKE_MODELS_TOKENS", "must be HOST=TOKEN pairs, comma-separated")
        return {host.lower(): token for host, _, token in pairs}


def misspelt(names: Iterable[str]) -> dict[str, str]:
    """Names of variables that nearly are a setting's, with that. Others are left alone: a cluster adds its own."""
    known = [PREFIX + name.upper() for name in Settings.model_fields]
    found = {}
    for name in names:
        if (
            name.startswith(PREFIX)
            and name not in known
            and (near := get_close_matches(name, known, 1, 0.85))
        ):
            found[name] = near[0]
    return found


def load_settings(environment: Mapping[str, object] | None = None) -> Settings:
    """Read the settings from the environment, overridden by `environment` (field names without prefix).

    Raises InvalidInput with the variable's name, its value and what is allowed.
    """
    try:
        return Settings(**dict(environment or {}))  # type: ignore[arg-type]  # fields are checked by pydantic
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(str(part) for part in first["loc"]).upper()
        raise InvalidInput(name, f"{first['msg']}, got {first['input']!r}") from error

"""Workers and their GPUs."""

from __future__ import annotations

from infrastructure.observability.dashboards.writing import Dashboard, Panel, Row

_OF = 'queue=~"$queue"'

WORKERS = Dashboard(
    uid="evoke-workers",
    title="evoke / Workers and GPUs",
    said="How fast models run, how full containers are, and what the sidecars add.",
    variables={"queue": "label_values(evoke_model_up, queue)"},
    rows=(
        Row(
            "Models",
            (
                Panel(
                    "Time of an attempt",
                    "From its start to its end, outputs stored.",
                    {
                        f"{{{{model}}}} p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le, model) "
                        f"(rate(evoke_attempt_seconds_bucket{{{_OF}}}[$__rate_interval])))"
                        for percent in (50, 95)
                    },
                    "s",
                ),
                Panel(
                    "Steps a second",
                    "Steps that models report, all workers of a model together.",
                    {
                        "{{model}}": f"sum by (model) (rate(evoke_model_steps_total{{{_OF}}}[$__rate_interval]))"
                    },
                    "ops",
                ),
                Panel(
                    "Jobs together",
                    "Jobs in the container as a run begins: what can be batched.",
                    {
                        "{{queue}} mean": f"sum by (queue) (rate(evoke_jobs_together_sum{{{_OF}}}[$__rate_interval])) "
                        f"/ sum by (queue) (rate(evoke_jobs_together_count{{{_OF}}}[$__rate_interval]))"
                    },
                ),
                Panel(
                    "Batch size",
                    "Runs in the passes or batch of the last one, itself among them, where the container batches.",
                    {"{{instance}} {{model}}": f"evoke_batch_size{{{_OF}}}"},
                    idle=True,
                ),
            ),
        ),
        Row(
            "Workers",
            (
                Panel(
                    "Containers up",
                    "Workers whose model container answers.",
                    {"{{queue}}": f"sum by (queue) (evoke_model_up{{{_OF}}})"},
                ),
                Panel(
                    "Jobs in flight",
                    "Jobs in each sidecar's hands.",
                    {"{{queue}} {{instance}}": f"evoke_jobs_in_flight{{{_OF}}}"},
                ),
                Panel(
                    "The sidecar's own time",
                    "Of a job that succeeded, without the model's time.",
                    {
                        f"{{{{queue}}}} p{percent}": f"histogram_quantile({percent / 100:g}, sum by (le, queue) "
                        f"(rate(evoke_sidecar_overhead_seconds_bucket{{{_OF}}}[$__rate_interval])))"
                        for percent in (50, 95)
                    },
                    "s",
                ),
                Panel(
                    "Writes repeated",
                    "Writes to log or queue that had to be tried again.",
                    {
                        "{{queue}}": f"sum by (queue) (rate(evoke_log_retries_total{{{_OF}}}[$__rate_interval]))"
                    },
                    "ops",
                ),
            ),
        ),
        Row(
            "GPUs",
            (
                Panel(
                    "GPU memory of a run",
                    "Most memory that the last run took, where the container tells.",
                    {"{{instance}} {{model}}": f"evoke_gpu_memory_bytes{{{_OF}}}"},
                    "bytes",
                    8,
                    idle=True,
                ),
                Panel(
                    "GPU utilisation of a run",
                    "Mean over the last run, of the GPUs that its container may use.",
                    {"{{instance}} {{model}}": f"evoke_gpu_utilisation_ratio{{{_OF}}}"},
                    "percentunit",
                    8,
                    idle=True,
                ),
                Panel(
                    "GPU utilisation",
                    "By NVIDIA's DCGM exporter, where it runs.",
                    {"{{Hostname}} {{gpu}}": "DCGM_FI_DEV_GPU_UTIL / 100"},
                    "percentunit",
                    8,
                    idle=True,
                ),
            ),
        ),
    ),
)

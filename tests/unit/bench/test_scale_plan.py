from dataclasses import replace

import pytest

from bench.scale.figures import ASSUMED, MEASURED, PRICES, SETTINGS, value
from bench.scale.plan import Load, history, made
from bench.scale.samples import sizes
from evoke.adapters.iceberg.compaction import TARGET_BYTES
from evoke.settings import Settings

TEN = Load(name="ten", jobs_per_s=10)


def test_the_sizes_of_events_are_those_that_the_codec_writes() -> None:
    payloads, beside = sizes(jobs=2000, seed=1)

    names = ("requested event", "attempt_started event", "succeeded event")
    assert payloads == pytest.approx([value(name) for name in names], rel=0.01)
    assert beside == pytest.approx(value("properties of an event"), rel=0.01)


def test_the_settings_are_evokes_defaults() -> None:
    fields = Settings.model_fields

    assert value("hot view") == fields["hot_bytes"].default
    assert value("archive interval") == fields["archive_interval_s"].default
    assert value("log retention") == fields["log_retention_s"].default
    assert value("query scan") == fields["query_scan_bytes"].default
    assert value("query time") == fields["query_time_s"].default
    assert value("merged file") == TARGET_BYTES


def test_no_two_figures_have_one_name() -> None:
    names = [*MEASURED, *SETTINGS, *ASSUMED, *PRICES]

    assert len(names) == len(set(names))


def test_workers_are_enough_for_the_load_at_their_utilisation() -> None:
    assert made(TEN).workers == 63
    assert made(replace(TEN, slots=4)).workers == 16


def test_what_sidecars_are_sent_grows_with_the_square_of_the_load() -> None:
    once, tenfold = made(TEN), made(replace(TEN, jobs_per_s=100))

    assert tenfold.fan_out_bytes_per_s == pytest.approx(100 * once.fan_out_bytes_per_s, rel=0.02)


def test_queues_divide_what_sidecars_are_sent() -> None:
    assert made(replace(TEN, queues=10)).fan_out_bytes_per_s == pytest.approx(
        made(TEN).fan_out_bytes_per_s / 10
    )


def test_a_hot_view_keeps_jobs_for_its_window_or_until_its_bytes_are_used() -> None:
    assert made(replace(TEN, jobs_per_s=0.1)).hot_window_s == 86_400
    assert made(TEN).hot_window_s == pytest.approx(22_885, rel=0.001)


def test_a_history_has_at_least_a_file_for_each_hour() -> None:
    _, slow, _, _ = history(1e9, 10)
    _, fast, _, _ = history(1e9, 1000)

    assert slow == 27_778
    assert fast == 10_133


def test_a_load_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        made(replace(TEN, jobs_per_s=0))

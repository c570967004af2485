from dataclasses import replace
from statistics import mean

import pytest

from bench.scale.pulling import Case, Waits, mean_wait_mmc, quantile, simulated

PLAIN = Case(workers=4, utilisation=0.7, sigma=0, bulk=0, jobs=40_000)


def test_one_worker_waits_as_the_formula_of_one_server_says() -> None:
    assert mean_wait_mmc(1, 0.5, 5.0) == pytest.approx(5.0)


def test_plain_workers_wait_as_erlangs_formula_says() -> None:
    means = [mean(simulated(replace(PLAIN, seed=seed)).interactive) for seed in range(8)]

    assert mean(means) == pytest.approx(mean_wait_mmc(4, 0.7, 5.0), rel=0.05)


def test_the_same_case_gives_the_same_waits() -> None:
    case = Case(workers=8, utilisation=0.8, parts=4, jobs=2000)

    assert simulated(case) == simulated(case)
    assert simulated(case) != simulated(replace(case, seed=2))


def test_every_job_is_begun_once() -> None:
    waits = simulated(Case(workers=8, utilisation=0.8, parts=4, jobs=2000))

    assert len(waits.interactive) + len(waits.bulk) == 2000


def test_bulk_waits_longer_than_interactive_when_workers_are_short() -> None:
    waits = simulated(Case(workers=8, utilisation=0.9, jobs=5000))

    assert mean(waits.bulk) > 2 * mean(waits.interactive)


def test_more_parts_send_more_requests_to_busy_workers() -> None:
    case = Case(workers=64, utilisation=0.9, jobs=5000)

    assert simulated(replace(case, parts=8)).bounces_per_job > 2 * simulated(case).bounces_per_job


def test_a_quantile_of_nothing_is_nothing() -> None:
    assert quantile([], 0.5) == 0
    assert quantile(Waits([1.0, 2.0, 3.0], [], 0).interactive, 0.5) == 2.0

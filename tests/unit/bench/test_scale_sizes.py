import io
import random

import pyarrow.parquet as pq
import pytest

from bench.scale.figures import value
from bench.scale.samples import life
from evoke.adapters.iceberg.table import arrow_of
from evoke.codec import encode
from evoke.domain.events import AnyEvent
from evoke.hot_view import HotJob
from evoke.ports.archive import EventRow
from evoke.ports.event_log import Position

CHANCE = random.Random(1)


def row(event: AnyEvent, number: int) -> EventRow:
    return EventRow(
        tenant=event.tenant,
        job_id=event.job_id,
        job_time_ms=event.time_ms,
        queue=event.queue,
        model=event.model,
        type=str(type(event).__struct_config__.tag),
        attempt=getattr(event, "attempt_id", None),
        time_ms=event.time_ms,
        topic="completed_txt2img_generation",
        position=Position(f"00000000000000012:0000000000000{number:06d}:-1"),
        payload=encode(event).decode(),
    )


def test_a_job_takes_as_much_of_the_archive_as_the_plan_says() -> None:
    events = [event for number in range(5000) for event in life(CHANCE, number)]
    rows = [row(event, number) for number, event in enumerate(events)]
    file = io.BytesIO()

    pq.write_table(arrow_of(rows), file, compression="zstd", row_group_size=20_000)

    assert len(file.getvalue()) / 5000 == pytest.approx(value("archive, of a job"), rel=0.05)


def test_a_finished_job_takes_as_much_of_the_hot_view_as_the_plan_says() -> None:
    sizes = []
    for number in range(500):
        requested, started, succeeded = life(CHANCE, number)
        job = HotJob(requested)
        for event in (requested, started, succeeded):
            job.add(event, Position("x" * 40), encode(event))
        job.pack()
        sizes.append(job.size_bytes)

    assert sum(sizes) / len(sizes) == pytest.approx(value("finished job in the hot view"), rel=0.03)

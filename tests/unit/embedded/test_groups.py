"""What is written together in one group: many rows in few statements."""

import apsw
import pytest

from evoke.adapters.sqlite import entries, requests
from evoke.adapters.sqlite.requests import LaneTurns, Receipt, Subscriber, Taken
from evoke.adapters.sqlite.schema import prepare
from evoke.domain.errors import LogCorrupt
from evoke.ports.event_log import Record

TOPIC = "requested_images"
WORKER, OTHER = Subscriber("a", "images", "first"), Subscriber("b", "images", "second")


@pytest.fixture
def connection() -> apsw.Connection:
    made = apsw.Connection(":memory:")
    prepare(made)
    return made


def appended(connection: apsw.Connection, count: int) -> list[int]:
    rows = [entries.row_of(Record(TOPIC, f"key{number}", b"%d" % number)) for number in range(count)]
    return entries.append(connection, rows, now_ms=1)


def taken(connection: apsw.Connection, subscriber: Subscriber, limit: int) -> list[Taken]:
    return requests.take(connection, subscriber, 10_000, LaneTurns(8), limit)


def owners(connection: apsw.Connection) -> list[object]:
    return [row[0] for row in connection.execute("SELECT owner FROM requests ORDER BY seq")]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 16, 63, 64, 85, 150])
def test_a_group_of_any_size_is_appended_in_order_with_a_number_for_each(
    connection: apsw.Connection, count: int
) -> None:
    appended(connection, 1)

    numbers = appended(connection, count)

    assert numbers == list(range(2, count + 2))
    found = entries.read_topic(connection, TOPIC, 1, 1000)
    assert [entry.payload for entry in found] == [b"%d" % number for number in range(count)]
    assert [entry.position for entry in found] == [entries.position_of(number) for number in numbers]


def test_a_taking_gives_the_oldest_requests_in_order_and_names_each_taking(
    connection: apsw.Connection,
) -> None:
    numbers = appended(connection, 20)
    first = taken(connection, WORKER, 3)
    requests.forget(connection, WORKER.token)

    again = taken(connection, OTHER, 5)

    assert [each.receipt for each in first] == [Receipt(seq, 1) for seq in numbers[:3]]
    assert [each.receipt.seq for each in again] == numbers[:5]
    assert [each.receipt.taken for each in again] == [2, 2, 2, 1, 1]
    assert [each.entry.payload for each in again] == [b"0", b"1", b"2", b"3", b"4"]
    assert owners(connection) == [OTHER.token] * 5 + [None] * 15


def test_acknowledgements_that_are_written_together_leave_what_another_holds_now(
    connection: apsw.Connection,
) -> None:
    appended(connection, 4)
    lost = [each.receipt for each in taken(connection, WORKER, 2)]
    requests.forget(connection, WORKER.token)
    held = [each.receipt for each in taken(connection, OTHER, 3)]

    requests.remove(
        connection,
        [(WORKER.token, lost[0]), (OTHER.token, lost[1]), (WORKER.token, held[0]), (OTHER.token, held[2])],
    )

    assert owners(connection) == [OTHER.token, OTHER.token, None]


def test_a_request_whose_entry_is_missing_is_named_and_none_is_taken(connection: apsw.Connection) -> None:
    numbers = appended(connection, 3)
    connection.execute("DELETE FROM entries WHERE seq = ?", (numbers[1],))

    with pytest.raises(LogCorrupt, match=entries.position_of(numbers[1])):
        taken(connection, WORKER, 3)

    assert owners(connection) == [None, None, None]

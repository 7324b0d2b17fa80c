"""Collecting from a broker: what is new, and what is odd about a topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from frontdesk.agents.errors import StartupError
from frontdesk.agents.kafka.cluster import Cluster
from frontdesk.agents.kafka.topics import create_topics
from frontdesk.agents.learning.collecting import Collecting
from frontdesk.agents.learning.rows import Erased, Labelled
from frontdesk.agents.learning.store import open_store, rows
from frontdesk.agents.settings import load
from frontdesk.schemas.codec import Codec
from frontdesk.schemas.keys import wire_key
from frontdesk.schemas.topics import CUSTOMER_PROFILES, CUSTOMER_TRANSFERS, ROUTING_LABELS
from frontdesk.schemas.transfers import Transfer
from tests.support.clients import delete_topic, make_topic, produce
from tests.support.learning import record

CODEC = Codec()


async def collected(broker: str, folder: Path) -> Collecting:
    with open_store(folder) as store:
        collecting = Collecting(store=store)
        await collecting.run(Cluster(broker))
        return collecting


async def labels(broker: str, numbers: range) -> None:
    made = [record(number) for number in numbers]
    await produce(broker, ROUTING_LABELS, [(one.customer_id.encode(), CODEC.encode(one)) for one in made])


async def test_each_run_takes_in_what_is_new(any_broker: str, tmp_path: Path) -> None:
    await create_topics(load(broker=any_broker, application="collecting"))
    for numbers in (range(10), range(0), range(10, 20), range(20, 30)):
        await labels(any_broker, numbers)
        await collected(any_broker, tmp_path)
    assert sorted(one.message_id for one in rows(tmp_path, Labelled)) == sorted(f"m{n}" for n in range(30))
    # A visitor who turned out to be somebody known is erased with them.
    erasure = Transfer(transfer_id="t", customer_id="customer-3", from_customer_id="x", kind="remains")
    merged = Transfer(transfer_id="u", customer_id="customer-4", from_customer_id="y", kind="history")
    for one in (erasure, merged):
        await produce(
            any_broker, CUSTOMER_TRANSFERS, [(wire_key("default", one.customer_id), CODEC.encode(one))]
        )
    await produce(any_broker, CUSTOMER_PROFILES, [(b"customer-5", None), (b"customer-6", b"{}")])
    await collected(any_broker, tmp_path)
    gone = {f"m{n}" for n in range(30)} - {one.message_id for one in rows(tmp_path, Labelled)}
    assert gone == {"m3", "m5"}
    assert len(list(rows(tmp_path, Erased))) == 2


@pytest.mark.kafka
async def test_a_topic_that_was_made_anew_is_not_taken_for_the_old_one(kafka, tmp_path: Path) -> None:
    await create_topics(load(broker=kafka.bootstrap, application="collecting"))
    await labels(kafka.bootstrap, range(20))
    await collected(kafka.bootstrap, tmp_path)
    await delete_topic(kafka.bootstrap, ROUTING_LABELS)
    with pytest.raises(StartupError, match=r"routing\.labels does not exist"):
        await collected(kafka.bootstrap, tmp_path)
    await make_topic(kafka.bootstrap, ROUTING_LABELS, partitions=4)
    with pytest.raises(StartupError, match="made anew; collect into another folder"):
        await collected(kafka.bootstrap, tmp_path)

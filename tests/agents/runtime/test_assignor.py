"""Whole shards, evenly, moving as few as possible."""

from __future__ import annotations

import json

from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from frontdesk.agents.runtime.assignor import Claim, ShardAssignor, divide

claims = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.builds(Claim, st.integers(0, 5), st.lists(st.integers(0, 20), unique=True).map(tuple)),
    min_size=1,
    max_size=6,
)


@given(st.integers(1, 20), claims)
def test_every_shard_has_one_owner_and_sizes_differ_by_one_at_most(
    count: int, members: dict[str, Claim]
) -> None:
    divided = divide(range(count), members)
    assert sorted(shard for shards in divided.values() for shard in shards) == list(range(count))
    sizes = [len(shards) for shards in divided.values()]
    assert max(sizes) - min(sizes) <= 1
    assert set(divided) == set(members)


@given(st.integers(1, 20), claims)
def test_what_was_divided_stays_as_it_is(count: int, members: dict[str, Claim]) -> None:
    first = divide(range(count), members)
    again = divide(range(count), {member: Claim(6, tuple(shards)) for member, shards in first.items()})
    assert again == first


@given(st.integers(1, 20), st.integers(1, 6))
def test_a_new_member_takes_only_its_share(count: int, members: int) -> None:
    names = [f"m{number}" for number in range(members)]
    before = divide(range(count), {name: Claim(0, ()) for name in names})
    owned = {name: Claim(1, tuple(shards)) for name, shards in before.items()}
    after = divide(range(count), {**owned, "new": Claim(0, ())})
    for name in names:
        assert set(after[name]) <= set(before[name]), "a shard moved between members that stayed"


def test_a_member_that_slept_through_a_rebalance_does_not_take_its_shards_back() -> None:
    members = {"asleep": Claim(1, (0, 1, 2, 3)), "owner": Claim(2, (0, 1, 2, 3))}
    assert divide(range(4), members)["owner"] == [0, 1]
    divided = divide(range(5), {"asleep": Claim(9, (4,)), "owner": Claim(2, (0, 1, 2, 3))})
    assert 4 in divided["asleep"]


def test_claims_survive_the_protocol() -> None:
    class Cluster:
        def partitions_for_topic(self, topic: str) -> set[int]:
            return {0, 1, 2, 3}

    one, two = ShardAssignor(), ShardAssignor()
    members = {"one": one.metadata(["a", "b"]), "two": two.metadata(["b", "a"])}
    first = one.assign(Cluster(), members)
    assert first["one"].assignment == [("a", [0, 1]), ("b", [0, 1])]
    one.on_assignment(first["one"])
    two.on_assignment(first["two"])
    alone = two.assign(Cluster(), {"two": two.metadata(["a", "b"])})
    two.on_assignment(alone["two"])
    joined = one.assign(Cluster(), {"one": one.metadata(["a", "b"]), "two": two.metadata(["a", "b"])})
    # Both claim shard 0; two's claim is of the later assignment, so one gets what two can spare.
    assert json.loads(joined["two"].user_data)["shards"] == [0, 1]
    assert json.loads(joined["one"].user_data)["epoch"] == 3


def test_a_foreign_member_owns_nothing() -> None:
    class Cluster:
        def partitions_for_topic(self, topic: str) -> set[int] | None:
            return {0, 1} if topic == "a" else None

    foreign = ConsumerProtocolMemberMetadata(0, ["a"], b"\xff not ours")
    assignment = ShardAssignor().assign(Cluster(), {"foreign": foreign})
    assert assignment["foreign"].assignment == [("a", [0, 1])]

"""The bench of recommendations: the same histories for the same seed, and a report that is right about them."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from bench.purchases import histories, market
from bench.recommendations import main


def test_the_same_seed_makes_the_same_market_and_histories() -> None:
    one, other = (market(3, products=50, skew=0.8, linked=0.5) for _ in range(2))
    assert one == other
    bought = [list(histories(4, sold, customers=40, together=0.5, noise=0.2)) for sold in (one, other)]
    assert bought[0] == bought[1]
    assert all(len(set(products)) == len(products) >= 1 for _, products in bought[0])


def test_what_goes_together_is_bought_together() -> None:
    sold = market(3, products=60, skew=0.8, linked=1.0)
    pairs = strays = 0
    for _, products in histories(4, sold, customers=400, together=0.6, noise=0.1):
        for before, after in pairwise(products):
            pairs += after in sold.group_of[before]
            strays += after not in sold.group_of[before]
    assert pairs > strays / 2
    assert all(set(one.accessories) < set(sold.group_of[one.product_id]) for one in sold.catalog.values())


@pytest.mark.slow
def test_learning_beats_popularity_where_there_is_something_to_learn(
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--customers", "700", "--products", "50", "--shards", "1,2", "--json"]
    assert main(given) == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["shards"] for one in found["shards"]] == [1, 2]
    assert found["best"] > found["shards"][0]["learned"] > found["popularity"] > 0
    nothing = [*given[:4], "--together", "0", "--shards", "1"]
    assert main(nothing) == 1, "bought by popularity alone: there is nothing to learn"
    assert "| learned, 1 shards |" in capsys.readouterr().out

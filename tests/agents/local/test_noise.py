"""Which labels are likely wrong."""

from __future__ import annotations

import numpy as np

from frontdesk.agents.local.noise import doubtful


def test_a_label_is_doubted_where_the_prediction_is_as_sure_as_it_is_of_members_of_that_class() -> None:
    # The first class is known with 0.9 on average, the second with 0.6.
    probabilities = np.array(
        [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6], [0.91, 0.09], [0.8, 0.2], [0.35, 0.65]]
    )
    said = np.array([0, 0, 1, 1, 1, 1, 0])
    found = doubtful(probabilities, said, most=7)
    assert found[4], "surely of the other class"
    assert not found[:4].any(), "a prediction that agrees is no doubt"
    assert found[6], "0.65 is much for the second class"
    (most,) = np.flatnonzero(doubtful(probabilities, said, most=1))
    assert most == 4, "contradicted most"
    assert not doubtful(probabilities, said, most=0).any()


def test_a_class_without_examples_doubts_nobody_else() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1]])
    assert not doubtful(probabilities, np.array([0, 1]), most=2).any()

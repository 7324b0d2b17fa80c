"""Rules: what has to be shown for a model to go forward, or back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What has to be shown. Shares are of 1."""

    shares: tuple[float, ...] = (0.05, 0.25)
    """of the customers, of one canary after the other"""
    margin: float = 0.02
    """by which agreement with the teacher may be lower for a model to be promoted; of all messages"""
    first_margin: float = 0.05
    """the same, for it to label for anybody at all"""
    intent_margin: float = 0.2
    """by which a model may agree less on the messages of one intent that an LLM is asked about"""
    wrong: float = 0.05
    """how often a model that is worse by the margin is promoted, at most; and how often one that is no worse is dropped or rolled back"""
    least_audits: int = 200
    """in each stage"""
    least_customers: int = 20
    """whose messages a canary has labelled, in each of its stages: a handful shows no complaints; after `few_seconds` fewer will do"""
    few_seconds: float = 86400.0
    """of a canary's stage that waits for customers"""
    least_seconds: float = 3600.0
    """in each stage"""
    most_seconds: float = 14 * 86400.0
    """of a trial's stage without a verdict"""
    calibration: float = 0.05
    """by which confidence may miss the truth, beyond chance and beyond what the other model's does"""
    unsure: float = 0.1
    """of its messages, by which a model may ask an LLM about more than the other"""
    corrections: float = 1.5
    """times as many, of which people correct"""
    complaints: float = 1.25
    """times as many, of whose customers are unhappy"""
    epoch: int = 5_000
    """pairs after which evidence about the model in force begins anew, so that what was long good cannot hide what is bad now"""

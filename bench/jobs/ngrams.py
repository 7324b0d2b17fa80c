"""A trained local tier: character and word n-grams, TF-IDF, one linear model. Fitted to MultiDoGO's train split.

Its confidence is calibrated on the dev split by a temperature, and so is the threshold below which a message is unsure. Kept as
plain arrays; scikit-learn makes the features, here as in training.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction.text import TfidfVectorizer

from frontdesk.schemas.outputs import Label
from frontdesk.streams.ports import Scores

SETTLED = 0.92
"""share of the dev split that must be sure"""
LEAST_EXAMPLES = 30
FEATURES: Mapping[str, Mapping[str, Any]] = {
    "word": {
        "analyzer": "word",
        "ngram_range": (1, 2),
        "min_df": 3,
        "sublinear_tf": True,
        "dtype": np.float32,
    },
    "char": {
        "analyzer": "char_wb",
        "ngram_range": (2, 4),
        "min_df": 5,
        "sublinear_tf": True,
        "dtype": np.float32,
    },
}
TOPICS = {
    "product_enquiry": ("book", "order", "getseatinfo", "getinformation", "startservice", "getchannel"),
    "after_sales": (
        "changeseat",
        "getboardingpass",
        "getproof",
        "checkclaim",
        "cancelservice",
        "transferservice",
    ),
    "billing": ("viewbills", "viewdatausage"),
    "technical": ("reportbroken",),
    "account": ("updateaccount", "upgradeservice"),
}
"""an intent of the retail taxonomy, and how the names of MultiDoGO's begin that mean it; the rest is `other`"""


class NgramLabeller:
    """Implements `frontdesk.streams.ports.IntentLabeller`."""

    def __init__(self, folder: Path) -> None:
        """Load what `train` saved."""
        told = json.loads((folder / "model.json").read_text())
        arrays = np.load(folder / "model.npz")
        self.version = str(told["version"])
        self._topics = [topic_of(name) for name in told["classes"]]
        self._temperature = float(told["temperature"])
        self._threshold = float(told["threshold"])
        self._weights = np.ascontiguousarray(arrays["weights"].T)
        self._bias = arrays["bias"]
        self._vectorizers = []
        for name, how in FEATURES.items():
            options = {key: value for key, value in how.items() if key != "min_df"}
            vectorizer = TfidfVectorizer(vocabulary=told["vocabulary"][name], **options)
            vectorizer.idf_ = arrays[f"idf_{name}"]
            self._vectorizers.append(vectorizer)

    def label(self, texts: Sequence[str]) -> list[Scores]:
        """As the port promises."""
        if not texts:
            return []
        features = hstack([each.transform(texts) for each in self._vectorizers], format="csr")
        sure = softmax((features @ self._weights + self._bias) / self._temperature)
        best = sure.argmax(axis=1)
        return [
            Scores(
                intent=Label(
                    value=self._topics[column], confidence=round(float(row[column]), 4), source="local"
                ),
                unsure=bool(row[column] < self._threshold),
            )
            for row, column in zip(sure, best, strict=True)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What training achieved, in shares."""

    examples: int
    intents: int
    settled: float
    right: float
    right_of_settled: float


def train(data: Path, folder: Path) -> Quality:
    """Fit, calibrate, measure on the test split, save. Half a minute.

    Raises:
        FileNotFoundError: `data` has no multidogo/*_train.tsv.
    """
    from sklearn.linear_model import SGDClassifier  # training only

    texts, intents = examples(data, "train")
    if not texts:
        raise FileNotFoundError(f"{data}/multidogo/*_train.tsv: pass --data, or set FRONTDESK_DATA")
    counts = {name: intents.count(name) for name in set(intents)}
    kept = [at for at, name in enumerate(intents) if counts[name] >= LEAST_EXAMPLES]
    texts, intents = [texts[at] for at in kept], [intents[at] for at in kept]
    vectorizers = {name: TfidfVectorizer(**how) for name, how in FEATURES.items()}
    features = hstack([each.fit_transform(texts) for each in vectorizers.values()], format="csr")
    model = SGDClassifier(loss="log_loss", alpha=2e-6, max_iter=12, tol=None, random_state=0)
    model.fit(features, intents)
    classes = [str(name) for name in model.classes_]

    def scores(of: Sequence[str]) -> Any:
        return model.decision_function(
            hstack([each.transform(of) for each in vectorizers.values()], format="csr")
        )

    dev_texts, dev_intents = examples(data, "dev")
    temperature = _temperature(scores(dev_texts), [*map(topic_of, dev_intents)], classes)
    threshold = float(np.quantile(softmax(scores(dev_texts) / temperature).max(axis=1), 1 - SETTLED))
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(
        folder / "model.npz",
        weights=model.coef_.astype(np.float32),
        bias=model.intercept_.astype(np.float32),
        **{f"idf_{name}": each.idf_.astype(np.float32) for name, each in vectorizers.items()},
    )
    told = {
        "version": f"ngrams/{len(texts)}",
        "classes": classes,
        "temperature": temperature,
        "threshold": threshold,
        "vocabulary": {
            name: {term: int(at) for term, at in each.vocabulary_.items()}
            for name, each in vectorizers.items()
        },
    }
    (folder / "model.json").write_text(json.dumps(told, ensure_ascii=False))
    return quality(data, folder, examples_seen=len(texts), intents=len(classes))


def quality(data: Path, folder: Path, *, examples_seen: int, intents: int) -> Quality:
    """How the saved model does on the test split."""
    texts, names = examples(data, "test")
    found = NgramLabeller(folder).label(texts)
    right = [one.intent.value == topic_of(name) for one, name in zip(found, names, strict=True)]
    sure = [not one.unsure for one in found]
    of_sure = [ok for ok, settled in zip(right, sure, strict=True) if settled]
    return Quality(
        examples=examples_seen,
        intents=intents,
        settled=round(sum(sure) / len(sure), 4),
        right=round(sum(right) / len(right), 4),
        right_of_settled=round(sum(of_sure) / len(of_sure), 4),
    )


def examples(data: Path, split: str) -> tuple[list[str], list[str]]:
    """Texts and intents of a split; turns with several intents or none are left out."""
    found = [
        (text, intent)
        for _, _, text, intent in turns(data, split)
        if intent and "<" not in intent and text.strip()
    ]
    return [text for text, _ in found], [intent for _, intent in found]


def turns(data: Path, split: str) -> Iterator[tuple[str, str, str, str]]:
    """Conversation, utterance, text and intent of every customer turn, in the order of the files."""
    for file in sorted((data / "multidogo").glob(f"*_{split}.tsv")):
        for line in file.read_text(encoding="utf-8-sig", errors="replace").splitlines()[1:]:
            cells = line.split("\t")
            if len(cells) == 6:
                yield cells[0], cells[2], cells[3], cells[5].strip()


def topic_of(intent: str) -> str:
    """The retail taxonomy's intent for one of MultiDoGO's."""
    return next((topic for topic, starts in TOPICS.items() if intent.startswith(starts)), "other")


def softmax(values: Any) -> Any:
    """Rows that sum to one."""
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _temperature(scores: csr_matrix, topics: Sequence[str], classes: Sequence[str]) -> float:
    """At which the mean confidence is nearest to the share of right answers."""
    predicted = [topic_of(classes[at]) for at in np.asarray(scores).argmax(axis=1)]
    right = float(np.mean([one == other for one, other in zip(predicted, topics, strict=True)]))
    tried = np.geomspace(0.2, 20, 60)
    return float(min(tried, key=lambda t: abs(float(softmax(scores / t).max(axis=1).mean()) - right)))

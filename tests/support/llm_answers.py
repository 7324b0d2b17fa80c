"""What the stand-in for an LLM answers: labels by a few words or from a file, and where the message is in a request."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from frontdesk.streams.redact import redact

INTENTS = (
    "product_enquiry",
    "after_sales",
    "complaint",
    "suggestion",
    "billing",
    "technical",
    "account",
    "other",
)
_CUES = (
    ("complaint", r"投诉|失望|差劲|太差|欺骗|unacceptable|disappoint|manager|terrible|rude"),
    ("billing", r"发票|扣款|退款|账单|多收|invoice|charged|refund|bill|payment"),
    ("account", r"密码|账号|登录|验证码|注销|password|log ?in|account|sign in"),
    ("technical", r"闪退|连不上|错误|蓝牙|crash|error|wifi|bluetooth|firmware"),
    ("after_sales", r"快递|物流|退货|换货|发货|保修|parcel|return|exchange|deliver|warranty|order"),
    ("suggestion", r"建议|希望|要是|suggest|would be great|you should|please consider"),
    ("product_enquiry", r"多少钱|有货|推荐|尺码|price|in stock|recommend|difference|size"),
)

Answer = Callable[[str], Mapping[str, str]]
"""message (redacted, as it came) -> labels, by field; fields left out get a default"""

Reply = Callable[[str], Mapping[str, Any]]
"""message (redacted, as it came) -> the assistant's whole message, of any form"""


def by_cues(message: str) -> dict[str, str]:
    """Labels by a few words in Chinese and English: good enough to see the path work."""
    intent = next((name for name, words in _CUES if re.search(words, message, re.IGNORECASE)), "other")
    angry = intent == "complaint" or "!!" in message or "！！" in message
    return {
        "intent": intent,
        "emotion": "angry" if angry else "neutral",
        "urgency": "high" if angry else "normal",
        "language": "zh" if re.search(r"[\u4e00-\u9fff]", message) else "en",
    }


Wording = Callable[[Mapping[str, Any]], str]
"""data of a request for a reply -> the reply"""


def politely(data: Mapping[str, Any]) -> str:
    """The reply that stands in the request, with some more words around it."""
    if data["language"] == "zh":
        return f"感谢您联系我们。{data['reply']}"
    return f"Thank you for writing to us. {data['reply']}"


def message_of(body: Mapping[str, Any]) -> str:
    """The customer's message within a request: the field ``message`` of the JSON data in the last user turn."""
    data = data_of(body)
    return str(data["message"]) if "message" in data else _content(body)


def data_of(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The JSON data in the last user turn of a request; nothing if there is none."""
    found = re.search(r"\{.*\}", _content(body), re.DOTALL)
    try:
        data = json.loads(found.group(0)) if found else {}
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _content(body: Mapping[str, Any]) -> str:
    return str(next((m["content"] for m in reversed(body["messages"]) if m["role"] == "user"), ""))


def answers_from(path: Path) -> Answer:
    """Labels by text from JSONL lines ``{"text": ..., "intent": ...}``, as it is or redacted; other texts by cues.

    Raises:
        ValueError: a line is no such object; names file and line.
    """
    known: dict[str, dict[str, str]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            labels = {name: value for name, value in row.items() if name != "text"}
            known[row["text"]] = known[redact(row["text"])] = labels
        except (ValueError, KeyError, AttributeError):
            raise ValueError(f'{path}:{number}: give {{"text": ..., "intent": ...}}') from None
    return lambda message: {**by_cues(message), **known.get(message, {})}

"""JUnit XML, as CI systems read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    """One test."""

    group: str
    name: str
    seconds: float
    failure: str | None = None
    """what went wrong; None: nothing"""
    message: str = ""
    """as above in one line, for lists"""


def junit(suite: str, tests: Sequence[Tested]) -> bytes:
    """The report of one suite."""
    failed = sum(test.failure is not None for test in tests)
    counts = {"tests": str(len(tests)), "failures": str(failed), "errors": "0", "skipped": "0"}
    seconds = f"{sum(test.seconds for test in tests):.3f}"
    root = ET.Element("testsuites", {**counts, "time": seconds})
    one = ET.SubElement(root, "testsuite", {"name": _clean(suite), **counts, "time": seconds})
    for test in tests:
        case = ET.SubElement(
            one,
            "testcase",
            {"classname": _clean(test.group), "name": _clean(test.name), "time": f"{test.seconds:.3f}"},
        )
        if test.failure is not None:
            failure = ET.SubElement(case, "failure", {"message": _clean(test.message), "type": "mismatch"})
            failure.text = _clean(test.failure)
    ET.indent(root)
    data: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"


def _clean(text: str) -> str:
    """Without what no XML may hold."""
    return _NOT_XML.sub("�", text)

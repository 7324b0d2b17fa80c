"""The audit of what we are installed with: what is not allowed is found, and what could not be asked is not taken for sound."""

from __future__ import annotations

import pytest

from tests.packaging.audit import judged, only
from tests.packaging.licences import EXTRAS, allowed, closure, licence, listing, problems


@pytest.mark.parametrize(
    ("about", "classifiers", "expected"),
    [
        ({"License-Expression": "MIT OR GPL-3.0-only", "License": "x"}, (), "MIT OR GPL-3.0-only"),
        ({"License": "long text\nof a licence"}, ("License :: OSI Approved :: MIT License",), "MIT"),
        ({"License": "Apache 2"}, (), "Apache-2.0"),
        ({"License": "GPL-3.0\nwhole text"}, (), "GPL-3.0"),
        ({}, ("Programming Language :: Python",), "unknown"),
    ],
)
def test_a_licence_is_read_wherever_a_package_says_it(
    about: dict[str, str], classifiers: tuple[str, ...], expected: str
) -> None:
    assert licence(about, classifiers) == expected


@pytest.mark.parametrize(
    ("name", "expression", "may"),
    [
        ("a", "MIT", True),
        ("a", "MIT OR GPL-3.0-only", True),
        ("a", "Apache-2.0 AND MIT", True),
        ("a", "Apache-2.0 AND GPL-3.0-only", False),
        ("a", "unknown", False),
        ("a", "LGPL-2.1-or-later", False),
        ("python-stdnum", "LGPL-2.1-or-later", True),
        ("python-stdnum", "GPL-3.0-only", False),
    ],
)
def test_only_licences_on_the_list_are_allowed(name: str, expression: str, may: bool) -> None:
    assert allowed(name, expression) is may


def test_a_new_licence_and_an_exception_that_nobody_needs_are_problems() -> None:
    listed = {"a": ("1", "MIT"), "b": ("2", "SSPL-1.0"), "venusian": ("3", "Repoze")}
    new, stale = problems(listed)
    assert new.startswith("b 2 has the licence 'SSPL-1.0', which is not on the list")
    assert stale.startswith("python-stdnum is not installed any more")


def test_everything_that_is_installed_with_us_is_listed_and_allowed() -> None:
    listed = listing(closure("frontdesk", EXTRAS))
    assert {"faust-streaming", "mode-streaming", "aiokafka", "numpy"} <= listed.keys()
    assert "pytest" not in listed
    assert problems(listed) == []


def test_a_bill_of_materials_is_of_what_users_install() -> None:
    document = {
        "metadata": {"component": {"bom-ref": "root"}},
        "components": [{"bom-ref": "a==1", "name": "A"}, {"bom-ref": "pytest==9", "name": "pytest"}],
        "dependencies": [
            {"ref": "root", "dependsOn": ["a==1", "pytest==9"]},
            {"ref": "a==1"},
            {"ref": "pytest==9"},
        ],
    }
    kept = only(document, frozenset({"a"}))
    assert [one["name"] for one in kept["components"]] == ["A"]
    assert kept["dependencies"] == [{"ref": "root", "dependsOn": ["a==1"]}, {"ref": "a==1", "dependsOn": []}]


def test_what_could_not_be_asked_is_not_taken_for_sound() -> None:
    sound = {"name": "a", "version": "1", "vulns": []}
    hurt = {
        "name": "b",
        "version": "2",
        "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["3"]}],
    }
    unasked = {"name": "c", "skip_reason": "not found"}
    assert judged([sound]) == ([], None)
    assert judged([sound, hurt]) == (["b 2: PYSEC-1 (CVE-1), mended in 3"], None)
    assert judged([sound, unasked]) == ([], "the database does not know c")
    assert judged([unasked])[1] == "the database does not answer: it knows not one of the packages"

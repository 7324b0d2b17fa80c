"""What we are installed with: licences, a bill of materials, known vulnerabilities. `python -m tests.packaging.audit`, or `make audit`.

Writes build/licences.json and build/sbom.cdx.json. Vulnerabilities are looked up in the package index's database, which is asked
over the network: where it does not answer that is said, and is no failure.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from tests.packaging.licences import EXTRAS, closure, listing, problems

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build"
TIMEOUT = 15
"""seconds for an answer of the database"""

ACCEPTED: Mapping[str, str] = {}
"""id of a vulnerability → why it does not concern us. Looked over whenever `make audit` names one as gone."""


def bill_of_materials(names: frozenset[str], target: Path) -> int:
    """Write a CycloneDX document of these packages with their licences and what needs what; how many there are.

    Raises:
        RuntimeError: the tool failed; with what it said.
    """
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON"]
    done = subprocess.run(
        [*command, "--pyproject", str(ROOT / "pyproject.toml"), sys.executable],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    document = only(json.loads(done.stdout), names)
    target.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return len(document["components"])


def only(document: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """The document without the components that are not among these: what only developers have."""
    components = [one for one in document["components"] if canonicalize_name(one["name"]) in names]
    root = document["metadata"]["component"]["bom-ref"]
    kept = {root, *(one["bom-ref"] for one in components)}
    dependencies = [
        {**one, "dependsOn": [ref for ref in one.get("dependsOn", ()) if ref in kept]}
        for one in document.get("dependencies", ())
        if one["ref"] in kept
    ]
    return {**document, "components": components, "dependencies": dependencies}


def vulnerabilities(versions: Mapping[str, str]) -> tuple[list[str], str | None]:
    """What is known against these versions, and why that is not all, or nothing, that there is to know."""
    pins = "".join(f"{name}=={version}\n" for name, version in versions.items())
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--no-deps", "--disable-pip", "--timeout", str(TIMEOUT), "--requirement", "/dev/stdin"]
    done = subprocess.run(command, input=pins, capture_output=True, text=True, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        last = done.stderr.strip().splitlines()[-1:]
        return [], f"the database does not answer ({''.join(last)[:160]})"
    return judged(answer["dependencies"])


def judged(answers: Sequence[Mapping[str, Any]]) -> tuple[list[str], str | None]:
    """As `vulnerabilities`, of pip-audit's answer. It counts a package that the database could not be asked about as sound: we do not."""
    unasked = sorted(one["name"] for one in answers if "skip_reason" in one)
    found = [
        f"{one['name']} {one['version']}: {problem['id']} ({', '.join(problem.get('aliases', ()))}), mended in "
        f"{', '.join(problem.get('fix_versions', ())) or 'no version yet'}"
        for one in answers
        for problem in one.get("vulns", ())
        if not {problem["id"], *problem.get("aliases", ())} & ACCEPTED.keys()
    ]
    if not unasked:
        return found, None
    if len(unasked) == len(answers):
        return found, "the database does not answer: it knows not one of the packages"
    return found, f"the database does not know {', '.join(unasked)}"


def main() -> int:
    """Everything; the exit code: 1 for a licence that is not on the list, or a known vulnerability."""
    OUT.mkdir(exist_ok=True)
    found = closure("frontdesk", EXTRAS)
    listed = listing(found)
    document = {name: {"version": version, "licence": licence} for name, (version, licence) in listed.items()}
    (OUT / "licences.json").write_text(json.dumps(document, indent=2) + "\n")
    wrong = problems(listed)
    print(f"licences: {len(listed)} packages, build/licences.json")
    count = bill_of_materials(frozenset(listed), OUT / "sbom.cdx.json")
    print(f"bill of materials: {count} components, build/sbom.cdx.json")
    if count != len(listed):
        wrong.append(f"the bill of materials has {count} components, not {len(listed)}")
    known, unsure = vulnerabilities({name: version for name, (version, _) in listed.items()})
    wrong += known
    if unsure is not None:
        print(f"vulnerabilities: NOT CHECKED, {unsure}")
    else:
        print(f"vulnerabilities: {len(known)} known")
    for one in wrong:
        print(f"audit: {one}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

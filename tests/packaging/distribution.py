"""Builds sdist → wheel and compares the wheel with what is committed: `python -m tests.packaging.distribution`.

The packages are links to top-level folders (docs/adr/0001), so a mistake in the packaging would show only at a user's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]

FOLDERS = {
    "schemas": "frontdesk/schemas",
    "streams": "frontdesk/streams",
    "agents": "frontdesk/agents",
    "deploy/policies": "frontdesk/policies",
}
"""Committed folder → where its files lie in the wheel."""


def expected(root: Path = ROOT) -> dict[str, bytes]:
    """Every file that the wheel must hold besides its dist-info, with its bytes: what git knows of the packages."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--", *FOLDERS, "src/frontdesk"], cwd=root, capture_output=True, check=True
    ).stdout.decode()
    files: dict[str, bytes] = {}
    for name in filter(None, listed.split("\0")):
        path = root / name
        if (
            path.is_symlink() or not path.exists()
        ):  # the links themselves; and files deleted but not yet committed
            continue
        files[_in_wheel(name)] = path.read_bytes()
    return files


def _in_wheel(name: str) -> str:
    for folder, target in FOLDERS.items():
        if name.startswith(f"{folder}/"):
            return target + name.removeprefix(folder)
    return name.removeprefix("src/")


def build(folder: Path) -> Path:
    """The wheel, built from the sdist, in `folder`."""
    subprocess.run(
        [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], check=True, capture_output=True
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def contents(wheel: Path) -> dict[str, bytes]:
    """The files of a wheel but for its dist-info."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if ".dist-info/" not in name}


def differences(found: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> list[str]:
    """One line for each file that is missing, is too many, or has other bytes."""
    lines = [f"not in the wheel: {name}" for name in sorted(wanted.keys() - found.keys())]
    lines += [f"in the wheel, but not committed: {name}" for name in sorted(found.keys() - wanted.keys())]
    lines += [
        f"other bytes than committed: {name}"
        for name in sorted(wanted.keys() & found.keys())
        if wanted[name] != found[name]
    ]
    return lines


def main() -> int:
    """Build, compare, say what is wrong; 1 if something is."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            wheel = build(Path(folder))
        except subprocess.CalledProcessError as error:
            print(f"the build failed:\n{error.stdout.decode()}{error.stderr.decode()}", file=sys.stderr)
            return 1
        wanted = expected()
        problems = differences(contents(wheel), wanted)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"the wheel holds the {len(wanted)} committed files of the packages and nothing else")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())

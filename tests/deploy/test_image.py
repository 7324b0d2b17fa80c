"""The image: what its Dockerfile says, what comes into it, and whether what it runs would work."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from frontdesk.agents import http
from frontdesk.agents.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy/docker/Dockerfile"
HEALTHCHECK = ROOT / "deploy/docker/healthcheck.py"


def context(listed: list[str]) -> list[str]:
    """Those of the files that .dockerignore lets into a build."""
    lines = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert lines[0] == "*", ".dockerignore has to begin with everything: what is new stays out"
    wanted = [line[1:] for line in lines if line.startswith("!")]
    return [name for name in listed if any(name == one or name.startswith(f"{one}/") for one in wanted)]


def committed() -> list[str]:
    """What git knows and is still there."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return [name for name in listed.split("\0") if name and os.path.lexists(ROOT / name)]


def lint(text: str) -> str:
    """What hadolint says of a Dockerfile, nothing if it is content."""
    tool = Path(sys.executable).with_name("hadolint")
    if not tool.exists():
        pytest.skip("hadolint is not installed: make deploy-check installs it (extra deploy)")
    done = subprocess.run([tool, "-"], input=text, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def faults(text: str) -> list[str]:
    """What hadolint does not see: who it runs as, from what, and that it says how it is."""
    last = text.rpartition("\nFROM ")[2]
    found = []
    user = re.findall(r"^USER (\S+)", last, re.MULTILINE)
    if not user or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user[-1]):
        found.append("no USER that is a number other than root's")
    if "HEALTHCHECK" not in last:
        found.append("no HEALTHCHECK")
    tags = re.findall(r"^ARG PYTHON=(\S+)", text, re.MULTILINE)
    if not tags or not re.match(r"3\.\d+\.\d+-", tags[0]):
        found.append("the base is not pinned by a whole version")
    if re.search(r"^(ARG|ENV)\b.*(KEY|PASSWORD|SECRET|TOKEN)", text, re.MULTILINE):
        found.append("a secret would lie in the image's history")
    if "COPY . ." in last:
        found.append("the sources come into the last stage")
    return found


class TestDockerfile:
    def test_it_is_sound(self) -> None:
        assert faults(DOCKERFILE.read_text()) == []

    @pytest.mark.parametrize(
        ("what", "instead", "said"),
        [
            ("USER 10001:10001", "USER frontdesk", "number"),
            ("USER 10001:10001", "USER 0", "number"),
            ("HEALTHCHECK", "# HEALTHCHECK", "HEALTHCHECK"),
            ("PYTHON=3.11.14-slim-bookworm", "PYTHON=3-slim", "pinned"),
            ("ENV PATH=", "ENV FRONTDESK_LLM_API_KEY=k PATH=", "secret"),
            ("COPY --from=build /opt/frontdesk /opt/frontdesk", "COPY . .", "sources"),
        ],
    )
    def test_a_fault_is_found(self, what: str, instead: str, said: str) -> None:
        text = DOCKERFILE.read_text()
        assert what in text
        # A comment is no instruction.
        broken = re.sub(r"(?m)^# .*\n", "", text.replace(what, instead, 1))
        assert any(said in one for one in faults(broken))

    def test_hadolint_is_content(self) -> None:
        assert lint(DOCKERFILE.read_text()) == ""

    @pytest.mark.parametrize(
        ("what", "instead", "rule"),
        [
            ("python:${PYTHON} AS build", "python AS build", "DL3006"),
            ("USER 10001:10001", "USER root", "DL3002"),
            ("WORKDIR /source", "WORKDIR source", "DL3000"),
            ("HEALTHCHECK", "HEALTCHECK", "unexpected"),
        ],
    )
    def test_hadolint_refuses_a_planted_fault(self, what: str, instead: str, rule: str) -> None:
        said = lint(re.sub(r"(?m)^# .*\n", "", DOCKERFILE.read_text()).replace(what, instead, 1))
        assert rule in said


class TestContext:
    def test_it_is_what_the_wheel_is_built_of_and_no_more(self) -> None:
        tops = {name.partition("/")[0] for name in context(committed())}
        assert tops == {
            "README.md",
            "LICENSE",
            "pyproject.toml",
            "src",
            "agents",
            "streams",
            "schemas",
            "deploy",
        }

    @pytest.mark.parametrize(
        "name", [".env", ".git/config", ".venv/bin/python", "tests/x.py", "deploy/x.pem"]
    )
    def test_nothing_else_comes_in(self, name: str) -> None:
        assert context([name]) == []


class TestHealthcheck:
    @staticmethod
    async def asked(
        *arguments: str, expected: int, port: int, host: str = "127.0.0.1", by_variable: bool = True
    ) -> str:
        variables = {"FRONTDESK_HTTP_HOST": host}
        if by_variable:
            variables["FRONTDESK_HTTP_PORT"] = str(port)
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HEALTHCHECK), *arguments, env=variables, stderr=asyncio.subprocess.PIPE
        )
        _, said = await process.communicate()
        assert process.returncode == expected, said
        return said.decode()

    async def test_a_process_that_answers_is_well_and_one_that_is_gone_is_not(self) -> None:
        settings = Settings(http_port=0)
        async with http.serve(settings, metrics=lambda: b"", not_ready=lambda: "its shards recover") as port:
            await self.asked(expected=0, port=port)  # live, though not ready
            await self.asked(str(port), expected=0, port=port, host="0.0.0.0", by_variable=False)
        assert f"127.0.0.1:{port}/live" in await self.asked(expected=1, port=port)

    async def test_an_answer_that_is_no_worker_is_not_well(self) -> None:
        async def refuse(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            assert "500" in await self.asked(expected=1, port=port)


@pytest.mark.skipif(
    "DEPLOY_BUILD" not in os.environ, reason="takes a minute or two: make deploy-check sets DEPLOY_BUILD"
)
def test_what_the_dockerfile_runs_works(tmp_path: Path) -> None:
    """No daemon here: the build stage's own command, on its own context, in a folder instead of /opt/frontdesk."""
    build = DOCKERFILE.read_text().rpartition("\nFROM ")[0].replace("\\\n", " ")
    (command,) = re.findall(r"^RUN (.*)$", build, re.MULTILINE)
    source, target = tmp_path / "source", tmp_path / "frontdesk"
    for name in context(committed()):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    done = subprocess.run(
        [
            "sh",
            "-ec",
            command.replace("/opt/frontdesk", str(target)).replace(
                "python -m venv", f"{sys.executable} -m venv"
            ),
        ],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("frontdesk ")
    # From its own copy, not from these sources; nothing of which may be written.
    said = subprocess.run(
        [target / "bin/frontdesk", "explain", "where is my parcel?", "--json"],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert '"queue"' in said.stdout

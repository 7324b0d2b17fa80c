"""Where each peer runs: our own interpreter, a virtual environment for Quix Streams, classes for Kafka Streams.

Made the first time in `.cache/`, from PyPI and Maven, and reused until what they are made from changes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.jobs.path import PathDecision, PathHistory
from bench.peers.task import Task
from frontdesk.schemas.avro_schema import schema_of
from frontdesk.schemas.inputs import CustomerMessage
from tests.support.kafka import find_java

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
STREAMS = ROOT / "bench" / "peers" / "kafka_streams"
QUIX = "3.28.0"
SHARED = (
    "fastavro",
    "numpy",
    "scikit-learn",
    "phonenumbers",
    "python-stdnum",
    "py3langid",
    "cel-expr-python",
    "ruamel.yaml",
)
"""What the job needs, in the versions that our own environment has."""
AVRO = "avro-python3"

PYTHONPATH = {"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PYTHONUNBUFFERED": "1"}


class Own:
    """Our own interpreter."""

    def prepare(self) -> None:
        """Nothing to do."""

    def command(self, module: str, task: Task) -> list[str]:
        """How to run a peer."""
        return [sys.executable, "-m", module, *task.arguments()]


class Quix:
    """Quix Streams in a virtual environment of its own."""

    folder = CACHE / "bench-quix"

    def prepare(self) -> None:
        """Make it, or leave it as it is.

        Raises:
            RuntimeError: pip failed; with the end of its output.
        """
        pins = [f"quixstreams=={QUIX}", *(f"{name}=={version(name)}" for name in SHARED)]
        avro = f"{AVRO}=={version(AVRO)}"
        with _Stamp(self.folder, [*pins, avro]) as stale:
            if stale:
                _say(f"making {self.folder.name}: once, takes a minute or two")
                shutil.rmtree(self.folder, ignore_errors=True)
                _run([sys.executable, "-m", "venv", str(self.folder)])
                pip = [self._python(), "-m", "pip", "--quiet", "--disable-pip-version-check"]
                _run([*pip, "install", *pins])
                # Quix asks for `avro`, which it needs for its registry only; both live in one folder, and ours must be whole.
                _run([*pip, "uninstall", "--yes", "avro"])
                _run([*pip, "install", "--force-reinstall", "--no-deps", avro])

    def command(self, module: str, task: Task) -> list[str]:
        """How to run a peer."""
        return [self._python(), "-m", module, *task.arguments()]

    def _python(self) -> str:
        return str(self.folder / "bin" / "python")


class KafkaStreams:
    """Kafka Streams: jars from Maven, one class compiled against them."""

    folder = CACHE / "bench-kafka-streams"

    def prepare(self) -> None:
        """Fetch and compile, or leave it as it is.

        Raises:
            RuntimeError: Maven or javac is missing or failed; with the end of its output.
        """
        source = STREAMS / "PathJob.java"
        schemas = {
            record.__name__: schema_of(record) for record in (CustomerMessage, PathHistory, PathDecision)
        }
        made_from = [source.read_text(), (STREAMS / "pom.xml").read_text(), json.dumps(schemas)]
        with _Stamp(self.folder, made_from) as stale:
            if stale:
                _say("fetching and compiling Kafka Streams: once, takes half a minute")
                shutil.rmtree(self.folder, ignore_errors=True)
                jars, classes = self.folder / "jars", self.folder / "classes"
                classes.mkdir(parents=True)
                maven = [_tool("mvn", "maven"), "--batch-mode", "--quiet", "-f", str(STREAMS / "pom.xml")]
                _run([*maven, "dependency:copy-dependencies", f"-DoutputDirectory={jars}"])
                javac = [_tool("javac", "openjdk-17-jdk-headless"), "-encoding", "UTF-8"]
                _run([*javac, "-cp", f"{jars}/*", "-d", str(classes), str(source)])
                for name, schema in schemas.items():
                    (classes / f"{name}.avsc").write_text(json.dumps(schema))

    def command(self, module: str, task: Task) -> list[str]:
        """How to run a peer; `module` is the class."""
        classes = self.folder / "classes"
        options = ["-Xms512m", "-Xmx512m", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"]
        path = f"{classes}:{self.folder / 'jars'}/*"
        return [find_java(), *options, "-cp", path, module, *task.arguments(), "--schemas", str(classes)]


Environment = Own | Quix | KafkaStreams


class _Stamp:
    """Remembers in a folder what it was made from; says whether that has changed. Written only when the block succeeds."""

    def __init__(self, folder: Path, parts: Sequence[str]) -> None:
        self._file = folder / ".made-from"
        self._digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def __enter__(self) -> bool:
        return not self._file.exists() or self._file.read_text() != self._digest

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self._file.write_text(self._digest)


def _tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise RuntimeError(f"Kafka Streams needs {name}: install {package}, or leave it out with --peers")
    return found


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])} ... failed: {(done.stdout + done.stderr)[-2000:]}")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)

"""A real Apache Kafka for tests: jars from Maven, one KRaft node on 127.0.0.1, a folder of its own."""

from __future__ import annotations

import argparse
import base64
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from frontdesk.agents.kafka.probe import live_brokers
from tests.support.embedded import dies_with_parent, free_port

VERSION = "4.1.0"
POM = Path(__file__).with_name("kafka-pom.xml")
CACHE = Path(__file__).parents[2] / ".cache" / f"kafka-{VERSION}"
_JAVA_AT_LEAST = 17
_START_WITHIN = 180.0

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{listeners}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{advertised}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT{protocols}
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers=127.0.0.1:{controller}
log.dirs={data}
auto.create.topics.enable=false
num.partitions=1
default.replication.factor=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
# An abandoned transaction ends within a second of its timeout instead of ten.
transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
# A killed broker may register again once its old session is over: 3 s instead of 9.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
log.cleaner.dedupe.buffer.size=16777216
log.segment.delete.delay.ms=1000
"""


class MissingToolError(RuntimeError):
    """Java or Maven is not there: the message says which, and what to install. Tests are skipped with it."""


def find_java() -> str:
    """The path of a Java runtime of version 17 or newer: JAVA_HOME's first, then that on PATH.

    Raises:
        MissingToolError: none was found, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    candidates = [str(Path(home) / "bin" / "java")] if home else []
    candidates.append(shutil.which("java") or "")
    seen = "no java found"
    for java in candidates:
        if not java or not Path(java).exists():
            continue
        printed = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
        match = re.search(r'version "(\d+)', printed)
        if match and int(match.group(1)) >= _JAVA_AT_LEAST:
            return java
        seen = f"{java} is version {match.group(1) if match else 'unknown'}"
    raise MissingToolError(
        f"a real Kafka needs Java {_JAVA_AT_LEAST} or newer ({seen}): install openjdk-17-jre-headless"
    )


def fetch_jars(cache: Path = CACHE) -> Path:
    """The folder with Kafka's jars; copied by Maven the first time (some 43 MB), reused afterwards.

    Several runs at once are safe: each copies into a folder of its own, and the first one to finish is kept.

    Raises:
        MissingToolError: Maven is not installed and the folder does not exist yet.
        RuntimeError: Maven failed; with the end of its output.
    """
    if cache.is_dir():
        return cache
    maven = shutil.which("mvn")
    if maven is None:
        raise MissingToolError("a real Kafka is fetched by Maven, and there is no mvn: install maven")
    cache.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.parent, prefix="fetch-") as folder:
        pom = Path(folder) / "pom.xml"
        shutil.copy(POM, pom)
        jars = Path(folder) / "jars"
        command = [maven, "--batch-mode", "--quiet", "-f", str(pom), "dependency:copy-dependencies"]
        done = subprocess.run(
            [*command, f"-DoutputDirectory={jars}"], capture_output=True, text=True, check=False, timeout=900
        )
        if done.returncode != 0:
            raise RuntimeError(
                f"maven could not fetch Kafka {VERSION}: {(done.stdout + done.stderr)[-2000:]}"
            )
        try:
            jars.rename(cache)
        except OSError:
            if not cache.is_dir():
                raise
    return cache


class Listener(NamedTuple):
    """One more way to the broker: it says that it is at `advertised`, and listens on `port`. A proxy joins the two."""

    advertised: int
    port: int


class KafkaServer:
    """One broker. `start` once; then `kill`, `restart` and `pause` as often as a test likes; `stop` at the end.

    The ports stay the same over restarts, and the data is kept until `stop`. `links` are so many listeners for proxies; `listeners`
    are more, by name, with the security protocol of each (`ports` says where); `scram` as StorageTool's --add-scram takes them.
    """

    def __init__(
        self,
        *,
        heap: str = "512m",
        properties: dict[str, str] | None = None,
        links: int = 0,
        port: int | None = None,
        listeners: Mapping[str, str] | None = None,
        scram: Sequence[str] = (),
    ) -> None:
        self._heap = heap
        self._extra = properties or {}
        self._java = find_java()
        self._jars = fetch_jars()
        self._folder = Path(tempfile.mkdtemp(prefix="frontdesk-kafka-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.bootstrap = f"127.0.0.1:{port or free_port()}"
        self.links = tuple(Listener(free_port(), free_port()) for _ in range(links))
        self._protocols = dict(listeners or {})
        self.ports = {name: free_port() for name in self._protocols}
        self._scram = tuple(scram)
        self.log = self._folder / "kafka.log"

    @property
    def pid(self) -> int | None:
        """The broker's process id; None while it is not running."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self, *, timeout: float = 60.0) -> None:
        """Format the storage when it is new, start the broker and wait until it lists itself as live.

        Raises:
            RuntimeError: it ended or did not answer within `timeout` seconds; with the end of its log.
        """
        configuration = self._folder / "server.properties"
        if not configuration.exists():
            self._format(configuration)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                dies_with_parent([*self._command(self._heap), "kafka.Kafka", str(configuration)]),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        until = time.monotonic() + timeout
        while not live_brokers(self.bootstrap):
            ended = self._process.poll() is not None
            if ended or time.monotonic() > until:
                end = self.log.read_text(errors="replace")[-3000:].strip()
                self.kill()
                why = "it ended" if ended else f"no answer after {timeout:.0f} s; is the machine busy?"
                raise RuntimeError(
                    f"Kafka did not start on {self.bootstrap}: {why}\n{end or 'It logged nothing.'}"
                )
            time.sleep(0.1)

    def kill(self) -> None:
        """`kill -9` of exactly this broker; its data stays. Does nothing when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def shut_down(self, *, timeout: float = 30.0) -> None:
        """Ask the broker to end in order, and wait; its data stays."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def restart(self, *, orderly: bool = False, down_for: float = 0.0) -> None:
        """End the broker (by `kill -9` unless `orderly`), leave it down for so many seconds, start it again."""
        if orderly:
            self.shut_down()
        else:
            self.kill()
        time.sleep(down_for)
        self.start()

    def pause(self) -> None:
        """Stop the process where it stands (SIGSTOP): connections stay open, nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let a paused process go on."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the broker and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _command(self, heap: str) -> list[str]:
        quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return [self._java, f"-Xmx{heap}", f"-Xms{heap}", "-XX:+UseSerialGC", quiet, "-cp", f"{self._jars}/*"]

    def _format(self, configuration: Path) -> None:
        """Write the configuration and the empty log; the configuration appears only if both succeed."""
        draft = configuration.with_suffix(".draft")
        links = {f"LINK{number}": link for number, link in enumerate(self.links)}
        links |= {name: Listener(port, port) for name, port in self.ports.items()}
        text = _PROPERTIES.format(
            port=self.bootstrap.rpartition(":")[2],
            controller=free_port(),
            data=self._folder / "data",
            listeners="".join(f",{name}://127.0.0.1:{link.port}" for name, link in links.items()),
            advertised="".join(f",{name}://127.0.0.1:{link.advertised}" for name, link in links.items()),
            protocols="".join(f",{name}:{self._protocols.get(name, 'PLAINTEXT')}" for name in links),
        )
        draft.write_text(text + "".join(f"{name}={value}\n" for name, value in self._extra.items()))
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [
            "kafka.tools.StorageTool",
            "format",
            "--standalone",
            "-t",
            f"A{cluster[1:]}",
            "-c",
            str(draft),
            *(word for one in self._scram for word in ("--add-scram", one)),
        ]
        done = subprocess.run([*self._command("128m"), *tool], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(
                f"Kafka's storage could not be formatted: {(done.stdout + done.stderr)[-2000:]}"
            )
        draft.rename(configuration)


def main() -> None:
    """A Kafka to try Frontdesk on, until Ctrl-C; what was on it goes with it."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.support.kafka",
        description="An Apache Kafka on 127.0.0.1 until Ctrl-C, its data gone afterwards. Needs Java 17 and, the first time, Maven.",
        epilog="example: python -m tests.support.kafka --port 9092",
    )
    parser.add_argument("--port", type=int, default=9092, help="default %(default)s")
    port = parser.parse_args().port
    if live_brokers(f"127.0.0.1:{port}"):
        parser.error(f"port {port} is taken by a Kafka: use that, or give another --port")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        server = KafkaServer(port=port)
    except MissingToolError as error:
        parser.error(str(error))
    try:
        print(
            f"Kafka {VERSION} starts on {server.bootstrap}; ready when the address is printed",
            file=sys.stderr,
            flush=True,
        )
        try:
            server.start(timeout=_START_WITHIN)
        except RuntimeError as error:
            parser.exit(2, f"{error}\n")
        print(server.bootstrap, flush=True)
        signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()


if __name__ == "__main__":
    main()

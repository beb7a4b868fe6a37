"""Apache Kafka on this machine: one or more brokers (KRaft, combined mode), for development, demonstration and tests.

    with LocalKafka(Path(".oidor/kafka")) as kafka:
        kafka.bootstrap  # "127.0.0.1:29092"
        kafka.kill(0)    # SIGKILL, for fault tests; kafka.start(0) brings it back with its data
        kafka.pause(0)   # SIGSTOP; kafka.resume(0)

    python -m deploy.local.kafka FOLDER [BROKERS]     # runs until Ctrl-C

Everything listens on 127.0.0.1 only and keeps its data under the given folder, from run to run.
"""

import secrets
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from deploy.local.kafka.jars import default_cache, java, kafka_jars
from deploy.local.ports import free_ports, listens
from deploy.local.processes import Child, ChildError, orderly_exit, server_environment

READY_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 10.0
_HEAP = "512m"

_LOG4J = """\
Configuration:
  Appenders: {Console: {name: out, PatternLayout: {pattern: "%d %p %c{1} %m%n"}}}
  Loggers: {Root: {level: WARN, AppenderRef: {ref: out}}}
"""

# What makes a broker small and quick; everything else is as Apache Kafka ships it.
_SMALL = {
    "auto.create.topics.enable": "false",  # else a typo, or a metadata request, makes a topic
    "group.initial.rebalance.delay.ms": 0,  # else the first member of a group waits 3 s for more of them
    "offsets.topic.num.partitions": 5,  # 50 cost seconds at first use
    "transaction.state.log.num.partitions": 5,
    "share.coordinator.state.topic.num.partitions": 1,
    "log.cleaner.dedupe.buffer.size": 4_194_304,  # else 128 MiB of heap, taken at start
    "log.index.size.max.bytes": 1_048_576,  # else two files of 10 MiB are mapped per partition
    "log.segment.bytes": 67_108_864,  # disk is given back a whole segment at a time
    "log.retention.check.interval.ms": 30_000,
    "num.network.threads": 2,
    "num.io.threads": 4,
    "background.threads": 2,
    "group.coordinator.threads": 1,
    "share.coordinator.threads": 1,
    "metadata.max.idle.interval.ms": 5_000,  # else the controller writes twice a second when nothing happens
}


class LocalKafka:
    """A cluster of `brokers`, each broker and controller at once; replication is 3 or the number of brokers."""

    def __init__(
        self, home: Path, brokers: int = 1, *, cache: Path | None = None, ports: Sequence[int] | None = None
    ) -> None:
        if ports is not None and len(ports) != brokers:
            raise ValueError(f"{brokers} brokers need {brokers} ports, not {len(ports)}")
        self.home = home.resolve()
        self.cache = cache or default_cache()
        self.ports = list(ports) if ports is not None else free_ports(brokers)
        self._controllers = free_ports(brokers)
        self._children: list[Child] = []
        self._stopped = threading.Event()

    @property
    def bootstrap(self) -> str:
        """Bootstrap servers: host:port, comma-separated."""
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self, n: int | None = None, *, wait: float = READY_SECONDS) -> None:
        """Start broker `n`, or all of them, and wait until each answers; `wait=0` does not wait.

        Raises JarsError when Kafka cannot be run at all, ChildError when a broker ends or does not answer in time.
        """
        self._stopped.clear()
        if not self._children:
            self._prepare()
        chosen = self._chosen(n)
        for broker in chosen if not self._stopped.is_set() else []:
            self._children[broker].start()
        deadline = time.monotonic() + wait
        for broker in chosen if wait else []:
            self._wait(broker, deadline)

    def stop(self, n: int | None = None) -> None:
        """SIGTERM, and SIGKILL after 10 s. Ends a `start` in another thread too."""
        self._stopped.set()
        chosen = [self._children[broker] for broker in self._chosen(n)] if self._children else []
        for child in chosen:
            child.ask_to_stop()  # all at once: the last one would have no quorum to leave
        for child in chosen:
            child.terminate(_STOP_SECONDS)

    def kill(self, n: int) -> None:
        """SIGKILL; returns when it is gone."""
        self._children[n].kill()

    def pause(self, n: int) -> None:
        """SIGSTOP."""
        self._children[n].pause()

    def resume(self, n: int) -> None:
        """SIGCONT."""
        self._children[n].resume()

    def pids(self) -> list[int]:
        """Processes of the brokers that run."""
        return [child.pid for child in self._children if child.alive and child.pid]

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()  # a failed __enter__ never reaches __exit__
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()

    def _chosen(self, n: int | None) -> list[int]:
        return list(range(len(self.ports))) if n is None else [n]

    def _prepare(self) -> None:
        """Find Kafka, write the configuration, and format the folders that hold no data yet."""
        command = self._java()
        (self.home / "tmp").mkdir(parents=True, exist_ok=True)
        (self.home / "log4j2.yaml").write_text(_LOG4J)
        for n, file in enumerate(self._configurations()):
            file.write_text("".join(f"{key}={value}\n" for key, value in self._properties(n).items()))
        self._format(command)
        self._children = [
            self._child(f"Kafka broker {n}", [*command, "kafka.Kafka", str(file)], f"server{n}.log")
            for n, file in enumerate(self._configurations())
        ]

    def _child(self, name: str, argv: Sequence[str], log: str) -> Child:
        return Child(name, argv, log=self.home / log, env=server_environment())

    def _configurations(self) -> list[Path]:
        return [self.home / f"server{n}.properties" for n in range(len(self.ports))]

    def _java(self) -> list[str]:
        # One compiler and the serial collector: half the memory, a faster start, and no threads that take the cores.
        return [
            java(), f"-Xmx{_HEAP}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError",
            f"-Djava.io.tmpdir={self.home / 'tmp'}", f"-Dlog4j2.configurationFile={self.home / 'log4j2.yaml'}",
            "-cp", f"{kafka_jars(self.cache)}/*",
        ]  # fmt: skip

    def _properties(self, n: int) -> dict[str, object]:
        copies = min(3, len(self.ports))
        in_sync = max(1, copies - 1)
        return _SMALL | {
            "process.roles": "broker,controller",
            "node.id": n,
            "controller.quorum.voters": ",".join(
                f"{voter}@127.0.0.1:{port}" for voter, port in enumerate(self._controllers)
            ),
            "listeners": f"PLAINTEXT://127.0.0.1:{self.ports[n]},CONTROLLER://127.0.0.1:{self._controllers[n]}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.ports[n]}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self.home / f"data{n}",
            "default.replication.factor": copies,
            "min.insync.replicas": in_sync,
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": in_sync,
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": in_sync,
            # Alone, a broker that comes back after SIGKILL waits this long until its former self is forgotten.
            "broker.session.timeout.ms": 6_000 if len(self.ports) > 1 else 3_000,
            "broker.heartbeat.interval.ms": 1_000 if len(self.ports) > 1 else 500,
        }

    def _cluster_id(self) -> str:
        """The same from run to run. Raises ChildError when the data is that of another number of brokers."""
        file = self.home / "cluster"
        if not file.exists():
            # An id that began with "-" would be taken for an option by the format tool.
            file.write_text(f"o{secrets.token_urlsafe(16)[1:]} {len(self.ports)}")
        cluster, brokers = file.read_text().split()
        if int(brokers) != len(self.ports):
            raise ChildError(f"{self.home} holds a cluster of {brokers} brokers: start as many, or delete it")
        return cluster

    def _format(self, command: list[str]) -> None:
        """The folders that hold no data yet, all at once, one Java process each."""
        command = [*command, "kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", self._cluster_id(), "-c"]
        runs = [
            self._child(f"formatting for Kafka broker {n}", [*command, str(file)], f"format{n}.log")
            for n, file in enumerate(self._configurations())
            if not (self.home / f"data{n}" / "meta.properties").exists()
        ]
        for run in runs:
            run.start()
        for run in runs:
            if run.wait(READY_SECONDS):
                raise run.failure(f"ended with code {run.exit_code}")

    def _wait(self, n: int, deadline: float) -> None:
        child = self._children[n]
        while time.monotonic() < deadline:
            if self._stopped.is_set():
                raise ChildError(f"{child.name} was stopped while it started")
            if not child.alive:
                raise child.failure(f"ended with code {child.exit_code}")
            if listens("127.0.0.1", self.ports[n]) and _serves(self.ports[n], n, self._cluster_id()):
                return
            time.sleep(0.05)
        raise child.failure(f"does not answer on 127.0.0.1:{self.ports[n]}")


def _serves(port: int, node: int, cluster_id: str) -> bool:
    """The broker, of this cluster, answers and counts itself as alive. Its port opens earlier, up to seconds."""
    from kafka import KafkaAdminClient
    from kafka.errors import KafkaError

    try:
        admin = KafkaAdminClient(
            bootstrap_servers=f"127.0.0.1:{port}", bootstrap_timeout_ms=2_000, request_timeout_ms=5_000
        )
    except KafkaError:
        return False
    try:
        cluster = admin.describe_cluster()
        return cluster["cluster_id"] == cluster_id and any(one["broker_id"] == node for one in cluster["brokers"])
    except KafkaError:
        return False
    finally:
        admin.close()


def main() -> None:
    """Run a cluster until SIGINT or SIGTERM; prints its bootstrap servers."""
    home, brokers = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with orderly_exit(), LocalKafka(home, brokers) as kafka:
        print(kafka.bootstrap, flush=True)
        signal.pause()


if __name__ == "__main__":
    main()

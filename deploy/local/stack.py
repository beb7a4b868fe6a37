"""The embedded stack: Kafka and ClickHouse, and the workers, warehouse and board that go with them, as child processes.

    with Stack(Path(".oidor")) as stack:
        topics.create(stack.settings())
        worker = stack.worker()
        worker.wait_ready(30)

Leaving the block, Ctrl-C and SIGTERM stop it in order: board, workers, warehouse, then the servers. However this
process ends, no other one stays (processes.py).
"""

import contextlib
import http.client
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from types import MappingProxyType, TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.kafka.jars import JarsError
from deploy.local.kafka.server import LocalKafka
from deploy.local.ports import free_ports
from deploy.local.processes import Child, ChildError, orderly_exit, python_environment, python_module
from processors.settings import Settings
from schemas.errors import OidorError

HOST: Final = "127.0.0.1"
_STOP_SECONDS: Final = 6.0  # more than `shutdown_budget`, which is what a worker takes at most by itself


class StackError(ChildError, OidorError):
    """A server or a service that does not run as it should; one line, but for the tail of its log."""


class Service(Child):
    """A child that answers at a URL: 200 when it is ready, anything else while it is not."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], log: Path, ready_url: str) -> None:
        super().__init__(name, argv, log=log, env=env)
        self.ready_url = ready_url

    @classmethod
    def of(
        cls,
        command: str,
        name: str,
        settings: Mapping[str, Any],
        log: Path,
        *,
        module: str = "deploy.cli",
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> Self:
        """Make `oidor worker`, `warehouse` or `board` with these settings, by name, beside those of our environment.

        Its pages are on 127.0.0.1 and ask for no token, on a free port unless one is given. `module` is what runs, with
        the command as its argument; `env` comes on top of the settings.
        """
        port = settings.get(f"{command}_port") or free_ports(1)[0]
        open_pages = {"web_host": HOST, "pages_token": "", "pages_token_file": ""}
        values = dict(settings) | {f"{command}_port": port} | open_pages
        environment = python_environment(values) | dict(env)
        return cls(name, [*python_module(module), command], environment, log, f"http://{HOST}:{port}/ready")

    def failure(self, what: str) -> StackError:
        return StackError(str(super().failure(what)))

    def wait_ready(self, seconds: float) -> float:
        """Wait; returns the seconds it took. Raises StackError, with last answer and log, when it ends or is late."""
        began = time.monotonic()
        answer = "nothing"
        while time.monotonic() - began < seconds:
            if not self.alive:
                raise self.failure(f"ended with code {self.exit_code}")
            status, answer = fetch(self.ready_url)
            if status == 200:
                return time.monotonic() - began
            time.sleep(0.05)
        raise self.failure(f"is not ready after {seconds:g} s, {self.ready_url} says {answer!r}")


def fetch(url: str, timeout: float = 2) -> tuple[int, str]:
    """Get status and text of a page of our own; (0, the reason) when nobody answers. Asks no proxy."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or HOST, parts.port, timeout=timeout)
    try:
        connection.request("GET", f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return 0, str(error) or type(error).__name__
    finally:
        connection.close()


class Stack:
    """Servers on 127.0.0.1 with their data under `home`. With `bootstrap` that Kafka is used, and none is started."""

    def __init__(
        self,
        home: Path,
        *,
        brokers: int = 1,
        bootstrap: str | None = None,
        kafka_ports: Sequence[int] | None = None,
        clickhouse_port: int | None = None,
        http_port: int | None = None,
    ) -> None:
        self.home = home.resolve()
        self.kafka = None if bootstrap else LocalKafka(self.home / "kafka", brokers, ports=kafka_ports)
        self.bootstrap = bootstrap or (self.kafka.bootstrap if self.kafka else "")
        self.clickhouse = LocalClickHouse(self.home / "clickhouse", port=clickhouse_port, http_port=http_port)
        self.services: list[Service] = []
        self._signals = contextlib.ExitStack()

    def start(self) -> None:
        """Start the servers side by side; returns when both answer. Raises StackError; then none runs."""
        starts = [self.clickhouse.start, *([self.kafka.start] if self.kafka else [])]
        outcomes: SimpleQueue[Exception | None] = SimpleQueue()

        def run(start: Callable[[], None]) -> None:
            try:
                start()
            except (JarsError, ChildError) as error:  # servers know no `OidorError`: they serve any project
                outcomes.put(StackError(str(error)))
            except Exception as error:
                outcomes.put(error)
            else:
                outcomes.put(None)

        try:
            for start in starts:
                Thread(target=run, args=(start,), daemon=True).start()  # Ctrl-C must not wait for a download to end
            for _ in starts:
                if error := outcomes.get():
                    raise error
        except BaseException:
            self.terminate()
            raise

    def settings(self, **others: Any) -> Settings:
        """Return this process's settings with the addresses of the stack, and `others`."""
        return Settings(**(self._addresses() | others))

    def worker(self, *, module: str = "deploy.cli", **others: Any) -> Service:
        """Start one more worker. `others` are settings by name; it takes a free port unless `worker_port` is given."""
        return self._run("worker", module, others)

    def warehouse(self, **others: Any) -> Service:
        """Start the second stage."""
        return self._run("warehouse", "deploy.cli", others)

    def board(self, **others: Any) -> Service:
        """Start a board of the workers and warehouses that were started before."""
        addresses = tuple(urlsplit(service.ready_url).netloc for service in self.services)
        return self._run("board", "deploy.cli", {"board_processes": addresses} | others)

    def terminate(self) -> None:
        """Stop everything, first what would miss the others."""
        for kind in ("board", "worker", "warehouse"):
            chosen = [service for service in self.services if service.name.startswith(kind)]
            for service in chosen:
                service.ask_to_stop()
            for service in chosen:
                service.terminate(_STOP_SECONDS)
        with ThreadPoolExecutor() as pool:
            stops = [self.clickhouse.stop, *([self.kafka.stop] if self.kafka else [])]
            for stopped in [pool.submit(stop) for stop in stops]:
                stopped.result()

    def __enter__(self) -> Self:
        self._signals.enter_context(orderly_exit())
        try:
            self.start()
        except BaseException:
            self._signals.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            self.terminate()
        finally:
            self._signals.close()

    def _addresses(self) -> dict[str, Any]:
        return {
            "brokers": self.bootstrap,
            "clickhouse_host": self.clickhouse.host,
            "clickhouse_port": self.clickhouse.port,
            "clickhouse_user": "default",
            "clickhouse_password": "",
        }

    def _run(self, command: str, module: str, others: dict[str, Any]) -> Service:
        name = f"{command}-{sum(service.name.startswith(command) for service in self.services)}"
        service = Service.of(command, name, self._addresses() | others, self.home / f"{name}.log", module=module)
        service.start()
        self.services.append(service)
        return service

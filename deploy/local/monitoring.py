"""Prometheus and Alertmanager of this machine, with the rules and routes that are shipped, as child processes.

What is shipped names the services of a composition; here only addresses differ: targets, where Alertmanager is, and
where each receiver sends to.
"""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import yaml

from deploy.local.ports import free_ports
from deploy.local.processes import Child, ChildError, server_environment

PROMETHEUS: Final = Path(__file__).parents[1] / "prometheus"
ALERTMANAGER: Final = Path(__file__).parents[1] / "alertmanager" / "alertmanager.yml"
RULES: Final = tuple(sorted((PROMETHEUS / "rules").glob("*.yml")))

_HOST: Final = "127.0.0.1"
_READY_SECONDS: Final = 20
_PROGRAMS: Final = {"prometheus": ("prometheus",), "alertmanager": ("alertmanager", "prometheus-alertmanager")}
"""What each is called where, Debian's name last."""


def missing() -> str:
    """What is not installed, in one line that says how to install it; nothing when all is there."""
    lacking = [name for name in _PROGRAMS if not _program(name)]
    return f"{' and '.join(lacking)}: not installed; Debian: apt-get install prometheus prometheus-alertmanager" * bool(
        lacking
    )


class Monitoring:
    """A Prometheus that scrapes `targets`, host:port by job, and the Alertmanager that it tells."""

    def __init__(
        self,
        home: Path,
        targets: Mapping[str, Sequence[str]],
        *,
        webhook: str = "",
        rules: Sequence[Path] = RULES,
        adapt: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """`webhook` is where receivers send to, each to its own name below it; without one they send nowhere.

        `adapt` changes Alertmanager's configuration before it is written.
        """
        self._home = home.resolve()
        port, self._alerts_port, cluster = free_ports(3)
        self.url, self.alerts_url = f"http://{_HOST}:{port}", f"http://{_HOST}:{self._alerts_port}"
        scraped = scraping(targets, f"{_HOST}:{self._alerts_port}", rules)
        told = telling(webhook)
        adapt(told)
        self._files = {"prometheus.yml": scraped, "alertmanager.yml": told}
        self.prometheus = self._child(
            "prometheus",
            f"--config.file={self._home / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._home / 'prometheus'}",
            f"--web.listen-address={_HOST}:{port}",
            "--web.enable-lifecycle",
        )
        self.alertmanager = self._child(
            "alertmanager",
            f"--config.file={self._home / 'alertmanager.yml'}",
            f"--storage.path={self._home / 'alertmanager'}",
            f"--web.listen-address={_HOST}:{self._alerts_port}",
            f"--cluster.listen-address={_HOST}:{cluster}",
            "--cluster.settle-timeout=0s",
        )

    def start(self) -> None:
        """Start both; returns when they are ready. Raises ChildError."""
        if said := missing():
            raise ChildError(said)
        self._home.mkdir(parents=True, exist_ok=True)
        for name, content in self._files.items():
            (self._home / name).write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
        for child, url in ((self.alertmanager, self.alerts_url), (self.prometheus, self.url)):
            child.start()
            _until_ready(child, f"{url}/-/ready")

    def stop(self) -> None:
        """Stop both."""
        for child in (self.prometheus, self.alertmanager):
            child.terminate()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _child(self, name: str, *said: str) -> Child:
        program = _program(name) or name
        return Child(name, [program, *said], log=self._home / f"{name}.log", env=server_environment())


def scraping(targets: Mapping[str, Sequence[str]], alertmanager: str, rules: Sequence[Path]) -> Any:
    """The shipped `prometheus.yml` with these addresses, by job, and rule files; a job without any has no target."""
    config = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    config["rule_files"] = [str(file.resolve()) for file in rules]
    config["alerting"]["alertmanagers"] = [{"static_configs": [{"targets": [alertmanager]}]}]
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": list(targets.get(job["job_name"], ()))}]
    return config


def telling(webhook: str) -> Any:
    """The shipped `alertmanager.yml`, whose receivers send to a webhook, each to its own name below that."""
    config = yaml.safe_load(ALERTMANAGER.read_text())
    for receiver in config["receivers"] if webhook else ():
        receiver["webhook_configs"] = [{"url": f"{webhook}/{receiver['name']}", "send_resolved": True}]
    return config


def _program(name: str) -> str | None:
    return next(filter(None, map(shutil.which, _PROGRAMS[name])), None)


def _until_ready(child: Child, url: str) -> None:
    opener = build_opener(ProxyHandler({}))  # our own pages are behind no proxy
    deadline = time.monotonic() + _READY_SECONDS
    while time.monotonic() < deadline:
        if not child.alive:
            raise child.failure(f"ended with code {child.exit_code}")
        try:
            with opener.open(url, timeout=1):
                return
        except (URLError, OSError):
            time.sleep(0.1)
    raise child.failure(f"is not ready after {_READY_SECONDS} s")

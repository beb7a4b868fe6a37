"""Certificates for tests: an authority, and what it signs, as the PEM files that Kafka, ClickHouse and Python take."""

import subprocess
from pathlib import Path
from typing import NamedTuple

_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


class Certificate(NamedTuple):
    """A certificate with its chain, and its private key; both in one file too, as Kafka wants a key store."""

    chain: Path
    key: Path
    both: Path


class Authority:
    """Signs certificates; `ca` is its own."""

    def __init__(self, home: Path, name: str = "authority") -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.ca, self._key = home / f"{name}.pem", home / f"{name}.key"
        _openssl("req", "-x509", *_CURVE, "-keyout", self._key, "-out", self.ca, "-subj", f"/CN={name}")

    def sign(self, name: str, *hosts: str) -> Certificate:
        """Issue a certificate of this common name, valid for these hosts: names, or IP addresses."""
        chain, key, both = (self.home / f"{name}{end}" for end in (".crt", ".key", ".pem"))
        kinds = ",".join(f"{'IP' if host[0].isdigit() else 'DNS'}:{host}" for host in hosts)
        names = ("-addext", f"subjectAltName={kinds}") if hosts else ()
        signing = ("-CA", self.ca, "-CAkey", self._key)
        _openssl("req", "-x509", *_CURVE, *signing, "-keyout", key, "-out", chain, "-subj", f"/CN={name}", *names)
        chain.write_text(chain.read_text() + self.ca.read_text())
        both.write_text(key.read_text() + chain.read_text())
        return Certificate(chain, key, both)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

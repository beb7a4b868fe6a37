"""An installation as production has it: TLS, a login for each account, ACLs that allow it what the table says."""

import re
import ssl
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from deploy.cli.acls import Grant, Principal, grants, require_access
from deploy.cli.topics import check
from deploy.local.clickhouse.server import LocalClickHouse
from deploy.local.processes import python_environment, python_module
from deploy.local.stack import Service, fetch
from deploy.traffic.publish import publish
from deploy.traffic.scenarios import DEMO, journeys
from processors.runtime.security import aiokafka_client
from processors.settings import Settings
from schemas.errors import OidorError
from sinks.clickhouse import Address, connect, one_line
from tests.certificates import Authority
from tests.stack.running import READY_SECONDS, until
from tests.stack.secure_kafka import SecureKafka, login
from tests.stack.tcp_proxy import FaultProxy

pytestmark = pytest.mark.stack
EVENTS: Final = 500
PARTITIONS: Final = 2
As = Callable[..., Settings]
"""The settings of an account, and others on top."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[SecureKafka]:
    with SecureKafka(tmp_path_factory.mktemp("secure"), authority) as kafka:
        yield kafka


@pytest.fixture(scope="module")
def encrypted(clickhouse: LocalClickHouse, authority: Authority) -> Iterator[FaultProxy]:
    """ClickHouse behind TLS, under the name `clickhouse.example`."""
    certificate = authority.sign("clickhouse", "clickhouse.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    context.load_verify_locations(authority.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    with FaultProxy(clickhouse.port, tls=context) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def account(
    secure: SecureKafka, encrypted: FaultProxy, authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> As:
    names = {"app_id": "shop", "input_prefix": "eu-", "topic_prefix": "eu-", "clickhouse_database": "shop"}
    client, home = authority.sign("oidor"), tmp_path_factory.mktemp("secrets")

    def settings_of(user: str, **others: Any) -> Settings:
        database: dict[str, Any] = {
            "clickhouse_host": "127.0.0.1",
            "clickhouse_port": encrypted.port,
            "clickhouse_tls": True,
            "clickhouse_ca": authority.ca,
            "clickhouse_certificate": client.chain,
            "clickhouse_key": client.key,
            "clickhouse_server_name": "clickhouse.example",
        }
        shape: dict[str, Any] = {"partitions": PARTITIONS, "input_retention_days": -1}
        return Settings(**(dict(names) | shape | database | dict(login(secure, authority, user, home)) | others))

    table = grants(settings_of("nobody"))
    for user, allowed in table.items():
        secure.allow(user, allowed)
    return settings_of


def said(settings: Settings, *words: str, code: int | None = 0, **env: str) -> str:
    """What a command says that is to end with this code; a password is never in it."""
    done = subprocess.run(
        [*python_module("deploy.cli"), *words],
        env=python_environment(settings.model_dump(exclude_unset=True)) | env,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    text = f"{done.stdout}{done.stderr}"
    assert code in (None, done.returncode), f"{words} ended with {done.returncode}: {text}"
    assert "s3cret" not in text
    return " ".join(text.replace("│", " ").split())


@pytest.fixture(scope="module")
def topics(account: As) -> None:
    """Topics and tables are there, made by the administrator's account."""
    assert "created eu-feedback-rows" in said(account("admin"), "topics", "create")
    assert "applied" in said(account("admin"), "migrate")


@pytest.mark.usefixtures("topics")
def test_every_account_does_its_work_with_what_the_table_allows_it_and_no_more(
    account: As, secure: SecureKafka, tmp_path: Path
) -> None:
    client = connect(Address.of(account("nobody")), 30)
    events, off = EVENTS, "sum(abs(difference_read) + abs(difference_stored) + abs(difference_rejected))"

    def accounted() -> bool:
        rows: list[tuple[int, int]] = client.execute(f"SELECT sum(records_read), {off} FROM v_reconciliation")
        return rows == [(events, 0)]

    services = [running(name, account(name), tmp_path) for name in ("worker", "warehouse")]
    try:
        for service in services:
            service.wait_ready(READY_SECONDS)
        assert said(account("publisher"), "publish", "--limit", str(EVENTS)) == f"published {EVENTS} messages"
        until(accounted, 60, f"{EVENTS} events accounted for")
        events += 1
        lost_and_given_back(services[0], Grant("topic", "eu-feedback-rows", ("WRITE",)), secure, account)
        until(accounted, 60, "what waited while a right was missing accounted for, too")
        assert client.execute("SELECT count() FROM rejected_events WHERE reason = 'processing_error'") == [(0,)]
        with ThreadPoolExecutor(1) as beside:
            replaying = beside.submit(said, account("replay"), "replay", "--home", str(tmp_path / "replay"))
            look_and_erase(account, client)
            replayed = re.search(r"(\d+) records of", replaying.result())
        assert replayed, "with or without the erasure, which is a record of each partition"
        assert int(replayed[1]) in (events, events + PARTITIONS)
    finally:
        for service in services:
            service.terminate()
    for service in services:
        assert service.log is not None
        assert "s3cret" not in service.log.read_text()


def look_and_erase(account: As, client: Client) -> None:
    findings = said(account("doctor"), "doctor", code=None)
    for seen in ("broker answers", "members of shop: 1", "members of shop-warehouse: 1", "record is accounted for"):
        assert seen in findings
    ((customer,),) = client.execute("SELECT customer_id FROM v_events WHERE customer_id != '' LIMIT 1")
    assert "acknowledged by ana" in said(account("operator"), "incident", "ack", "i", "--unchecked", "--who", "ana")
    until(lambda: client.execute("SELECT who FROM v_actions") == [("ana",)], 20, "what a person did is stored")
    assert "masked" in said(account("erase"), "erase", customer, "--source", "crm")


def lost_and_given_back(worker: Service, grant: Grant, secure: SecureKafka, account: As) -> None:
    """A running worker that may not write any more says so, waits, and goes on."""
    secure.deny("worker", grant)
    said(account("publisher"), "publish", "--limit", "1", "--seed", "8", "--scenario", "steady")
    until(lambda: "TopicAuthorizationFailed" in fetch(worker.ready_url)[1], 20, "a right that is missing is named")
    status, page = fetch(worker.ready_url)
    assert status == 503
    assert "allow this account" in page
    secure.allow("worker", [grant])
    until(lambda: fetch(worker.ready_url)[0] == 200, 30, "ready again once it is allowed")


def running(name: str, settings: Settings, home: Path) -> Service:
    service = Service.of(name, name, settings.model_dump(exclude_unset=True), home / f"{name}.log")
    service.start()
    return service


COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "worker": ("worker",),
    "warehouse": ("warehouse",),
    "topics": ("topics", "check"),
    "publish": ("publish", "--limit", "1"),
    "doctor": ("doctor",),
    "operator": ("incident", "ack", "i", "--unchecked"),
    "erase": ("erase", "c1", "--source", "crm"),
    "replay": ("replay", "--into", "shop_refused"),
}
LOST: Final = "cannot reach", "does not exist", "no Kafka at", "Traceback"
"""What sends people to the wrong team when Kafka refused them."""


def told(settings: Settings, names: Iterable[str] = COMMANDS, **env: str) -> dict[str, str]:
    """What commands say that Kafka refuses, as many at once as there are cores."""
    pages = settings.model_copy(update={"worker_port": 0, "warehouse_port": 0})
    with ThreadPoolExecutor(2) as pool:
        answers = pool.map(lambda name: said(pages, *COMMANDS[name], code=2, **env), names)
        lines = dict(zip(names, answers, strict=True))
    assert not [(name, line) for name, line in lines.items() if any(wrong in line for wrong in LOST)]
    return lines


@pytest.mark.usefixtures("topics")
def test_who_is_allowed_nothing_is_told_so_by_every_command(account: As) -> None:
    for name, line in told(account("nobody")).items():
        assert "user nobody" in line, name
    seen = told(account("nobody"), ["topics"])["topics"]
    assert "eu-contact-events: not visible to user nobody: missing, or no DESCRIBE: `oidor topics acls` lists" in seen


@pytest.mark.usefixtures("topics")
def test_a_wrong_password_is_a_wrong_password(account: As, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("an0ther-s3cret")
    for name, line in told(account("worker", kafka_password_file=wrong), ["publish", "doctor"]).items():
        assert "does not accept the password of user worker" in line, name


@pytest.mark.usefixtures("topics")
def test_a_mismatch_of_tls_is_named_as_what_it_is(account: As, secure: SecureKafka, tmp_path: Path) -> None:
    plain = {"kafka_security": "PLAINTEXT", "kafka_user": "", "kafka_password_file": None, "kafka_ca": None}
    for name, line in told(account("admin", **plain), ["worker", "erase"]).items():
        assert "speaks TLS, and OIDOR_KAFKA_SECURITY=PLAINTEXT does not" in line, name
    other = Authority(tmp_path, "other")
    for reason, wrong in (
        ("speaks no TLS, and OIDOR_KAFKA_SECURITY=SASL_SSL does", {"brokers": secure.bootstrap}),
        ("its certificate is not trusted", {"kafka_ca": other.ca}),
        ("its certificate is not of that host", {"brokers": secure.logins.replace("localhost", "127.0.0.1")}),
    ):
        with pytest.raises(OidorError, match=reason):
            check(account("admin", **wrong))


@pytest.mark.usefixtures("topics")
def test_every_way_to_log_in_leads_in(
    account: As, secure: SecureKafka, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = authority.sign("admin")
    token = {"kafka_mechanism": "OAUTHBEARER", "kafka_token_provider": "tests.stack.secure_kafka:unsecured_token"}
    mutual = {"brokers": secure.mutual, "kafka_security": "SSL", "kafka_user": "", "kafka_password_file": None}
    ours = {"kafka_certificate": mine.chain, "kafka_key": mine.key}
    monkeypatch.setenv("TOKEN_OF", "admin")
    for way in ({"kafka_mechanism": "PLAIN"}, {"kafka_mechanism": "SCRAM-SHA-256"}, token, mutual | ours):
        assert not check(account("admin", **way))

    monkeypatch.setenv("TOKEN_OF", "publisher")
    sent = journeys(DEMO, 1, datetime.now(UTC) - timedelta(hours=1), limit=1, rate=1.0)
    assert publish(sent, aiokafka_client(account("publisher", **token)), prefix="eu-") == 1
    with pytest.raises(OidorError, match="it wants a client certificate"):
        check(account("admin", **mutual))


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize(
    ("user", "grant"),
    [
        ("worker", Grant("topic", "eu-contact-events", ("READ",))),
        ("worker", Grant("topic", "eu-feedback-rows", ("WRITE",))),
        ("worker", Grant("topic", "shop-state", ("DELETE",))),
        ("worker", Grant("group", "shop", ("READ",))),
        ("worker", Grant("transactional id", "shop-", ("WRITE",), prefixed=True)),
        ("warehouse", Grant("topic", "eu-feedback-rejected", ("WRITE",))),
        ("warehouse", Grant("group", "shop-warehouse", ("READ",))),
        ("warehouse", Grant("group", "shop-warehouse-actions", ("READ",))),
        ("warehouse", Grant("topic", "eu-feedback-actions", ("READ",))),
        ("operator", Grant("topic", "eu-feedback-actions", ("WRITE",))),
        ("publisher", Grant("topic", "eu-survey-events", ("WRITE",))),
        ("erase", Grant("topic", "eu-contact-events", ("WRITE",))),
        ("admin", Grant("topic", "shop-state", ("DESCRIBE_CONFIGS",))),
    ],
    ids=str,
)
def test_what_is_taken_away_is_missed_and_named(
    user: Principal, grant: Grant, account: As, secure: SecureKafka
) -> None:
    settings = account(user)
    mine = next(one for one in grants(settings)[user] if one.name == grant.name)
    assert set(grant.operations) <= set(mine.operations)
    require_access(settings, user)
    secure.deny(user, grant)
    try:
        line = refused(lambda: require_access(settings, user))
        assert f"user {user} what the {user} needs: {grant.resource} {grant.name}" in line
        assert grant.operations[0] in line
    finally:
        secure.allow(user, [grant])


def refused(asked: Callable[[], object], seconds: float = 5) -> str:
    """Why what is asked is refused, once the broker knows that it is to be."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            asked()
        except OidorError as error:
            return str(error)
        time.sleep(0.1)
    pytest.fail("it is still allowed")


@pytest.mark.parametrize(
    ("others", "advice"),
    [
        ({"clickhouse_server_name": ""}, "OIDOR_CLICKHOUSE_SERVER_NAME"),
        ({"clickhouse_ca": None}, "OIDOR_CLICKHOUSE_CA"),
        ({"clickhouse_certificate": None, "clickhouse_key": None}, "wants a certificate of ours"),
        ({"clickhouse_tls": False, "clickhouse_ca": None, "clickhouse_certificate": None}, "OIDOR_CLICKHOUSE_TLS"),
    ],
    ids=str,
)
def test_a_database_that_is_not_trusted_or_does_not_trust_us_is_told_apart(
    others: Mapping[str, Any], advice: str, account: As
) -> None:
    client = connect(Address.of(account("nobody", **others)), 10, database="")
    with pytest.raises((Error, OSError, EOFError)) as caught:
        client.execute("SELECT 1")
    assert advice in one_line(caught.value)


def test_another_host_of_the_database_is_asked_when_the_first_is_away(account: As, encrypted: FaultProxy) -> None:
    settings = account("nobody", clickhouse_port=1, clickhouse_alt_hosts=f"127.0.0.1:{encrypted.port}")
    assert connect(Address.of(settings), 10, database="").execute("SELECT 1") == [(1,)]

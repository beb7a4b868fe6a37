"""One dictionary for every client; what keeps one out is named as what it is."""

import asyncio
import re
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.errors import ClusterAuthorizationFailedError
from kafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from processors.runtime.refusals import AWAY, denial, why_shut_out
from processors.runtime.security import SecurityError, aiokafka_client, faust_credentials, kafka_python_client
from processors.settings import Settings
from tests.certificates import Authority

Reason = Callable[..., str]


def token() -> str:
    return "a token"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def settings(**others: object) -> Settings:
    return Settings(_env_file=None, **others)  # type: ignore[arg-type]


def test_plain_is_the_default_and_needs_no_credentials() -> None:
    plain = {"bootstrap_servers": ["127.0.0.1:9092"], "security_protocol": "PLAINTEXT"}
    assert aiokafka_client(settings()) == kafka_python_client(settings()) == plain
    assert faust_credentials(settings()) is None


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_all_libraries_are_told_the_same(mechanism: str, authority: Authority) -> None:
    given = settings(kafka_security="SASL_SSL", kafka_ca=authority.ca, kafka_mechanism=mechanism,
                     kafka_user="worker", kafka_password="s3cret")  # fmt: skip
    client, credentials = aiokafka_client(given), faust_credentials(given)
    assert client == kafka_python_client(given)
    assert (client["sasl_mechanism"], client["sasl_plain_password"]) == (mechanism, "s3cret")
    assert client["ssl_context"].verify_mode == ssl.CERT_REQUIRED
    assert client["ssl_context"].check_hostname
    assert credentials is not None
    assert credentials.protocol.value == "SASL_SSL"
    assert credentials.mechanism.value == mechanism  # type: ignore[attr-defined]
    assert "s3cret" not in repr(credentials)


def test_no_client_says_by_itself_where_the_brokers_are() -> None:
    checkout = Path(__file__).parents[3]
    files = [file for room in ("processors", "sinks", "deploy") for file in (checkout / room).rglob("*.py")]
    own = [file for file in files if re.search(r"\bbootstrap_servers=", file.read_text())]
    assert own == [checkout / "deploy/local/kafka/server.py"], "give it a `KafkaClient` of processors.runtime.security"


def test_a_token_comes_from_whatever_function_is_named() -> None:
    given = settings(kafka_security="SASL_SSL", kafka_mechanism="OAUTHBEARER", kafka_token_provider=f"{__name__}:token")
    assert asyncio.run(aiokafka_client(given)["sasl_oauth_token_provider"].token()) == "a token"
    assert kafka_python_client(given)["sasl_oauth_token_provider"].token() == "a token"
    assert faust_credentials(given) is not None
    with pytest.raises(SecurityError, match="OIDOR_KAFKA_TOKEN_PROVIDER=nowhere:f: No module named"):
        aiokafka_client(given.model_copy(update={"kafka_token_provider": "nowhere:f"}))


def test_a_key_of_another_certificate_is_named_with_both_files(authority: Authority) -> None:
    ours, other = authority.sign("ours"), authority.sign("other")
    mutual = settings(kafka_security="SSL", kafka_certificate=ours.chain, kafka_key=ours.key)
    assert aiokafka_client(mutual)["ssl_context"] is aiokafka_client(mutual)["ssl_context"]
    with pytest.raises(
        SecurityError, match=r"OIDOR_KAFKA_CERTIFICATE=.*ours.crt, OIDOR_KAFKA_KEY=.*other.key: not PEM"
    ):
        aiokafka_client(mutual.model_copy(update={"kafka_key": other.key}))
    with pytest.raises(SecurityError, match=r"OIDOR_KAFKA_CA=.*: "):
        aiokafka_client(mutual.model_copy(update={"kafka_ca": Path("/nonexistent")}))


@pytest.fixture
def reason(authority: Authority) -> Reason:
    """Why a client with some settings is shut out of a listener that closes each connection after its first bytes."""

    async def asked(given: Settings, tls: ssl.SSLContext | None) -> str:
        async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(64)
            writer.close()

        async with await asyncio.start_server(hang_up, "127.0.0.1", ssl=tls) as server:
            port = server.sockets[0].getsockname()[1]
            host = given.brokers.partition(":")[0]
            reached = given.model_copy(update={"brokers": f"{host}:{port}"})
            return await why_shut_out(aiokafka_client(reached), reached)

    def ask(tls: bool, names: tuple[str, ...] = ("127.0.0.1",), **given: object) -> str:
        context = None
        if tls:
            certificate = authority.sign("broker", *names)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.chain, certificate.key)
        return asyncio.run(asked(settings(**given), context))

    return ask


def test_a_mismatch_of_tls_is_named_in_both_directions(reason: Reason, authority: Authority) -> None:
    assert "speaks TLS, and OIDOR_KAFKA_SECURITY=PLAINTEXT does not" in reason(tls=True)
    assert "speaks no TLS, and OIDOR_KAFKA_SECURITY=SSL does" in reason(tls=False, kafka_security="SSL")
    assert "it wants a login" in reason(tls=False)
    assert "it wants a client certificate" in reason(tls=True, kafka_security="SSL", kafka_ca=authority.ca)


def test_a_certificate_that_cannot_be_trusted_is_named_with_why(reason: Reason, authority: Authority) -> None:
    assert "is not trusted (self-signed certificate in" in reason(tls=True, kafka_security="SSL")
    other = reason(tls=True, names=("kafka.example.com",), kafka_security="SSL", kafka_ca=authority.ca)
    assert "is not of that host (IP address mismatch" in other


def test_where_nobody_listens_nothing_refuses() -> None:
    given = settings(brokers="127.0.0.1:1")
    assert asyncio.run(why_shut_out(aiokafka_client(given), given)).startswith(AWAY)


def test_a_denial_says_whom_to_allow_what_for_both_libraries() -> None:
    given = settings(kafka_security="SASL_SSL", kafka_user="worker", kafka_password="s3cret")
    denied = denial(TopicAuthorizationFailedError("feedback-rows"), given)
    assert denied.startswith("Kafka does not allow user worker to use a topic (")
    assert "feedback-rows" in denied
    assert "or to write any topic" in denial(ClusterAuthorizationFailedError(), given)
    assert denial(UnknownTopicOrPartitionError(), given) == denial(None, given) == ""

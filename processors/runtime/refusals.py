"""Why Kafka does not let us in, or does not let us do something: named as what it is, with what to do.

The libraries tell neither: a client whose password is wrong, or who speaks plain text to a TLS port, tries again until
its time is over, and reports that nobody answered.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Iterator
from typing import Final

from aiokafka.conn import create_conn
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from processors.runtime.security import KafkaClient
from processors.settings import Settings

ASK_SECONDS: Final = 3.0
AWAY: Final = "cannot reach Kafka"
"""What a reason begins with when nobody refuses: who asks again later may be answered."""
BUSY: Final = "it takes connections, and does not answer"
"""Part of the reason when a broker is there."""
SEE_ACLS: Final = "`oidor topics acls` lists what to allow"

_TLS_ALERT: Final = b"\x15\x03"
_TLS_HANDSHAKE: Final = b"\x16\x03"
_DENIED: Final = {
    29: ("a topic", "the topics that it names"),
    30: ("a consumer group", "the consumer groups that begin with OIDOR_APP_ID"),
    31: ("the cluster, or to write any topic", "the topics that it writes"),
    53: ("a transactional id", "transactional ids that begin with OIDOR_APP_ID"),
}
"""Error code of Kafka -> what was denied, and what to allow."""


def account(settings: Settings) -> str:
    """How we are known to the brokers, for messages."""
    if settings.kafka_security.startswith("SASL") and settings.kafka_user:
        return f"user {settings.kafka_user}"
    if settings.kafka_certificate:
        return f"the owner of {settings.kafka_certificate.name}"
    return "this account"


def denial(error: BaseException | None, settings: Settings) -> str:
    """What an ACL has to allow, when it was one that caused an error of either library; '' of any other error."""
    what, allow = _DENIED.get(getattr(error, "errno", 0) or 0, ("", ""))
    if not what:
        return ""
    text = " ".join(str(error).split())
    return f"Kafka does not allow {account(settings)} to use {what} ({text}): allow it {allow}; {SEE_ACLS}"


async def why_shut_out(client: KafkaClient, settings: Settings) -> str:
    """Ask each broker for what a client asks first; returns why that fails, '' when one answers."""
    reasons = []
    with _silent():
        for address in client["bootstrap_servers"]:
            host, _, port = address.rpartition(":")
            if not (reason := await _why(client, host.strip("[]") or address, int(port or 9092), settings)):
                return ""
            reasons.append(reason)
    # Of several brokers one may be down: what the others say is worth more.
    return next((reason for reason in reasons if not reason.startswith(AWAY)), reasons[0])


async def _why(client: KafkaClient, host: str, port: int, settings: Settings) -> str:
    at = f"Kafka at {host}:{port}"
    arguments = {name: value for name, value in client.items() if name != "bootstrap_servers"}
    try:
        connection = await create_conn(host, port, **arguments, request_timeout_ms=round(ASK_SECONDS * 1000))
        try:
            await connection.send(MetadataRequest([]))
        finally:
            connection.close()
    except ssl.SSLCertVerificationError as error:
        return f"{at}: {_untrusted(error)}"
    except SaslAuthenticationFailed:
        return (
            f"{at} does not accept the password of {account(settings)} by {settings.kafka_mechanism}: check "
            "OIDOR_KAFKA_USER, OIDOR_KAFKA_PASSWORD_FILE and OIDOR_KAFKA_MECHANISM"
        )
    except (UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
        return f"{at} does not take OIDOR_KAFKA_MECHANISM={settings.kafka_mechanism}: {' '.join(str(error).split())}"
    except (KafkaConnectionError, OSError, TimeoutError) as error:
        return await _closed(error, at, host, port, settings)
    except KafkaError as error:
        return denial(error, settings) or f"{at} refuses us: {error!r}"
    except Exception as error:
        if not settings.kafka_token_provider:
            raise
        return f"{at}: OIDOR_KAFKA_TOKEN_PROVIDER raised {type(error).__name__}"
    return ""


def _untrusted(error: ssl.SSLCertVerificationError) -> str:
    reason = error.verify_message.rstrip(".")
    if "mismatch" in reason:
        return f"its certificate is not of that host ({reason}): name it in OIDOR_BROKERS as the certificate does"
    return f"its certificate is not trusted ({reason}): set OIDOR_KAFKA_CA to the authority that signed it"


async def _closed(error: Exception, at: str, host: str, port: int, settings: Settings) -> str:
    """Why a connection could not be made, or ended before its first answer: find out what the listener speaks."""
    said = settings.kafka_security
    speaks_tls = await _speaks_tls(host, port)
    if speaks_tls is None:
        return f"{AWAY} at {host}:{port}; start it with `oidor demo --keep` or set OIDOR_BROKERS"
    if speaks_tls and not said.endswith("SSL"):
        return f"{at} speaks TLS, and OIDOR_KAFKA_SECURITY={said} does not: set SSL or SASL_SSL, or another port"
    if not speaks_tls and said.endswith("SSL"):
        return f"{at} speaks no TLS, and OIDOR_KAFKA_SECURITY={said} does: set another port, or PLAINTEXT"
    if isinstance(error, ssl.SSLError):
        return f"{at}: no TLS connection ({error.reason or error}): check OIDOR_KAFKA_CERTIFICATE and OIDOR_KAFKA_KEY"
    if isinstance(error, TimeoutError):
        return f"{AWAY} at {host}:{port}: {BUSY} within {ASK_SECONDS:g} s"
    if said.startswith("SASL"):
        return f"{at} ends the connection when we log in: it speaks no SASL, or is starting"
    wants = "a client certificate (OIDOR_KAFKA_CERTIFICATE), or a login" if speaks_tls else "a login"
    return f"{at} ends the connection of who does not log in: it wants {wants} (OIDOR_KAFKA_SECURITY), or is starting"


async def _speaks_tls(host: str, port: int) -> bool | None:
    """Whether a listener answers a TLS handshake; None when nobody listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    hello = ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
    try:
        async with asyncio.timeout(ASK_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
    except OSError:
        return None
    try:
        writer.write(hello.read())
        async with asyncio.timeout(ASK_SECONDS):
            return (await reader.readexactly(2)) in (_TLS_HANDSHAKE, _TLS_ALERT)
    except (OSError, EOFError):
        return False
    finally:
        writer.close()


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """aiokafka logs what it raises, asyncio what ends a connection that nobody uses; ours says it once."""
    loggers = [logging.getLogger(name) for name in ("aiokafka", "asyncio")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)

"""How we are known to Kafka: the arguments of every client that Oidor opens, whatever library it is of.

aiokafka and kafka-python call them by the same names; Faust wants an object of its own, made of the same.
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from aiokafka.abc import AbstractTokenProvider
from kafka.net.sasl.oauth import AbstractTokenProvider as BlockingTokenProvider

from processors.settings import Settings
from schemas.errors import OidorError

if TYPE_CHECKING:
    from faust.auth import Credentials

KafkaClient = Mapping[str, Any]
"""Keyword arguments of a client: where the brokers are, and how we are known to them."""


class SecurityError(OidorError):
    """Certificates, keys or a token provider that cannot be used; one line that says which, and what is wrong."""


def aiokafka_client(settings: Settings) -> KafkaClient:
    """Arguments of every client of aiokafka. Raises SecurityError."""
    return _client(settings, _AsyncTokens)


def kafka_python_client(settings: Settings) -> KafkaClient:
    """Arguments of every client of kafka-python. Raises SecurityError."""
    return _client(settings, _BlockingTokens)


def faust_credentials(settings: Settings) -> "Credentials | None":
    """The same for Faust; None where nobody logs in and nothing is encrypted. Raises SecurityError."""
    import faust  # it takes a second, and commands need none of it

    client = aiokafka_client(settings)
    context = client.get("ssl_context")
    if tokens := client.get("sasl_oauth_token_provider"):
        return faust.OAuthCredentials(oauth_cb=tokens, ssl_context=context)
    if mechanism := client.get("sasl_mechanism"):
        return faust.SASLCredentials(
            username=client["sasl_plain_username"],
            password=client["sasl_plain_password"],
            ssl_context=context,
            mechanism=mechanism,
        )
    return faust.SSLCredentials(context) if context else None


def _client(settings: Settings, tokens: Callable[[Callable[[], str]], object]) -> KafkaClient:
    client: dict[str, Any] = {
        "bootstrap_servers": [address.strip() for address in settings.brokers.split(",")],
        "security_protocol": settings.kafka_security,
    }
    if settings.kafka_security.endswith("SSL"):
        password = settings.kafka_key_password.get_secret_value()
        client["ssl_context"] = _tls(settings.kafka_ca, settings.kafka_certificate, settings.kafka_key, password)
    if settings.kafka_security.startswith("SASL"):
        client["sasl_mechanism"] = settings.kafka_mechanism
        if settings.kafka_mechanism == "OAUTHBEARER":
            client["sasl_oauth_token_provider"] = tokens(_token_function(settings.kafka_token_provider))
        else:
            client["sasl_plain_username"] = settings.kafka_user
            client["sasl_plain_password"] = settings.kafka_password.get_secret_value()
    return client


@lru_cache(maxsize=8)
def _tls(ca: Path | None, certificate: Path | None, key: Path | None, password: str) -> ssl.SSLContext:
    """Certificates and names are always checked: a broker that is not known is not the broker.

    Read once a process: a certificate that is renewed needs a restart.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise SecurityError(f"OIDOR_KAFKA_CA={ca}: {_reason(error)}") from error
    if certificate:
        try:
            # A function, for without a password OpenSSL would ask the terminal for one.
            context.load_cert_chain(certificate, key, lambda: password)
        except OSError as error:
            files = f"OIDOR_KAFKA_CERTIFICATE={certificate}" + (f", OIDOR_KAFKA_KEY={key}" if key else "")
            raise SecurityError(f"{files}: {_reason(error)}") from error
    return context


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return f"not PEM, or not one key and its certificate, or encrypted with another password ({error.reason})"
    return error.strerror or str(error)


def _token_function(name: str) -> Callable[[], str]:
    module, _, function = name.partition(":")
    try:
        return cast("Callable[[], str]", getattr(import_module(module), function))
    except (ImportError, AttributeError) as error:
        raise SecurityError(f"OIDOR_KAFKA_TOKEN_PROVIDER={name}: {error}") from error


class _AsyncTokens(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    async def token(self) -> str:
        return await asyncio.to_thread(self._token)


class _BlockingTokens(BlockingTokenProvider):  # type: ignore[misc]
    def __init__(self, token: Callable[[], str]) -> None:
        super().__init__()
        self._token = token

    def token(self) -> str:
        return self._token()

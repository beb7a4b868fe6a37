"""Apache Kafka as production has it: TLS, logins, and ACLs that deny whatever they do not allow."""

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from deploy.cli.acls import Grant
from deploy.local.kafka.server import READY_SECONDS, LocalKafka
from deploy.local.ports import free_ports
from tests.certificates import Authority

USERS: Final = ("admin", "worker", "warehouse", "publisher", "doctor", "replay", "erase", "board", "operator", "nobody")
_MODULES: Final = "org.apache.kafka.common.security"


class SecureKafka(LocalKafka):
    """One broker: `bootstrap` is plain and lets a super user in, `logins` speaks SASL_SSL, `mutual` mutual TLS."""

    def __init__(self, home: Path, authority: Authority) -> None:
        super().__init__(home)
        self._authority = authority
        login, mutual = free_ports(2)
        self.logins, self.mutual = f"localhost:{login}", f"localhost:{mutual}"
        self._server = authority.sign("broker", "localhost")

    def _properties(self, n: int) -> dict[str, object]:
        properties = super()._properties(n)
        for name, address in (("SASL_SSL", self.logins), ("SSL", self.mutual)):
            added = {
                "listeners": f"{name}://127.0.0.1:{address.rpartition(':')[2]}",
                "advertised.listeners": f"{name}://{address}",
                "listener.security.protocol.map": f"{name}:{name}",
            }
            properties |= {key: f"{properties[key]},{value}" for key, value in added.items()}
        plain = " ".join(f'user_{user}="{secret_of(user)}"' for user in USERS)
        login = "listener.name.sasl_ssl"
        return properties | {
            f"{login}.sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256,PLAIN,OAUTHBEARER",
            f"{login}.scram-sha-512.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            f"{login}.scram-sha-256.sasl.jaas.config": f"{_MODULES}.scram.ScramLoginModule required;",
            f"{login}.plain.sasl.jaas.config": f"{_MODULES}.plain.PlainLoginModule required {plain};",
            f"{login}.oauthbearer.sasl.jaas.config": f"{_MODULES}.oauthbearer.OAuthBearerLoginModule required;",
            "listener.name.ssl.ssl.client.auth": "required",
            "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._server.both,
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": self._authority.ca,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    def _format(self, command: list[str]) -> None:
        arguments = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", self._cluster_id()]
        for user in USERS:
            for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
                arguments += ["--add-scram", f"{mechanism}=[name={user},password={secret_of(user)}]"]
        (configuration,) = self._configurations()
        run = self._child("formatting", [*command, *arguments, "-c", str(configuration)], "format.log")
        run.start()
        if run.wait(READY_SECONDS):
            raise run.failure("format failed")

    def allow(self, user: str, grants: Sequence[Grant]) -> None:
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.create_acls([acl for grant in grants for acl in _acls(user, grant)])

    def deny(self, user: str, grant: Grant) -> None:
        """Take back what was allowed."""
        with KafkaAdminClient(bootstrap_servers=self.bootstrap) as admin:
            admin.delete_acls(_acls(user, grant))


def secret_of(user: str) -> str:
    return f"{user}-s3cret"


def login(kafka: SecureKafka, authority: Authority, user: str, secrets: Path) -> Mapping[str, Any]:
    """Settings that log a user in, with the password in a file."""
    file = secrets / f"{user}.password"
    file.write_text(f"{secret_of(user)}\n")
    return {
        "brokers": kafka.logins,
        "kafka_security": "SASL_SSL",
        "kafka_ca": authority.ca,
        "kafka_user": user,
        "kafka_password_file": file,
    }


def unsecured_token() -> str:
    """A token of the user that the environment names: Kafka's own development mode takes it without a signature."""
    now = int(time.time())
    claims = {"sub": os.environ["TOKEN_OF"], "iat": now, "exp": now + 300}
    return f"{_encoded({'alg': 'none'})}.{_encoded(claims)}."


def _encoded(part: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def _acls(user: str, grant: Grant) -> list[ACL]:
    kind = ResourceType[grant.resource.replace(" ", "_").upper()]
    pattern = ACLResourcePatternType.PREFIXED if grant.prefixed else ACLResourcePatternType.LITERAL
    resource = ResourcePattern(kind, grant.name, pattern)
    return [
        ACL(f"User:{user}", "*", ACLOperation[operation], ACLPermissionType.ALLOW, resource)
        for operation in grant.operations
    ]

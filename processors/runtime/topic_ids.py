"""Ids of topics (KIP-516): a topic that is deleted and made again keeps its name and gets another id.

aiokafka speaks versions of the metadata request up to 5, which tell no ids; version 10 is the first that does, and
Apache Kafka has understood it since 2.8. So it stands here as that client writes its own requests.
"""

from collections.abc import Collection
from io import BytesIO
from typing import Any, ClassVar, Final

from aiokafka.errors import IncompatibleBrokerVersion, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from schemas.topics import NO_ID, TopicIdentity

_METADATA: Final = 3
_VERSION: Final = 10
_UNKNOWN_TOPIC: Final = 3


class _Uuid(AbstractType[bytes]):  # type: ignore[misc]
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(16)


_STRING: Final = CompactString("utf-8")
_PARTITION: Final = (
    ("error_code", Int16),
    ("partition", Int32),
    ("leader", Int32),
    ("leader_epoch", Int32),
    ("replicas", CompactArray(Int32)),
    ("isr", CompactArray(Int32)),
    ("offline", CompactArray(Int32)),
    ("tags", TaggedFields),
)
_TOPIC: Final = (
    ("error_code", Int16),
    ("name", _STRING),
    ("id", _Uuid),
    ("is_internal", Boolean),
    ("partitions", CompactArray(*_PARTITION)),
    ("authorized_operations", Int32),
    ("tags", TaggedFields),
)
_BROKER: Final = (
    ("node_id", Int32),
    ("host", _STRING),
    ("port", Int32),
    ("rack", _STRING),
    ("tags", TaggedFields),
)


class _MetadataResponse(Response):  # type: ignore[misc]
    API_KEY = _METADATA
    API_VERSION = _VERSION
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("brokers", CompactArray(*_BROKER)),
        ("cluster_id", _STRING),
        ("controller_id", Int32),
        ("topics", CompactArray(*_TOPIC)),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _MetadataStruct(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION: ClassVar[bool] = True
    API_KEY = _METADATA
    API_VERSION = _VERSION
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", CompactArray(("id", _Uuid), ("name", _STRING), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _MetadataRequest(Request[_MetadataStruct]):  # type: ignore[misc]
    API_KEY = _METADATA

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = topics

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        return request_struct_class([(NO_ID, name, {}) for name in self._topics], False, False, False, {})


async def identities_of(client: Any, topics: Collection[str]) -> dict[str, TopicIdentity]:
    """Ask for topics by name; those that do not exist are left out. The id of an old broker is all zeros.

    `client` is an `AIOKafkaAdminClient` that was started. Raises KafkaError.
    """
    try:
        response = await client._send_request(_MetadataRequest(topics))
    except (IncompatibleBrokerVersion, NotImplementedError):
        described = await client.describe_topics(list(topics))
        found = [(one["error_code"], one["topic"], NO_ID, len(one["partitions"])) for one in described]
    else:
        found = [(code, name, id_, len(parts)) for code, name, id_, _, parts, *_ in response.topics]
    for code, name, *_ in found:
        if code not in (0, _UNKNOWN_TOPIC):
            raise for_code(code)(name)
    return {name: TopicIdentity(id_, partitions) for code, name, id_, partitions in found if not code}

"""What may stay of a customer who was erased, and what becomes of a text that names them."""

from hashlib import blake2b


def customer_hash(customer_id: str) -> int:
    """64 bits of a customer id, never 0: all that is remembered of somebody who is to be forgotten."""
    return int.from_bytes(blake2b(f"customer\0{customer_id}".encode(), digest_size=8).digest(), "little") or 1


def masked_subject(subject: str, customer_id: str) -> str:
    """The subject of an incident of a customer, who is all of it or its first part, without them."""
    if subject == customer_id:
        return ""
    return subject[len(customer_id) :] if subject.startswith(f"{customer_id}|") else subject

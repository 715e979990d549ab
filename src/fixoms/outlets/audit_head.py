"""The head of the audit for MQTT: whoever keeps the retained message can tell a cut tail.

Owns: when the head is read, and the message it becomes.
Must not know: connections, the chain itself.
"""

from pathlib import Path

from fixoms.audit.chain import newest_head
from fixoms.outlets.messages import audit_head_payload
from fixoms.outlets.publications import Publication
from fixoms.outlets.topics import Topics


class AuditHead:
    """Looks at the head beside the chain in `directory`."""

    def __init__(self, directory: Path, topics: Topics) -> None:
        self._directory = directory
        self._topic = topics.audit_head
        self._told = b""

    def forget(self) -> None:
        """A new connection: the broker may never have heard of the head."""
        self._told = b""

    def changed(self) -> list[Publication]:
        """The head as a retained message, when it is another than was told last."""
        head = newest_head(self._directory)
        payload = b"" if head is None else audit_head_payload(head.seq, head.time, head.hash)
        if payload == self._told:
            return []
        self._told = payload
        return [Publication(self._topic, payload, retain=True)]

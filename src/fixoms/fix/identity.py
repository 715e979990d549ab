"""Who the two ends of a session are, and which header fields carry it.

Owns: `SessionId`, the fields of the standard header and trailer, and reverse routing.
Must not know: states, numbers, sockets.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fixoms.fix import tags
from fixoms.fix.message import Message

Fields = list[tuple[int, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionId:
    """The identity of a session, from our side: `sender_comp_id` is us.

    SubIDs and LocationIDs are empty unless the two firms agreed to tell sessions apart by them.
    """

    sender_comp_id: str
    target_comp_id: str
    sender_sub_id: str = ""
    sender_location_id: str = ""
    target_sub_id: str = ""
    target_location_id: str = ""
    begin_string: str = "FIX.4.4"

    def __str__(self) -> str:
        """`FIX.4.4:VENUE->ALICE`, with `/SubID/LocationID` where they are agreed."""
        sender = _joined(self.sender_comp_id, self.sender_sub_id, self.sender_location_id)
        target = _joined(self.target_comp_id, self.target_sub_id, self.target_location_id)
        return f"{self.begin_string}:{sender}->{target}"


def _joined(comp_id: str, sub_id: str, location_id: str) -> str:
    if location_id:
        return f"{comp_id}/{sub_id}/{location_id}"
    return f"{comp_id}/{sub_id}" if sub_id else comp_id


def sender_of(message: Message, begin_string: str) -> SessionId:
    """The session a received message claims to belong to, from our side: its target is us."""

    def text(tag: int) -> str:
        return message.text(tag) or ""

    return SessionId(
        sender_comp_id=text(tags.TARGET_COMP_ID),
        target_comp_id=text(tags.SENDER_COMP_ID),
        sender_sub_id=text(tags.TARGET_SUB_ID),
        sender_location_id=text(tags.TARGET_LOCATION_ID),
        target_sub_id=text(tags.SENDER_SUB_ID),
        target_location_id=text(tags.SENDER_LOCATION_ID),
        begin_string=begin_string,
    )


SET_BY_SESSION = frozenset(
    {
        tags.BEGIN_STRING,
        tags.BODY_LENGTH,
        tags.MSG_TYPE,
        tags.MSG_SEQ_NUM,
        tags.SENDER_COMP_ID,
        tags.SENDING_TIME,
        tags.TARGET_COMP_ID,
        tags.POSS_DUP_FLAG,
        tags.ORIG_SENDING_TIME,
        tags.LAST_MSG_SEQ_NUM_PROCESSED,
        tags.CHECK_SUM,
    }
)
"""Fields only the session gives a value; an application's own are dropped."""

HOPS = frozenset({tags.NO_HOPS, tags.HOP_COMP_ID, tags.HOP_SENDING_TIME, tags.HOP_REF_ID})

ROUTED = (
    frozenset(
        {
            tags.SENDER_SUB_ID,
            tags.TARGET_SUB_ID,
            tags.SECURE_DATA_LEN,
            tags.SECURE_DATA,
            tags.POSS_RESEND,
            tags.ON_BEHALF_OF_COMP_ID,
            tags.ON_BEHALF_OF_SUB_ID,
            tags.DELIVER_TO_COMP_ID,
            tags.DELIVER_TO_SUB_ID,
            tags.SENDER_LOCATION_ID,
            tags.TARGET_LOCATION_ID,
            tags.ON_BEHALF_OF_LOCATION_ID,
            tags.DELIVER_TO_LOCATION_ID,
            tags.XML_DATA_LEN,
            tags.XML_DATA,
            tags.MESSAGE_ENCODING,
        }
    )
    | HOPS
)
"""Header fields an application may set on a message it sends."""

NOT_BODY = SET_BY_SESSION | ROUTED
_TRAILER = frozenset({tags.SIGNATURE, tags.SIGNATURE_LENGTH, tags.CHECK_SUM})

_REVERSED = (
    (tags.SENDER_SUB_ID, tags.TARGET_SUB_ID),
    (tags.TARGET_SUB_ID, tags.SENDER_SUB_ID),
    (tags.SENDER_LOCATION_ID, tags.TARGET_LOCATION_ID),
    (tags.TARGET_LOCATION_ID, tags.SENDER_LOCATION_ID),
    (tags.ON_BEHALF_OF_COMP_ID, tags.DELIVER_TO_COMP_ID),
    (tags.ON_BEHALF_OF_SUB_ID, tags.DELIVER_TO_SUB_ID),
    (tags.ON_BEHALF_OF_LOCATION_ID, tags.DELIVER_TO_LOCATION_ID),
    (tags.DELIVER_TO_COMP_ID, tags.ON_BEHALF_OF_COMP_ID),
    (tags.DELIVER_TO_SUB_ID, tags.ON_BEHALF_OF_SUB_ID),
    (tags.DELIVER_TO_LOCATION_ID, tags.ON_BEHALF_OF_LOCATION_ID),
)


def body_fields(message: Message) -> Fields:
    """The fields of a received message without header and trailer, as they came."""
    return [f for f in message.fields if f[0] not in NOT_BODY and f[0] not in _TRAILER]


def reverse_route(message: Message) -> Fields:
    """Routing fields for an answer: who it was on behalf of is who it is delivered to.

    Fields without a value are not turned round. FIX: Vol. 1, "Message Routing Details".
    """
    answer: Fields = []
    for asked, answered in _REVERSED:
        value = message.get(asked)
        if value:
            answer.append((answered, value))
    return answer


def split_header(fields: Sequence[tuple[int, bytes]]) -> tuple[Fields, Fields]:
    """Separate an application's fields into routing header fields and body fields.

    Hops keep the order they came in: they are a repeating group.
    """
    header = sorted(f for f in fields if f[0] in ROUTED and f[0] not in HOPS)
    header += [f for f in fields if f[0] in HOPS]
    return header, [f for f in fields if f[0] not in NOT_BODY]

"""Why a message is refused: the reasons of FIX 4.4 as values.

Owns: SessionRejectReason(373), BusinessRejectReason(380) and the value that carries one of them to
the session. Must not know: who decides, and how a Reject(3) or BusinessMessageReject(j) is built.
"""

from dataclasses import dataclass
from enum import IntEnum


class SessionRejectReason(IntEnum):
    """SessionRejectReason(373) of a Reject(3)."""

    INVALID_TAG_NUMBER = 0
    REQUIRED_TAG_MISSING = 1
    TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE = 2
    UNDEFINED_TAG = 3
    TAG_SPECIFIED_WITHOUT_A_VALUE = 4
    VALUE_IS_INCORRECT = 5
    INCORRECT_DATA_FORMAT_FOR_VALUE = 6
    DECRYPTION_PROBLEM = 7
    SIGNATURE_PROBLEM = 8
    COMP_ID_PROBLEM = 9
    SENDING_TIME_ACCURACY_PROBLEM = 10
    INVALID_MSG_TYPE = 11
    XML_VALIDATION_ERROR = 12
    TAG_APPEARS_MORE_THAN_ONCE = 13
    TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER = 14
    REPEATING_GROUP_FIELDS_OUT_OF_ORDER = 15
    INCORRECT_NUM_IN_GROUP_COUNT = 16
    NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER = 17
    OTHER = 99

    @property
    def phrase(self) -> str:
        """The words FIX 4.4 has for the reason; Text(58) starts with them."""
        return _PHRASES[self]


_PHRASES = {
    SessionRejectReason.INVALID_TAG_NUMBER: "Invalid tag number",
    SessionRejectReason.REQUIRED_TAG_MISSING: "Required tag missing",
    SessionRejectReason.TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE: (
        "Tag not defined for this message type"
    ),
    SessionRejectReason.UNDEFINED_TAG: "Undefined tag",
    SessionRejectReason.TAG_SPECIFIED_WITHOUT_A_VALUE: "Tag specified without a value",
    SessionRejectReason.VALUE_IS_INCORRECT: "Value is incorrect (out of range) for this tag",
    SessionRejectReason.INCORRECT_DATA_FORMAT_FOR_VALUE: "Incorrect data format for value",
    SessionRejectReason.DECRYPTION_PROBLEM: "Decryption problem",
    SessionRejectReason.SIGNATURE_PROBLEM: "Signature problem",
    SessionRejectReason.COMP_ID_PROBLEM: "CompID problem",
    SessionRejectReason.SENDING_TIME_ACCURACY_PROBLEM: "SendingTime accuracy problem",
    SessionRejectReason.INVALID_MSG_TYPE: "Invalid MsgType",
    SessionRejectReason.XML_VALIDATION_ERROR: "XML validation error",
    SessionRejectReason.TAG_APPEARS_MORE_THAN_ONCE: "Tag appears more than once",
    SessionRejectReason.TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER: (
        "Tag specified out of required order"
    ),
    SessionRejectReason.REPEATING_GROUP_FIELDS_OUT_OF_ORDER: "Repeating group fields out of order",
    SessionRejectReason.INCORRECT_NUM_IN_GROUP_COUNT: (
        "Incorrect NumInGroup count for repeating group"
    ),
    SessionRejectReason.NON_DATA_VALUE_INCLUDES_FIELD_DELIMITER: (
        "Non-data value includes field delimiter (SOH character)"
    ),
    SessionRejectReason.OTHER: "Other",
}


class BusinessRejectReason(IntEnum):
    """BusinessRejectReason(380) of a BusinessMessageReject(j)."""

    OTHER = 0
    UNKNOWN_ID = 1
    UNKNOWN_SECURITY = 2
    UNSUPPORTED_MESSAGE_TYPE = 3
    APPLICATION_NOT_AVAILABLE = 4
    CONDITIONALLY_REQUIRED_FIELD_MISSING = 5
    NOT_AUTHORIZED = 6
    DELIVER_TO_FIRM_NOT_AVAILABLE_AT_THIS_TIME = 7


@dataclass(frozen=True, slots=True)
class Reject:
    """One reason to refuse a message.

    A SessionRejectReason is answered with Reject(3), a BusinessRejectReason with
    BusinessMessageReject(j). `text` is for Text(58), names its field as `ClOrdID(11)` and never
    holds SOH. `ref_tag_id` is for RefTagID(371) and may be negative when the peer sent it so.
    """

    reason: SessionRejectReason | BusinessRejectReason
    text: str
    ref_tag_id: int | None = None

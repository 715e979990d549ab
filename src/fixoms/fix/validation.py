"""Is a received message what the dictionary allows, and if not, which reason of FIX names it.

Owns: the checks behind SessionRejectReason(373) 0 to 17 that need no session state, and which of
them apply. Must not know: sessions, sequence numbers, CompIDs, applications.

A correct message without repeating groups is recognized by table look-ups alone. Whatever those do
not recognize is walked field by field, and only the walk says what is wrong and where. The first
fault in wire order decides; a missing field is named when everything present is right.
"""

from collections.abc import Callable, Iterable

from fixoms.fix import tags
from fixoms.fix.dictionary import Dictionary, FieldDef, GroupDef, MessageDef
from fixoms.fix.message import Message
from fixoms.fix.rejects import BusinessRejectReason, Reject, SessionRejectReason
from fixoms.fix.validation_policy import (
    STRICT,
    STRICT_WITH_DECLARED,
    UserDefined,
    ValidationPolicy,
)
from fixoms.fix.values import VALIDITY
from fixoms.fix.xml_data import is_well_formed_xml

__all__ = [
    "STRICT",
    "STRICT_WITH_DECLARED",
    "UserDefined",
    "ValidationPolicy",
    "Validator",
    "validate",
]

_VALIDATORS_REMEMBERED = 64
_MSG_TYPE_BYTES_MAX = 8
_FRAMING_TAGS = frozenset({tags.BEGIN_STRING, tags.BODY_LENGTH, tags.MSG_TYPE, tags.CHECK_SUM})

Check = Callable[[bytes], object]
"""True-like when a value is right."""


def validate(message: Message, dictionary: Dictionary, policy: ValidationPolicy) -> Reject | None:
    """Why a received message is refused, or None.

    A message type the dictionary does not know gives a BusinessRejectReason, every other fault a
    SessionRejectReason. FIX: Vol. 2 tests 2q, 2r, 14a to 14p, 15, 21.
    """
    key = (id(dictionary), id(policy))
    validator = _validators.get(key)
    if validator is None:
        if len(_validators) >= _VALIDATORS_REMEMBERED:
            _validators.clear()
        validator = _validators[key] = Validator(dictionary, policy)
    return validator.validate(message)


class _Rules:
    """Look-up tables of one message type under one policy."""

    __slots__ = ("body", "definition", "head", "required", "required_order")

    def __init__(
        self,
        definition: MessageDef,
        head: dict[int, Check],
        body: dict[int, Check],
        required_order: tuple[int, ...],
    ) -> None:
        self.definition = definition
        self.head = head
        self.body = body
        self.required_order = required_order
        self.required = frozenset(required_order)


class Validator:
    """The checks of one dictionary under one policy."""

    def __init__(self, dictionary: Dictionary, policy: ValidationPolicy) -> None:
        self.dictionary = dictionary
        self.policy = policy
        self._header = frozenset(dictionary.header.order)
        self._trailer = frozenset(dictionary.trailer.order)
        self._has_user_fields = any(tag >= tags.FIRST_USER_DEFINED for tag in dictionary.fields)
        self._length_by_data = {data: length for length, data in dictionary.data_fields.items()}
        self._checks_by_tag = self._checks(dictionary.fields)
        self._head_checks = self._only(dictionary.header.order)
        self._rules: dict[str, _Rules] = {}

    def validate(self, message: Message) -> Reject | None:
        """Why a message is refused, or None."""
        rules = self._rules.get(message.msg_type)
        if rules is None:
            definition = self.dictionary.messages.get(message.msg_type)
            if definition is None:
                return _unknown_type(message.msg_type)
            rules = self._rules[message.msg_type] = self._rules_of(definition)
        fields = message.fields
        head = rules.head
        try:
            remaining = iter(fields)
            for tag, value in remaining:
                check = head.get(tag)
                if check is None:
                    body = rules.body
                    if not body[tag](value):
                        return self._walk(message, rules)
                    for body_tag, body_value in remaining:
                        if not body[body_tag](body_value):
                            return self._walk(message, rules)
                    break
                if not check(value):
                    return self._walk(message, rules)
        except KeyError:
            return self._walk(message, rules)
        present = message.index()
        if len(present) != len(fields) or not rules.required <= present.keys():
            return self._walk(message, rules)
        return None

    def _rules_of(self, definition: MessageDef) -> _Rules:
        required: tuple[int, ...] = ()
        if self.policy.check_required:
            header = self.dictionary.header
            required = tuple(
                tag
                for block in (header, definition.block)
                for tag in block.order
                if tag in block.required and tag not in _FRAMING_TAGS
            )
        body_order = [tag for tag in definition.block.order if tag not in self._header]
        return _Rules(definition, self._head_checks, self._only(body_order), required)

    def _only(self, order: Iterable[int]) -> dict[int, Check]:
        checks = self._checks_by_tag
        return {tag: checks[tag] for tag in order if tag in checks}

    def _checks(self, known: Iterable[int]) -> dict[int, Check]:
        """Checks of the fields that a table may decide: no groups, no data fields, no framing."""
        data_fields = self.dictionary.data_fields
        checks: dict[int, Check] = {}
        for tag in known:
            definition = self.dictionary.fields[tag]
            if (
                definition.type in {"NumInGroup", "data", "XMLData"}
                or tag in data_fields
                or tag in _FRAMING_TAGS
                or not self._is_known(tag)
            ):
                continue
            checks[tag] = self._check(definition)
        return checks

    def _check(self, definition: FieldDef) -> Check:
        policy = self.policy
        if policy.accept_empty:
            inner = self._check_of_value(definition)
            return lambda value: not value or inner(value)
        return self._check_of_value(definition)

    def _check_of_value(self, definition: FieldDef) -> Check:
        policy = self.policy
        if definition.is_closed and policy.check_values:
            allowed = frozenset(definition.values)
            if definition.type.startswith("Multiple"):
                return lambda value: value in allowed or allowed.issuperset(value.split(b" "))
            return allowed.__contains__
        if policy.check_formats and definition.type != "String":
            return VALIDITY[definition.type]
        return len

    def _is_known(self, tag: int) -> bool:
        """Whether the policy lets a defined tag count as defined."""
        return tag < tags.FIRST_USER_DEFINED or self.policy.user_defined is not UserDefined.REFUSE

    # The walk: what is wrong, and where.

    def _walk(self, message: Message, rules: _Rules) -> Reject | None:
        policy = self.policy
        fields = message.fields
        groups = rules.definition.block.groups
        header_groups = self.dictionary.header.groups
        body = rules.definition.block.place
        seen: set[int] = set()
        section = 0
        at = 0
        while at < len(fields):
            tag, value = fields[at]
            if tag in self._header:
                place = 0
            elif tag in self._trailer:
                place = 2
            else:
                place = 1
            stranger = place == 1 and (tag not in body or not self._is_known(tag))
            if stranger:
                reject = self._stranger(tag, value, rules.definition)
                if reject is not None:
                    return reject
            if place < section and policy.check_section_order:
                return self._out_of_section(tag, place)
            section = max(section, place)
            if tag in seen and policy.check_repeated:
                return self._reject(
                    SessionRejectReason.TAG_APPEARS_MORE_THAN_ONCE, tag, "appears more than once"
                )
            seen.add(tag)
            if stranger:
                at += 1
                continue
            reject = self._value(fields, at)
            if reject is not None:
                return reject
            at += 1
            group = groups.get(tag) if place == 1 else header_groups.get(tag)
            if group is not None:
                reject, at = self._group(fields, at, group, int(value or b"0"))
                if reject is not None:
                    return reject
        if rules.required <= seen:
            return None
        missing = next(tag for tag in rules.required_order if tag not in seen)
        return self._reject(
            SessionRejectReason.REQUIRED_TAG_MISSING,
            missing,
            f"is missing from {rules.definition.name}({rules.definition.msg_type})",
        )

    def _group(
        self, fields: list[tuple[int, bytes]], at: int, group: GroupDef, count: int
    ) -> tuple[Reject | None, int]:
        """Walk `count` instances from `at`; gives the offset behind them."""
        block = group.block
        position = block.place
        delimiter = group.delimiter
        end = len(fields)
        for instance in range(count):
            tag = fields[at][0] if at < end else 0
            if tag != delimiter:
                if instance == 0 and tag in position:
                    return self._reject(
                        SessionRejectReason.REPEATING_GROUP_FIELDS_OUT_OF_ORDER,
                        tag,
                        f"stands where an instance of {self.dictionary.label(group.count_tag)} "
                        f"starts; it starts with {self.dictionary.label(delimiter)}",
                    ), at
                return self._wrong_count(group, count, instance), at
            seen: set[int] = set()
            last = -1
            while at < end:
                tag, value = fields[at]
                place = position.get(tag)
                if place is None:
                    if not self._is_accepted_user_field(tag):
                        break
                    reject = self._stranger(tag, value, None)
                    if reject is not None:
                        return reject, at
                    at += 1
                    continue
                if tag == delimiter and seen:
                    break
                if tag in seen:
                    return self._reject(
                        SessionRejectReason.TAG_APPEARS_MORE_THAN_ONCE,
                        tag,
                        "appears more than once in one instance of "
                        f"{self.dictionary.label(group.count_tag)}",
                    ), at
                if place < last and self.policy.check_group_order:
                    return self._reject(
                        SessionRejectReason.REPEATING_GROUP_FIELDS_OUT_OF_ORDER,
                        tag,
                        f"is out of order in {self.dictionary.label(group.count_tag)}",
                    ), at
                seen.add(tag)
                last = max(last, place)
                reject = self._value(fields, at)
                if reject is not None:
                    return reject, at
                at += 1
                nested = block.groups.get(tag)
                if nested is not None:
                    reject, at = self._group(fields, at, nested, int(value or b"0"))
                    if reject is not None:
                        return reject, at
            if self.policy.check_required and not block.required <= seen:
                missing = next(t for t in block.order if t in block.required and t not in seen)
                return self._reject(
                    SessionRejectReason.REQUIRED_TAG_MISSING,
                    missing,
                    f"is missing from instance {instance + 1} of "
                    f"{self.dictionary.label(group.count_tag)}",
                ), at
        if at < end and fields[at][0] == delimiter:
            return self._wrong_count(group, count, None), at
        return None, at

    def _wrong_count(self, group: GroupDef, count: int, found: int | None) -> Reject:
        follow = "more" if found is None else str(found)
        return self._reject(
            SessionRejectReason.INCORRECT_NUM_IN_GROUP_COUNT,
            group.count_tag,
            f"is {count} and {follow} instances follow",
        )

    def _is_accepted_user_field(self, tag: int) -> bool:
        if tag < tags.FIRST_USER_DEFINED:
            return False
        if self.policy.user_defined is UserDefined.ACCEPT_ALL:
            return True
        return (
            self.policy.user_defined is UserDefined.ACCEPT_DECLARED
            and tag in self.dictionary.fields
        )

    def _stranger(self, tag: int, value: bytes, message: MessageDef | None) -> Reject | None:
        """A tag that the message has no place for; `message` is None inside of a group."""
        policy = self.policy
        definition = self.dictionary.fields.get(tag)
        if tag >= tags.FIRST_USER_DEFINED:
            if policy.user_defined is UserDefined.ACCEPT_ALL or (message is None and definition):
                if not value and not policy.accept_empty:
                    return self._empty(tag)
                if definition is not None:
                    return self._syntax(definition, value)
                return None
            if (
                definition is None
                and policy.user_defined is UserDefined.ACCEPT_DECLARED
                and self._has_user_fields
            ):
                return Reject(
                    SessionRejectReason.UNDEFINED_TAG, f"Undefined tag: {tag} is not declared", tag
                )
        if policy.accept_undefined and tag < tags.FIRST_USER_DEFINED:
            return None
        if definition is None or not self._is_known(tag):
            return Reject(
                SessionRejectReason.INVALID_TAG_NUMBER,
                f"Invalid tag number: {tag} is not defined in {self.dictionary.begin_string}",
                tag,
            )
        where = "this message" if message is None else f"{message.name}({message.msg_type})"
        return self._reject(
            SessionRejectReason.TAG_NOT_DEFINED_FOR_THIS_MESSAGE_TYPE,
            tag,
            f"has no place in {where}",
        )

    def _value(self, fields: list[tuple[int, bytes]], at: int) -> Reject | None:
        """What is wrong with the value at `at`, by itself and against its length field."""
        tag, value = fields[at]
        check = self._checks_by_tag.get(tag)
        if check is not None and check(value):
            return None
        policy = self.policy
        if not value:
            return None if policy.accept_empty else self._empty(tag)
        definition = self.dictionary.fields[tag]
        if tag == tags.SECURE_DATA and not policy.accept_secure_data:
            return self._reject(
                SessionRejectReason.DECRYPTION_PROBLEM, tag, "is encrypted; none is agreed"
            )
        if tag == tags.SIGNATURE and not policy.accept_signature:
            return self._reject(
                SessionRejectReason.SIGNATURE_PROBLEM, tag, "is a signature; none is agreed"
            )
        length_tag = self._length_by_data.get(tag)
        if length_tag is not None:
            return self._data(fields, at, length_tag)
        return self._syntax(definition, value)

    def _syntax(self, definition: FieldDef, value: bytes) -> Reject | None:
        policy = self.policy
        # The count of a group and the length of a data field are always needed as numbers.
        needed = definition.type == "NumInGroup" or definition.tag in self.dictionary.data_fields
        if (policy.check_formats or needed) and not VALIDITY[definition.type](value):
            return self._reject(
                SessionRejectReason.INCORRECT_DATA_FORMAT_FOR_VALUE,
                definition.tag,
                f"is {_shown(value)}, which is not a {definition.type}",
            )
        if policy.check_values and definition.is_closed:
            words = value.split(b" ") if definition.type.startswith("Multiple") else [value]
            for word in words:
                if word not in definition.values and not definition.is_agreed(word):
                    return self._reject(
                        SessionRejectReason.VALUE_IS_INCORRECT,
                        definition.tag,
                        f"is {_shown(word)}, which is not one of its values",
                    )
        return None

    def _data(self, fields: list[tuple[int, bytes]], at: int, length_tag: int) -> Reject | None:
        tag, value = fields[at]
        before_tag, length = fields[at - 1] if at > 0 else (0, b"")
        if before_tag != length_tag:
            return self._reject(
                SessionRejectReason.REQUIRED_TAG_MISSING,
                length_tag,
                f"is missing in front of {self.dictionary.label(tag)}",
            )
        if length != b"%d" % len(value) and int(length or b"0") != len(value):
            return self._reject(
                SessionRejectReason.VALUE_IS_INCORRECT,
                length_tag,
                f"is {_shown(length)} and {self.dictionary.label(tag)} has {len(value)} bytes",
            )
        if tag == tags.XML_DATA and self.policy.check_xml and not is_well_formed_xml(value):
            return self._reject(
                SessionRejectReason.XML_VALIDATION_ERROR, tag, "is not well-formed XML"
            )
        return None

    def _out_of_section(self, tag: int, place: int) -> Reject:
        section = "header" if place == 0 else "body"
        return self._reject(
            SessionRejectReason.TAG_SPECIFIED_OUT_OF_REQUIRED_ORDER,
            tag,
            f"belongs to the {section} and stands behind it",
        )

    def _empty(self, tag: int) -> Reject:
        return self._reject(SessionRejectReason.TAG_SPECIFIED_WITHOUT_A_VALUE, tag, "has no value")

    def _reject(self, reason: SessionRejectReason, tag: int, what: str) -> Reject:
        return Reject(reason, f"{reason.phrase}: {self.dictionary.label(tag)} {what}", tag)


_validators: dict[tuple[int, int], Validator] = {}


def _unknown_type(msg_type: str) -> Reject:
    if not msg_type:
        return Reject(
            SessionRejectReason.TAG_SPECIFIED_WITHOUT_A_VALUE,
            "Tag specified without a value: MsgType(35) has no value",
            tags.MSG_TYPE,
        )
    shown = _shown(msg_type.encode("latin-1"))
    # Letters and digits may name a message of another version or of two firms' own; anything else
    # cannot be a message type at all (FIX: Vol. 2 tests 2q and 2r).
    if msg_type.isascii() and msg_type.isalnum() and len(msg_type) <= _MSG_TYPE_BYTES_MAX:
        return Reject(
            BusinessRejectReason.UNSUPPORTED_MESSAGE_TYPE,
            f"Unsupported message type: MsgType(35) is {shown}",
            tags.MSG_TYPE,
        )
    return Reject(
        SessionRejectReason.INVALID_MSG_TYPE,
        f"Invalid MsgType: MsgType(35) is {shown}",
        tags.MSG_TYPE,
    )


def _shown(value: bytes) -> str:
    """A value for Text(58): printable ASCII, at most 40 characters of it."""
    return "".join(chr(byte) if 32 <= byte < 127 else "?" for byte in value[:40])

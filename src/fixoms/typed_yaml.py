"""YAML files read into msgspec types, with every mistake named by file, line, key and value.

Owns: YAML syntax (this is the only file that imports yaml), the walk from YAML nodes to a typed
value, and `ConfigError`.
Must not know: which keys exist; the types say that.

Scalars are taken as the characters in the file, never through YAML's own guesses: `price: 10.10` is
the decimal 10.10 and not a float, `currency: NO` is a text and not a boolean, a CompID `007` keeps
its zeros. All mistakes of a file are reported together.
"""

import difflib
import enum
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Generic, TypeVar, cast

import msgspec.inspect as types
import yaml

T = TypeVar("T")

FILE_BYTES_MAX: Final = 4 * 1024 * 1024
"""A larger file is refused before it is parsed."""

_PLAIN_TAGS: Final = frozenset(
    f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "timestamp")
)
"""What YAML itself takes plain characters for; any other tag was asked for, and is refused."""

_SECRET_WORDS: Final = ("password", "passwd", "secret", "token", "passphrase", "private_key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake in a file. `line` 0 stands for the file as a whole."""

    key: str
    text: str
    line: int = 0


class ConfigError(ValueError):
    """A file that cannot be used; the text has one line per mistake, each with its place."""

    def __init__(self, path: Path, problems: Sequence[Problem]) -> None:
        self.path = path
        self.problems = tuple(problems)
        super().__init__("\n".join(self._line(problem) for problem in self.problems))

    def _line(self, problem: Problem) -> str:
        place = f"{self.path}:{problem.line}" if problem.line else str(self.path)
        return (
            f"{place}: {problem.key}: {problem.text}" if problem.key else f"{place}: {problem.text}"
        )


@dataclass(frozen=True, slots=True)
class Document(Generic[T]):
    """A typed value and where each of its keys stands, for checks that come after the types."""

    path: Path
    value: T
    lines: Mapping[str, int]

    def problem(self, key: str, text: str) -> Problem:
        """Make a problem at `key`, or at the nearest key above it that the file has."""
        near = key
        while near and near not in self.lines:
            near = near[: max(near.rfind("."), near.rfind("["), 0)]
        return Problem(key=key, text=text, line=self.lines.get(near, 0))


class _Absent(enum.Enum):
    ABSENT = 0


_ABSENT: Final = _Absent.ABSENT
"""What the walk gives for a node it has already complained about."""


def read_document(path: Path, wanted: type[T]) -> Document[T]:
    """Read `path` as a `wanted` (a msgspec Struct); raises ConfigError with every mistake found."""
    try:
        size = path.stat().st_size
        if size > FILE_BYTES_MAX:
            text = f"{size} bytes; at most {FILE_BYTES_MAX} are read"
            raise ConfigError(path, [Problem(key="", text=text)])
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(path, [Problem(key="", text=f"is not UTF-8 text: {error}")]) from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(path, [Problem(key="", text=f"cannot be read: {reason}")]) from None
    return parse_document(text, path, wanted)


def parse_document(text: str, path: Path, wanted: type[T]) -> Document[T]:
    """Read YAML `text` that came from `path` as a `wanted`; raises ConfigError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        said = " ".join(part for part in (error.context, error.problem) if part)
        line = mark.line + 1 if mark else 0
        raise ConfigError(path, [Problem(key="", text=f"not YAML: {said}", line=line)]) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(path, [Problem(key="", text=f"not YAML: {error}")]) from None
    walk = _Walk()
    value = walk.read(root, types.type_info(wanted), "")
    if walk.problems:
        raise ConfigError(path, walk.problems)
    return Document(path, cast("T", value), walk.lines)


def render_document(tree: Mapping[str, object]) -> str:
    """Render plain mappings, lists and texts as YAML, in the order given."""
    return yaml.safe_dump(dict(tree), sort_keys=False, allow_unicode=True)


class _Walk:
    """One pass over the nodes of a file, gathering problems instead of stopping at the first."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}

    def read(self, node: yaml.Node | None, wanted: types.Type, key: str) -> object:
        """Value of `node` as `wanted`, or `_ABSENT` after a complaint."""
        if node is not None:
            self.lines[key] = node.start_mark.line + 1
        match wanted:
            case types.Metadata():
                return self._described(node, wanted, key)
            case types.UnionType():
                return self._union(node, wanted, key)
            case types.StructType():
                return self._struct(node, wanted, key)
            case types.DictType():
                return self._mapping(node, wanted, key)
            case types.ListType() | types.VarTupleType():
                return self._list(node, wanted, key)
            case _:
                return self._scalar(node, wanted, key, allowed(wanted))

    def _described(self, node: yaml.Node | None, wanted: types.Metadata, key: str) -> object:
        schema = wanted.extra_json_schema or {}
        text = str(schema.get("description") or allowed(wanted.type))
        if isinstance(wanted.type, types.StrType | types.IntType | types.DecimalType):
            return self._scalar(node, wanted.type, key, text)
        return self.read(node, wanted.type, key)

    def _union(self, node: yaml.Node | None, wanted: types.UnionType, key: str) -> object:
        members = [member for member in wanted.types if not isinstance(member, types.NoneType)]
        if len(members) < len(wanted.types) and _is_null(node):
            return None
        fitting = [member for member in members if _shape(member) is type(node)]
        if not fitting:
            return self._refuse(node, key, " or ".join(allowed(member) for member in members))
        return self.read(node, fitting[0], key)

    def _struct(self, node: yaml.Node | None, wanted: types.StructType, key: str) -> object:
        pairs = self._pairs(node, key)
        if pairs is None:
            return _ABSENT
        known = {field.encode_name: field for field in wanted.fields}
        values: dict[str, object] = {}
        for name, (key_node, value_node) in pairs.items():
            place = f"{key}.{name}" if key else name
            field = known.get(name)
            if field is None:
                self.lines[place] = key_node.start_mark.line + 1
                self._complain(place, _unknown_key(name, list(known)), key_node)
                continue
            values[field.name] = self.read(value_node, field.type, place)
        for name, field in known.items():
            if field.required and name not in pairs:
                self._complain(f"{key}.{name}" if key else name, "is missing", node)
                values[field.name] = _ABSENT
        if any(value is _ABSENT for value in values.values()):
            return _ABSENT
        return wanted.cls(**values)

    def _mapping(self, node: yaml.Node | None, wanted: types.DictType, key: str) -> object:
        pairs = self._pairs(node, key)
        if pairs is None:
            return _ABSENT
        result: dict[object, object] = {}
        for name, (key_node, value_node) in pairs.items():
            place = f"{key}.{name}" if key else name
            entry = self.read(key_node, wanted.key_type, place)
            result[entry] = self.read(value_node, wanted.value_type, place)
        broken = _ABSENT in result or any(value is _ABSENT for value in result.values())
        return _ABSENT if broken else result

    def _pairs(
        self, node: yaml.Node | None, key: str
    ) -> dict[str, tuple[yaml.Node, yaml.Node]] | None:
        if node is None or _is_null(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            self._refuse(node, key, "keys with values (`key: value` lines)")
            return None
        pairs: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._complain(key, "a key must be one word", key_node)
                continue
            name = str(key_node.value)
            if name in pairs:
                self._complain(f"{key}.{name}" if key else name, "stands twice", key_node)
            pairs[name] = (key_node, value_node)
        return pairs

    def _list(
        self, node: yaml.Node | None, wanted: types.ListType | types.VarTupleType, key: str
    ) -> object:
        if _is_null(node):
            return ()
        if not isinstance(node, yaml.SequenceNode):
            return self._refuse(node, key, allowed(wanted))
        items = [
            self.read(item, wanted.item_type, f"{key}[{index}]")
            for index, item in enumerate(node.value)
        ]
        if any(item is _ABSENT for item in items):
            return _ABSENT
        return list(items) if isinstance(wanted, types.ListType) else tuple(items)

    def _scalar(
        self, node: yaml.Node | None, wanted: types.Type, key: str, accepted: str
    ) -> object:
        if not isinstance(node, yaml.ScalarNode) or node.tag not in _PLAIN_TAGS:
            return self._refuse(node, key, accepted)
        if _is_null(node):
            self._complain(key, f"has no value; allowed: {accepted}", node)
            return _ABSENT
        value = _convert(str(node.value), wanted)
        if value is _ABSENT:
            return self._refuse(node, key, accepted)
        return value

    def _refuse(self, node: yaml.Node | None, key: str, accepted: str) -> object:
        self._complain(key, f"{_shown(node)} is not allowed; allowed: {accepted}", node)
        return _ABSENT

    def _complain(self, key: str, text: str, node: yaml.Node | None) -> None:
        line = node.start_mark.line + 1 if node is not None else 0
        self.problems.append(Problem(key=key, text=text, line=line))


def _convert(text: str, wanted: types.Type) -> object:
    match wanted:
        case types.StrType():
            fits = wanted.pattern is None or re.search(wanted.pattern, text) is not None
            short = wanted.min_length is not None and len(text) < wanted.min_length
            long = wanted.max_length is not None and len(text) > wanted.max_length
            return text if fits and not short and not long else _ABSENT
        case types.IntType():
            # 18 digits keep int() cheap and every value inside 64 bits.
            digits = text.replace("_", "")
            if not re.fullmatch(r"-?[0-9]{1,18}", digits):
                return _ABSENT
            number = int(digits)
            low = wanted.ge is not None and number < wanted.ge
            high = wanted.le is not None and number > wanted.le
            return _ABSENT if low or high else number
        case types.DecimalType():
            if not re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", text):
                return _ABSENT
            try:
                return Decimal(text)
            except InvalidOperation:
                return _ABSENT
        case types.BoolType():
            return {"true": True, "false": False}.get(text, _ABSENT)
        case types.EnumType():
            by_value = {str(member.value): member for member in wanted.cls}
            return by_value.get(text, _ABSENT)
        case _:
            raise TypeError(f"no reading of {wanted!r} from a file")


def allowed(wanted: types.Type) -> str:
    """Say in words which values `wanted` takes."""
    match wanted:
        case types.Metadata():
            schema = wanted.extra_json_schema or {}
            return str(schema.get("description") or allowed(wanted.type))
        case types.IntType(ge=int() as low, le=int() as high):
            return f"a whole number from {low} to {high}"
        case types.IntType(ge=int() as low):
            return f"a whole number from {low}"
        case types.IntType():
            return "a whole number"
        case types.DecimalType():
            return "a decimal number such as 0.01"
        case types.BoolType():
            return "true or false"
        case types.EnumType():
            return ", ".join(str(member.value) for member in wanted.cls)
        case types.ListType() | types.VarTupleType():
            return f"a list, each item {allowed(wanted.item_type)}"
        case types.StructType():
            return "keys " + ", ".join(field.encode_name for field in wanted.fields)
        case _:
            return "a text"


def _shape(wanted: types.Type) -> type[yaml.Node]:
    match wanted:
        case types.Metadata():
            return _shape(wanted.type)
        case types.StructType() | types.DictType():
            return yaml.MappingNode
        case types.ListType() | types.VarTupleType():
            return yaml.SequenceNode
        case _:
            return yaml.ScalarNode


def _is_null(node: yaml.Node | None) -> bool:
    return node is None or (
        isinstance(node, yaml.ScalarNode) and node.style is None and node.value in ("", "~", "null")
    )


def _shown(node: yaml.Node | None) -> str:
    if isinstance(node, yaml.ScalarNode):
        text = str(node.value)
        return repr(text if len(text) <= 60 else text[:57] + "...")
    return "a list" if isinstance(node, yaml.SequenceNode) else "a group of keys"


def _unknown_key(name: str, known: list[str]) -> str:
    if any(word in name.lower() for word in _SECRET_WORDS):
        return (
            "secrets do not belong in a config file; passwords of users are made by "
            "`fixoms user add`, others are named by a *_file key"
        )
    near = difflib.get_close_matches(name, known, n=1)
    if near:
        return f"unknown key; did you mean {near[0]}?"
    return f"unknown key; allowed: {', '.join(known)}"

"""The shape of the code, read from its syntax trees: who may import whom, and what is banned where.

The arrows are those of src/fixoms/ARCHITECTURE.md. A rule that must be broken is broken here, by
name and with its reason, or not at all.
"""

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "fixoms"

ARROWS: dict[str, set[str]] = {
    "domain": set(),
    "engine": {"domain"},
    "fix": {"domain.units"},
    "journal": {"domain"},
    "audit": {"domain", "file_lock"},
    "store": {"domain", "journal"},
    "outlets": {"audit", "domain", "fix", "journal"},
    "gateway": {"audit", "domain", "engine", "fix", "journal", "outlets"},
    "reports": {"domain", "store"},
    "replay": {"domain", "fix", "gateway", "journal"},
    "simulation": {
        "app",
        "config",
        "domain",
        "engine",
        "fix",
        "gateway",
        "journal",
        "outlets",
        "replay",
        "settings",
        "store",
        "users",
        "venue",
    },
}
"""Package → what its modules may import of ours, besides the package itself."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("outlets.process", "store"): "the outlets' process runs the SQL projection beside MQTT",
    ("replay.tcp", "clock"): "a script played over TCP is played in real time",
    ("replay.in_process", "config"): "a script's `config` line names a configuration file",
    ("replay.in_process", "users"): "the venue of a script locks users out like any venue",
    ("replay.in_process", "venue"): "the venue of a script is the real one",
}
"""(module, what it may import besides) → why."""

PASSED_IN = {"clock.Clock"}
"""Types of what is handed to a module, which it may name though it may not fetch one itself."""

OUTSIDE: dict[str, tuple[str, ...]] = {
    # The demo is a subscriber of its own.
    "aiomqtt": ("outlets.mqtt", "outlets.market_prices", "demo.alerts"),
    "amqtt": ("outlets.broker",),
    "argon2": ("passwords",),
    "paho": ("outlets.mqtt",),
    "rich": ("console", "cli", "demo"),
    "simplefix": ("replay",),
    "sortedcontainers": ("engine.book",),
    "sqlalchemy": ("store",),
    "typer": ("cli",),
    "uvloop": ("app",),
    "yaml": ("typed_yaml",),
}
"""Package from outside → the only modules, or packages of ours, that import it."""

EVERYWHERE = {"msgspec"}

ENTRY_POINTS = {"__main__", "outlets.broker"}
"""Modules that are run, not imported."""

FOR_TESTS = {"outlets.embedded", "simulation"}
"""Modules and packages that serve tests and tools only."""

PURE = ("domain", "engine")
"""Packages that must give the same answer on every machine, at every time."""

IMPURE_MODULES = {
    "asyncio", "logging", "multiprocessing", "os", "pathlib", "random", "secrets", "socket",
    "sqlite3", "subprocess", "sys", "tempfile", "threading", "time", "uuid",
}  # fmt: skip

CLOCK_READS = {
    ("time", "time"),
    ("time", "time_ns"),
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
}


def modules() -> list[str]:
    return sorted(
        ".".join(path.relative_to(SOURCE).with_suffix("").parts) for path in SOURCE.rglob("*.py")
    )


@cache
def tree(module: str) -> ast.Module:
    return ast.parse((SOURCE / Path(*module.split("."))).with_suffix(".py").read_text("utf-8"))


def imports(module: str) -> Iterator[tuple[str, int]]:
    """Every name that `module` imports, inside functions too, with its line."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: relative import"
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def for_types_only(module: str) -> set[int]:
    """Lines under `if TYPE_CHECKING`, which are never imported when the program runs."""
    return {
        line
        for node in ast.walk(tree(module))
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }


def ours(name: str) -> str | None:
    return name.removeprefix("fixoms.") if name.startswith("fixoms.") else None


def within(module: str, places: tuple[str, ...] | set[str]) -> bool:
    return any(module == place or module.startswith(f"{place}.") for place in places)


def module_of(name: str) -> str:
    """The module a name of ours is in: the name itself, when it is one."""
    path = SOURCE / Path(*name.split("."))
    return name if path.with_suffix(".py").exists() or path.is_dir() else name.rpartition(".")[0]


PACKAGED = [module for module in modules() if module.split(".")[0] in ARROWS]


@pytest.mark.parametrize("module", PACKAGED)
def test_imports_follow_the_arrows(module: str) -> None:
    package = module.split(".", maxsplit=1)[0]
    for name, line in imports(module):
        target = ours(name)
        if target is None or target in PASSED_IN:
            continue
        target = module_of(target)
        permitted = ARROWS[package] | {package}
        excepted = any(
            module == source and within(target, (allowed,)) for source, allowed in EXCEPTIONS
        )
        assert within(target, permitted) or excepted, f"{module}:{line} imports {target}"


@pytest.mark.parametrize("module", modules())
def test_one_importer_per_outside_world(module: str) -> None:
    unseen = for_types_only(module)
    for name, line in imports(module):
        package = name.split(".")[0]
        if package in sys.stdlib_module_names | EVERYWHERE | {"fixoms"} or line in unseen:
            continue
        assert package in OUTSIDE, f"{module}:{line} imports {package}, which nothing may"
        assert within(module, OUTSIDE[package]), f"{module}:{line} imports {package}"


@pytest.mark.parametrize("module", [each for each in modules() if each.split(".")[0] in PURE])
def test_the_core_is_deterministic(module: str) -> None:
    """No clock, chance, I/O, logging, float, hash order or set order in engine and domain."""
    for name, line in imports(module):
        assert name.split(".")[0] not in IMPURE_MODULES, f"{module}:{line} imports {name}"
    for node in ast.walk(tree(module)):
        place = f"{module}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Constant):
            assert not isinstance(node.value, float), f"{place} holds a float"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"float", "hash", "open", "print"}, (
                f"{place} calls {node.func.id}"
            )
        if isinstance(node, ast.BinOp):
            assert not isinstance(node.op, ast.Div), f"{place} divides into a float"
        if isinstance(node, ast.For | ast.comprehension):
            assert not isinstance(node.iter, ast.Set | ast.SetComp), f"{place} iterates a set"
            called = node.iter.func if isinstance(node.iter, ast.Call) else None
            name = called.id if isinstance(called, ast.Name) else ""
            assert name not in {"set", "frozenset"}, f"{place} iterates a set"


@pytest.mark.parametrize("module", [each for each in modules() if each != "clock"])
def test_one_reader_of_the_wall_clock(module: str) -> None:
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Attribute):
            owner = node.value
            named = owner.attr if isinstance(owner, ast.Attribute) else getattr(owner, "id", "")
            assert (named, node.attr) not in CLOCK_READS, f"{module}:{node.lineno} reads the clock"


@pytest.mark.parametrize("module", modules())
def test_a_module_says_what_it_owns(module: str) -> None:
    docstring = ast.get_docstring(tree(module)) or ""
    assert docstring, f"{module} has no docstring"
    if not module.endswith(("__init__", "__main__")):
        assert re.search(r"Owns:|What lives here:", docstring), (
            f"{module} does not say what it owns"
        )


def test_no_module_is_dead() -> None:
    imported = {
        module_of(target)
        for module in modules()
        for name, _ in imports(module)
        if (target := ours(name)) and module_of(target) != module
    }
    living = imported | ENTRY_POINTS
    dead = [
        module
        for module in modules()
        if not module.endswith("__init__")
        and module not in living
        and not within(module, FOR_TESTS)
    ]
    assert not dead


def test_no_exception_is_left_over() -> None:
    """An exception that nothing needs any more goes away."""
    for source, target in EXCEPTIONS:
        if source in modules():
            found = [name for name, _ in imports(source) if within(ours(name) or "", (target,))]
            assert found, f"{source} no longer imports {target}"

"""The engine and the reference venue decide the same streams alike."""

import pytest
from hypothesis import HealthCheck, given, settings

from fixoms.domain.commands import Command

from .lockstep import compare, story
from .streams import call_stream, seeded_stream, streams
from .world import opening

OPENING = opening()


@given(stream=streams())
@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_engine_and_reference_decide_alike(stream: list[Command]) -> None:
    found = compare([*OPENING, *stream])
    assert found is None, story([*OPENING, *stream], found)


@pytest.mark.parametrize("first_seed", range(0, 1000, 100))
def test_seeded_streams_are_decided_alike(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 100):
        stream = [*OPENING, *seeded_stream(seed, 60)]
        found = compare(stream)
        assert found is None, f"seed {seed}\n{story(stream, found)}"


def test_uncrosses_are_decided_alike() -> None:
    for seed in range(300):
        stream = [*OPENING, *call_stream(seed, 4 + seed % 12)]
        found = compare(stream)
        assert found is None, f"seed {seed}\n{story(stream, found)}"


@pytest.mark.slow
@pytest.mark.parametrize("first_seed", range(1_000_000, 1_010_000, 1000))
def test_many_seeded_streams_are_decided_alike(first_seed: int) -> None:
    for seed in range(first_seed, first_seed + 1000):
        stream = [*OPENING, *seeded_stream(seed, 120)]
        found = compare(stream)
        assert found is None, f"seed {seed}\n{story(stream, found)}"

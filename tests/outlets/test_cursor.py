"""The cursor file: what comes back, and what is said when it does not."""

from pathlib import Path

import pytest

from fixoms.domain.enums import Phase
from fixoms.domain.units import Nanos
from fixoms.outlets.cursor import Cursor, CursorError, load_cursor, store_cursor
from fixoms.outlets.listings import Listing
from tests.store.scene import ACME_ID


def test_a_cursor_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "mqtt.cursor"
    assert load_cursor(path) == Cursor()
    cursor = Cursor(
        seq=7, time=Nanos(99), listings={ACME_ID: Listing(2, 0, "USD", Phase.CONTINUOUS)}
    )
    store_cursor(path, cursor)
    store_cursor(path, cursor)
    assert load_cursor(path) == cursor
    assert [found.name for found in tmp_path.iterdir()] == ["mqtt.cursor"]


@pytest.mark.parametrize("content", [b"", b"{", b'{"seq": "seven"}', b"\xff\xfe"])
def test_a_damaged_file_names_itself_and_the_way_out(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mqtt.cursor"
    path.write_bytes(content)
    with pytest.raises(CursorError, match=r"mqtt\.cursor is damaged .*: delete it to publish"):
        load_cursor(path)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(CursorError, match="cannot be written: No such file or directory"):
        store_cursor(tmp_path / "no" / "mqtt.cursor", Cursor(seq=1))
    (tmp_path / "mqtt.cursor").mkdir()
    with pytest.raises(CursorError, match="cannot be read"):
        load_cursor(tmp_path / "mqtt.cursor")

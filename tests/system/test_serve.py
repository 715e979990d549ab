"""`fixoms serve` as an operator meets it: start, stop, restart, and everything that goes wrong."""

import os
import socket
import sqlite3
from pathlib import Path

import pytest

from tests.system.terminal import Terminal, stamp
from tests.system.venue_process import (
    PASSWORD,
    VenueProcess,
    fixoms,
    venue,
    wait_for,
    write_config,
)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    """Rows as a person sees them who opens the file with sqlite3."""
    path = folder / "var" / "venue.db"
    if not path.exists():
        return []
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return database.execute(query).fetchall()
    except sqlite3.OperationalError:  # The outlets have not made the tables yet.
        return []
    finally:
        database.close()


def logged_on(process: VenueProcess, name: str, next_out: int = 1) -> Terminal:
    terminal = Terminal(process.port, name, next_out=next_out)
    terminal.logon(name.rstrip("12").lower(), PASSWORD)
    return terminal


def test_stop_says_logout_and_start_goes_on_where_it_ended(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as first:
        alpha = logged_on(first, "ALPHA1")
        alpha.order("A1", 1, "100", "10.00", f59=1)
        resting = alpha.expect("8", f150="0")
        first._process.terminate()
        logout = alpha.expect("5")
        assert "stops" in logout[58]
        alpha.send("5")
        alpha.expect_closed()
        alpha.cut()
        assert first.stop() == 0
        assert first.lines[-1].endswith("stopped")
    with venue(config) as second:
        # Logon, order, Logout went out before; Logon, report, Logout came in.
        alpha = logged_on(second, "ALPHA1", next_out=4)
        assert alpha.received[-1][34] == "4"
        alpha.send("H", f11="A1", f55="ACME", f54=1)
        alpha.expect("8", f37=resting[37], f150="I", f39="0", f151="100")
        bravo = logged_on(second, "BRAVO1")
        bravo.order("B1", 2, "40", "10.00")
        bravo.expect("8", f150="0")
        bravo.expect("8", f150="F", f39="2", f32="40", f31="10.00")
        alpha.expect("8", f37=resting[37], f150="F", f39="1", f14="40", f151="60")
        alpha.logout()
        bravo.logout()


def test_a_killed_venue_tells_a_client_what_it_had_not_been_told(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as first:
        alpha = logged_on(first, "ALPHA1")
        alpha.order("A1", 1, "100", "10.00", f59=1)
        alpha.expect("8", f150="0")
        alpha.cut()
        bravo = logged_on(first, "BRAVO1")
        bravo.order("B1", 2, "30", "10.00")
        bravo.expect("8", f150="0")
        bravo.expect("8", f150="F", f39="2")
        bravo.cut()
        first.kill()
    with venue(config) as second:
        alpha = Terminal(second.port, "ALPHA1", next_out=3)
        logon = alpha.logon("alpha", PASSWORD)
        assert logon[34] == "4", "the fill took number 3 while nobody listened"
        alpha.send("2", f7=3, f16=0)
        fill = alpha.expect("8", f34="3", f43="Y", f150="F", f32="30", f151="70")
        assert fill[122] <= fill[52]
        alpha.expect("4", f34="4", f43="Y", f123="Y", f36="5")
        alpha.logout()


def test_the_port_is_taken(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = config.read_text().replace("port: 0", f"port: {port}")
        config.write_text(text)
        process = VenueProcess(config)
        assert process.wait() == 1
    assert process.lines == [f"fixoms: cannot listen on 127.0.0.1:{port}: Address already in use"]


def test_a_second_venue_on_the_same_data_refuses(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config):
        second = VenueProcess(config)
        assert second.wait() == 1
        (line,) = second.lines
        assert line.startswith("fixoms: ")
        assert "var/journal" in line


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ("fix: {port: 70000}", ["fix.port", "70000", "65535"]),
        ("fix: {prot: 9878}", ["fix.prot", "port"]),
        ("venue: [", ["venue.yaml"]),
        ("sessions: {X: {participant: NOBODY}}", ["sessions.X.participant", "NOBODY"]),
    ],
)
def test_a_wrong_configuration_names_file_key_value_and_what_is_allowed(
    tmp_path: Path, wrong: str, named: list[str]
) -> None:
    config = tmp_path / "venue.yaml"
    config.write_text(wrong)
    process = VenueProcess(config)
    assert process.wait() == 2
    said = "\n".join(process.lines)
    assert "Traceback" not in said
    for text in [str(config), *named]:
        assert text in said


def test_a_missing_configuration_is_one_line(tmp_path: Path) -> None:
    done = fixoms("serve", "--config", str(tmp_path / "none.yaml"))
    assert done.returncode == 2
    assert "none.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_sql_file_that_is_read_only_delays_no_order(tmp_path: Path) -> None:
    path = tmp_path / "read-only.db"
    sqlite3.connect(path).close()
    path.touch()
    # By mode, not by permission: root may write to any file.
    url = f"sqlite+aiosqlite:///file:{path}?mode=ro&uri=true"
    _trades_while_sql_is_away(write_config(tmp_path, sql=f'{{url: "{url}"}}'))


def test_an_sql_server_that_is_away_delays_no_order(tmp_path: Path) -> None:
    url = "postgresql+asyncpg://nobody@127.0.0.1:9/none"
    config = write_config(tmp_path, sql=f'{{url: "{url}"}}')
    _trades_while_sql_is_away(config)


def test_an_sql_file_in_a_place_that_is_none_delays_no_order(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = write_config(tmp_path, sql=f'{{url: "sqlite+aiosqlite:///{tmp_path}/file/venue.db"}}')
    _trades_while_sql_is_away(config)


def _trades_while_sql_is_away(config: Path) -> None:
    with venue(config) as process:
        said = process.said("sql")
        assert "Traceback" not in said
        alpha = logged_on(process, "ALPHA1")
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        alpha.logout()
    assert not [line for line in process.lines if "Traceback" in line], process.lines


def test_a_broker_that_is_away_is_one_line_and_delays_no_order(tmp_path: Path) -> None:
    config = write_config(tmp_path, mqtt="{broker: 'mqtt://127.0.0.1:9'}")
    with venue(config) as process:
        assert "127.0.0.1:9" in process.said("mqtt")
        alpha = logged_on(process, "ALPHA1")
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        wait_for(lambda: rows(tmp_path, "select * from orders"), process)
        alpha.logout()
    assert len([line for line in process.lines if "mqtt" in line]) == 1, process.lines


def test_a_dead_outlets_process_is_started_again_and_loses_nothing(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as process:
        alpha = logged_on(process, "ALPHA1")
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        wait_for(lambda: rows(tmp_path, "select * from orders"), process)
        status = (tmp_path / "var" / "outlets.json").read_text()
        pid = int(status.partition('"pid":')[2].partition(",")[0])
        os.kill(pid, 9)
        process.said("outlets ended")
        alpha.order("A2", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        wait_for(lambda: len(rows(tmp_path, "select * from orders")) == 2, process)
        events = rows(tmp_path, "select cl_ord_id from order_events order by exec_id")
        assert [cl_ord_id for (cl_ord_id,) in events] == ["A1", "A2"]
        alpha.logout()


def test_cancel_on_disconnect(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        charlie = logged_on(process, "CHARLIE1")
        charlie.order("C1", 1, "100", "10.00")
        day = charlie.expect("8", f150="0")
        charlie.order("C2", 1, "100", "9.90", f59=1)
        gtc = charlie.expect("8", f150="0")
        charlie.cut()
        with Terminal(process.port, "CHARLIE1", next_out=4) as again:
            wait_for(lambda: "CHARLIE1" in (tmp_path / "var" / "venue.log").read_text(), process)
            logon = again.logon("charlie", PASSWORD)
            assert logon[34] == "5", "the cancel took number 4"
            again.send("2", f7=4, f16=4)
            again.expect("8", f34="4", f43="Y", f37=day[37], f150="4", f39="4")
            again.send("H", f11="C2", f55="ACME", f54=1)
            again.expect("8", f37=gtc[37], f39="0")
            again.logout()


def test_operator_moves_a_phase_and_everybody_is_told(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        alpha = logged_on(process, "ALPHA1")
        alpha.send("e", f324="S1", f55="ACME", f263=1)
        alpha.expect("f", f324="S1", f326="17")
        done = process.operator("halt", "ACME", "news", "pending")
        assert (done.returncode, done.stderr) == (0, "")
        alpha.expect("f", f324="S1", f325="Y", f326="2")
        alpha.order("A1", 1, "100", "10.00")
        assert "halt" in alpha.expect("8", f150="8")[58]
        refused = process.operator("phase", "ACME", "continuous")
        assert refused.returncode == 1
        assert "auction" in refused.stdout + refused.stderr
        for phase in ("volatility-auction", "continuous"):
            assert process.operator("phase", "ACME", phase).returncode == 0
            alpha.expect("f", f325="Y")
        alpha.order("A2", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        alpha.logout()


def test_two_sessions_of_a_broker_share_its_orders(tmp_path: Path) -> None:
    with venue(write_config(tmp_path)) as process:
        one, two = logged_on(process, "ALPHA1"), logged_on(process, "ALPHA2")
        bravo = logged_on(process, "BRAVO1")
        one.order("A1", 1, "100", "10.00")
        resting = one.expect("8", f150="0")
        cancel = {"f41": "A1", "f55": "ACME", "f54": 1, "f60": stamp(), "f38": 100}
        bravo.send("F", f11="B1", **cancel)
        bravo.expect("9", f102="1")
        two.send("F", f11="C1", **cancel)
        for terminal in (one, two):
            terminal.expect("8", f37=resting[37], f150="4", f11="C1", f41="A1")
        for terminal in (one, two, bravo):
            terminal.logout()

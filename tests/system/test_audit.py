"""The audit of a real venue: who came, who was refused, what was said at the desk and read."""

import json
from pathlib import Path

from tests.system.terminal import Terminal
from tests.system.venue_process import PASSWORD, VenueProcess, fixoms, venue, wait_for, write_config


def records(config: Path, *options: str) -> list[dict[str, str]]:
    done = fixoms("audit", "list", "--json", "--config", str(config), *options)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


def kept(process: VenueProcess, *options: str) -> list[dict[str, str]]:
    """Records that fit, once there are some."""
    return wait_for(lambda: records(process.config, *options) or None, process)


def test_a_day_at_the_venue_is_kept_and_cannot_be_bent(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as process:
        with Terminal(process.port, "ALPHA1") as guesser:
            guesser.send("A", f98=0, f108=30, f553="alpha", f554="wrong-horse")
            guesser.expect("5")
        with Terminal(process.port, "NOBODY") as stranger:
            stranger.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD)
            stranger.expect_closed()
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.order("A1", 1, "100", "10.00")
        order = alpha.expect("8", f150="0")
        assert process.operator("cancel", order[37], "by", "mistake").returncode == 0
        alpha.expect("8", f150="4")
        assert process.operator("cancel", "O999").returncode == 1
        assert process.operator("sessions").returncode == 0
        assert fixoms("orders", "--config", str(config)).returncode == 0
        alpha.logout()

        (refused,) = kept(process, "--kind", "refused", "--session", "ALPHA1")
        assert refused["user"] == "alpha"
        assert "wrong password" in refused["text"]
        assert refused["remote"].startswith("127.0.0.1:")
        assert "NOBODY" in kept(process, "--kind", "refused")[-1]["text"]
        assert [each["kind"] for each in kept(process, "--user", "alpha")] == [
            "refused",
            "logon",
            "logout",
        ]
        about = kept(process, "--order", order[37])
        assert [(each["kind"], each["text"]) for each in about] == [
            ("journal", "EnterOrder -> new"),
            ("journal", "CancelByOperator -> canceled"),
            ("command", f"cancel {order[37]} by mistake -> done"),
        ] or about[2]["text"].startswith(f"cancel {order[37]} by mistake -> ")
        assert about[0]["user"] == "alpha"
        assert about[2]["user"].startswith("operator:")
        assert about[1]["entry"] == about[2]["entry"]
        assert kept(process, "--kind", "command-refused")[0]["text"].startswith("cancel O999 -> ")
        reads = [each["text"] for each in kept(process, "--kind", "read")]
        assert "sessions" in reads
        assert any(text.startswith("fixoms orders") for text in reads)
    kinds = [each["kind"] for each in records(config)]
    assert (kinds[0], kinds[-1]) == ("venue-started", "venue-stopped")
    folder = tmp_path / "var" / "audit"
    everything = b"".join(path.read_bytes() for path in folder.rglob("*.json*"))
    assert b"horse" not in everything
    assert b"argon2" not in everything
    whole = fixoms("audit", "verify", "--config", str(config))
    assert whole.returncode == 0, whole.stdout
    head = tmp_path / "kept.json"
    head.write_bytes((folder / "head.json").read_bytes())
    (path,) = folder.glob("*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    cut = fixoms("audit", "verify", "--config", str(config), "--head", str(head))
    assert cut.returncode == 1
    assert f"{head}: the head is line" in cut.stdout


def test_a_guesser_locks_a_user_and_a_flood_fills_no_disk(tmp_path: Path) -> None:
    config = write_config(tmp_path)
    with venue(config) as process:
        for guess in range(7):
            with Terminal(process.port, "BRAVO1") as guesser:
                guesser.send("A", f98=0, f108=30, f553="bravo", f554=f"wrong-horse-{guess}")
                guesser.expect("5")
        (locked,) = kept(process, "--kind", "lock-out")
        assert (locked["user"], locked["session"]) == ("bravo", "BRAVO1")
        assert len(kept(process, "--kind", "refused", "--user", "bravo")) == 6
        for _ in range(400):
            with Terminal(process.port, "NOBODY") as stranger:
                stranger.send("A", f98=0, f108=30, f553="alpha", f554=PASSWORD)
        alpha = Terminal(process.port, "ALPHA1")
        alpha.logon("alpha", PASSWORD)
        alpha.order("A1", 1, "100", "10.00")
        alpha.expect("8", f150="0")
        alpha.logout()
    lines = sum(len(path.read_bytes().splitlines()) for path in tmp_path.glob("var/audit/*.jsonl"))
    assert lines < 400
    told = [each["text"] for each in records(config, "--kind", "refused", "--limit", "1000")]
    assert any("more refusals within a second" in text for text in told)
    assert fixoms("audit", "verify", "--config", str(config)).returncode == 0

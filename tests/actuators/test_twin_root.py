"""The root of a dry run: what is copied, what is linked, and what is left out."""

import os
from pathlib import Path

import msgspec

from exporter.config import Bot
from remediation.actuators import twin_root


def test_the_twin_starts_from_a_copy_without_flags_locks_and_pids(bot: Bot, root: Path) -> None:
    """State is copied, the rest linked, logs are fresh, and nothing stops or impersonates."""
    files = {
        "state/positions.json": "p",
        "state/kill_switch_state.json": "{}",
        "state/sub/deep.db": "d",
        "state/kill_switch.flag": "",
        "state/bot.pid": "1",
        "state/bot.lock": "",
        "state/heartbeat": "",
        "logs/bot.log": "l",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    outside = root.parent / "outside.json"
    outside.write_text("o")
    (root / "state/linked.json").symlink_to(outside)
    (root / "state/loop").symlink_to(root / "state")
    (root / "state/dangling").symlink_to("nowhere")
    os.mkfifo(root / "state/pipe")
    twin = root.parent / "twin"
    twin.mkdir()
    twin_root.build(bot, twin)
    copied = {str(p.relative_to(twin)) for p in (twin / "state").rglob("*") if not p.is_dir()}
    assert copied == {
        "state/positions.json",
        "state/kill_switch_state.json",
        "state/sub/deep.db",
        "state/linked.json",
    }
    assert not any(path.is_symlink() for path in (twin / "state").rglob("*"))
    assert (twin / "state/linked.json").read_text() == "o"
    assert list((twin / "logs").iterdir()) == []
    assert (twin / "data").readlink() == root / "data"
    assert (twin / "script_live.py").is_symlink()


def test_top_level_state_files_are_copied_too(bot: Bot, root: Path) -> None:
    """A pattern without a directory matches files of the root itself."""
    paths = msgspec.structs.replace(bot.paths, state=("*.db",), logs=("*.log",))
    (root / "trades.db").write_text("t")
    (root / "bot.log").write_text("l")
    twin = root.parent / "twin"
    twin.mkdir()
    twin_root.build(msgspec.structs.replace(bot, paths=paths), twin)
    assert (twin / "trades.db").read_text() == "t"
    assert not (twin / "trades.db").is_symlink()
    assert not (twin / "bot.log").exists()

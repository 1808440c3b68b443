"""Single numbers out of the kernel's text files."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.sources import pseudo_files

_NAMES = st.sampled_from(["a", "a_b", "b", "Max a", "nr"])
_SEPARATORS = st.sampled_from([" ", ": ", ":\t", ":", "   "])


def test_a_name_is_a_whole_one(tmp_path: Path) -> None:
    """Neither the end nor the beginning of another."""
    file = tmp_path / "memory.oom_control"
    file.write_text("oom_kill_disable 0\nunder_oom_kill 1\noom_kill 3\nrss_oom_kill 4")
    assert pseudo_files.value(file, "oom_kill") == 3
    assert pseudo_files.value(file, "oom") is None


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("VmSwap:\t      12 kB\n", 12 * 1024),
        ("VmSwap: 12", 12),
        ("VmSwap 12\n", 12),
        ("VmSwap:\n12\n", None),
        ("VmSwap: max\n", None),
        ("VmSwap: -1\n", None),
        ("VmSwap", None),
        ("", None),
    ],
)
def test_the_ways_in_which_the_kernel_writes_a_number(
    tmp_path: Path, content: str, found: int | None
) -> None:
    """With a colon or without, in kibibytes or plain; what is no number is unknown."""
    (tmp_path / "status").write_text(content)
    assert pseudo_files.value(tmp_path / "status", "VmSwap") == found


def test_a_file_that_cannot_be_read_is_not_an_empty_one(tmp_path: Path) -> None:
    """The caller may have another one to ask."""
    assert pseudo_files.values(tmp_path / "gone", ("a",)) is None
    (tmp_path / "empty").write_text("")
    assert pseudo_files.values(tmp_path / "empty", ("a",)) == {}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_NAMES, st.tuples(_SEPARATORS, st.integers(0, 1 << 63))))
def test_every_number_is_found_under_its_name(
    tmp_path: Path, lines: dict[str, tuple[str, int]]
) -> None:
    """And nothing under a name that is not there."""
    text = "".join(f"{name}{between}{count}\n" for name, (between, count) in lines.items())
    (tmp_path / "file").write_text(text)
    wanted = {name: count for name, (_, count) in lines.items()}
    assert pseudo_files.values(tmp_path / "file", [*lines, "absent"]) == wanted

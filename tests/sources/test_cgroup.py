"""Memory cgroups in all three layouts, as captured from a machine that ran them."""

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exporter.sources import cgroup
from exporter.sources.cgroup import Cgroup, Level

TREES = Path(__file__).parent / "trees"
MEBIBYTE = 1 << 20
_FILES = ("memory.max", "memory.current", "memory.stat", "memory.events.local", "cgroup.procs")


def _find(layout: str, service: str, trees: Path = TREES) -> Cgroup:
    found = cgroup.of_process(service, root=trees / layout / "cgroup", proc=trees / layout / "proc")
    assert found is not None
    return found


@pytest.fixture
def v2(tmp_path: Path) -> Path:
    """A copy of the captured trees that a test may change; the path of ``calm``'s cgroup."""
    shutil.copytree(TREES, tmp_path / "trees")
    return tmp_path / "trees/v2/cgroup/bots.slice/calm.service"


def _changed(v2: Path) -> Cgroup:
    return _find("v2", "calm", v2.parents[3])


@pytest.mark.parametrize(("layout", "version"), [("v2", 2), ("hybrid", 1), ("v1", 1)])
def test_the_limits_from_the_bot_up_to_the_root(layout: str, version: int) -> None:
    """The service's own and its slice's; the root has none."""
    found = _find(layout, "calm")
    assert found.version == version
    assert not found.is_root
    assert [level.limit // MEBIBYTE for level in cgroup.levels(found)] == [100, 150]


@pytest.mark.parametrize("layout", ["v2", "hybrid", "v1"])
def test_pages_of_files_do_not_count(layout: str) -> None:
    """20 MB are held; another 24 MB are a file's, most of them on the active list."""
    own = next(cgroup.levels(_find(layout, "calm")))
    assert 45 * MEBIBYTE < own.used < 50 * MEBIBYTE


def test_each_file_list_is_taken_off_and_nothing_else() -> None:
    """The figures of the captured version 2 tree, by hand."""
    own = next(cgroup.levels(_find("v2", "calm")))
    assert own == Level(104_857_600, 79_949_824 - 3_497_984 - 26_587_136)


@pytest.mark.parametrize(("layout", "kills"), [("v2", 1), ("hybrid", 3), ("v1", 3)])
def test_kills_are_the_cgroups_own(layout: str, kills: int) -> None:
    """Killed workers of this service; the quiet service has none."""
    assert cgroup.oom_kills(_find(layout, "oomchild")) == kills
    assert cgroup.oom_kills(_find(layout, "calm")) == 0


def test_a_slice_does_not_answer_for_what_is_below_it() -> None:
    """Version 2 adds a hierarchy up in memory.events: two services' kills are not the slice's."""
    whole = cgroup.of_unit("/system.slice", root=TREES / "v2/cgroup")
    assert whole is not None
    assert "oom_kill 2" in (whole.directory / "memory.events").read_text()
    assert cgroup.oom_kills(whole) == 0


def test_an_older_kernel_has_no_local_events(v2: Path) -> None:
    """The sum serves where there is nothing to add up, and only there."""
    (v2 / "memory.events.local").unlink()
    (v2 / "memory.events").write_text("oom 4\noom_kill 4\n")
    assert cgroup.oom_kills(_changed(v2)) == 4
    (v2 / "below").mkdir()
    assert cgroup.oom_kills(_changed(v2)) is None


def test_a_soft_limit_is_none(v2: Path) -> None:
    """memory.high slows down and never kills."""
    (v2 / "memory.max").write_text("max\n")
    (v2 / "memory.high").write_text("1048576\n")
    assert [level.limit // MEBIBYTE for level in cgroup.levels(_changed(v2))] == [150]


def test_no_limit_in_version_1_is_a_huge_number(tmp_path: Path) -> None:
    """It must not read as a limit of eight exbibytes."""
    shutil.copytree(TREES, tmp_path / "trees")
    for folder in ("bots.slice", "bots.slice/calm.service"):
        place = tmp_path / "trees/v1/cgroup/memory" / folder
        (place / "memory.limit_in_bytes").write_text("9223372036854771712\n")
        stat = (place / "memory.stat").read_text().splitlines()
        kept = [line for line in stat if not line.startswith("hierarchical_memory_limit")]
        (place / "memory.stat").write_text("\n".join(kept))
    assert not list(cgroup.levels(_find("v1", "calm", tmp_path / "trees")))


def test_a_limit_above_what_can_be_seen_counts(tmp_path: Path) -> None:
    """Version 1 tells a container its host's limit in memory.stat only."""
    shutil.copytree(TREES, tmp_path / "trees")
    place = tmp_path / "trees/v1/cgroup/memory/bots.slice/calm.service"
    (place / "memory.limit_in_bytes").write_text("9223372036854771712\n")
    limits = [level.limit for level in cgroup.levels(_find("v1", "calm", tmp_path / "trees"))]
    assert limits[0] == 104_857_600


def test_in_a_container_paths_begin_at_the_host(tmp_path: Path) -> None:
    """Version 1 mounts the container's own cgroup as the root but names it as the host does."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/7").mkdir()
    (tmp_path / "proc/self/cgroup").write_text("4:memory:/docker/abc\n")
    (tmp_path / "proc/7/cgroup").write_text("4:memory:/docker/abc\n")
    shutil.copytree(TREES / "v1/cgroup/memory/bots.slice", tmp_path / "cgroup/memory")
    found = cgroup.of_process(7, root=tmp_path / "cgroup", proc=tmp_path / "proc")
    assert found is not None
    assert found.is_root
    (tmp_path / "proc/7/cgroup").write_text("4:memory:/docker/other\n")
    assert cgroup.of_process(7, root=tmp_path / "cgroup", proc=tmp_path / "proc") is None


@pytest.mark.parametrize(
    "line",
    ["0::/../../else", "0::/bots.slice/gone.service (deleted)", "0::", "", "nonsense", ":::"],
)
def test_a_cgroup_that_cannot_be_seen_is_none(v2: Path, line: str) -> None:
    """Outside of our namespace, removed, or not said."""
    trees = v2.parents[3]
    (trees / "v2/proc/calm/cgroup").write_text(line + "\n")
    assert cgroup.of_process("calm", root=trees / "v2/cgroup", proc=trees / "v2/proc") is None


def test_a_process_that_is_gone_has_none() -> None:
    """Nor does a host without cgroups."""
    assert cgroup.of_process(1, root=TREES / "v2/cgroup", proc=TREES / "nowhere") is None
    assert cgroup.of_process("calm", root=TREES / "nowhere", proc=TREES / "v2/proc") is None
    assert cgroup.of_unit("/system.slice", root=TREES / "nowhere") is None


def test_a_cgroup_made_anew_is_another(v2: Path) -> None:
    """Same name, another identity: its counter began at zero."""
    found = _changed(v2)
    before = found.identity
    shutil.move(v2, v2.with_name("kept"))
    assert found.identity is None
    shutil.copytree(v2.with_name("kept"), v2)
    assert found.identity not in (before, None)


def test_pressure_is_of_the_last_ten_seconds() -> None:
    """A share from 0 to 1; version 1 has none."""
    assert cgroup.memory_pressure(_find("v2", "calm")) == {"some": 0.125, "full": 0.04}
    assert cgroup.memory_pressure(_find("v1", "calm")) == {}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=80,
)
@given(file=st.sampled_from(_FILES), content=st.binary(max_size=200))
def test_no_content_breaks_it(v2: Path, file: str, content: bytes) -> None:
    """What cannot be read is unknown, and nothing is raised or negative."""
    before = (v2 / file).read_bytes()
    (v2 / file).write_bytes(content)
    try:
        found = _changed(v2)
        assert all(level.used >= 0 and level.limit >= 0 for level in cgroup.levels(found))
        assert (cgroup.oom_kills(found) or 0) >= 0
        assert cgroup.members(found) is not None
    finally:
        (v2 / file).write_bytes(before)

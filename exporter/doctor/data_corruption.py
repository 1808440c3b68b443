"""Runbook 7: can the bot's files be believed, is there a backup, is there room to write?"""

import time
from collections.abc import Callable, Sequence

from exporter.doctor.patient import Patient
from exporter.doctor.verdicts import (
    Question,
    Verdict,
    failed,
    judged,
    not_offered,
    passed,
    unknown,
)
from exporter.doctor.wording import count, listing, size, span
from exporter.errors import Reason
from exporter.readings import DataFileReading, DataReading, DiskReading
from exporter.sources.disks import read_disks

# Starting pyarrow, three looks at a bad file, and small files beside the slow one.
_GRACE_SECONDS = 60.0
# They say nothing about the file, only that nobody has seen what is in it.
_UNSEEN = (Reason.TIMEOUT, Reason.INTERNAL)


def _files(patient: Patient) -> Verdict:
    data = patient.data.get()
    if not data.files:
        return not_offered("no file matches paths.state or paths.data")
    bad = [file for file in data.files if not file.valid]
    said = listing([f"{file.file} {file.detail}" for file in bad])
    if bad and all(file.reason in _UNSEEN for file in bad):
        return unknown(said)
    if bad:
        return failed(said)
    left = f"; {data.skipped} more were not looked at" if data.skipped else ""
    return passed(f"{count(len(data.files), 'file')}, none damaged{left}")


def _values(patient: Patient) -> Verdict:
    limit = patient.bot.data_checks.max_nan_ratio
    ratios = _measured(patient.data.get(), lambda file: file.nan_ratio)
    if not ratios:
        return not_offered("no table is among the bot's files")
    bad = [f"{file}: {ratio:.1%}" for file, ratio in ratios if ratio > limit]
    if bad:
        return failed(f"numbers are missing in more than {limit:.1%} of the cells: {listing(bad)}")
    worst = max(ratio for _, ratio in ratios)
    return passed(f"numbers are missing in at most {worst:.1%} of the cells, limit {limit:.1%}")


def _checksums(patient: Patient) -> Verdict:
    if patient.bot.data_checks.manifest is None:
        return not_offered("data_checks.manifest is not configured")
    states = _measured(patient.data.get(), lambda file: file.checksum_ok)
    if not states:
        return unknown("no file that is checked is in the manifest, or it cannot be read")
    bad = [file for file, matches in states if not matches]
    return judged(not bad, listing(bad) or f"{count(len(states), 'file')} as in the manifest")


def _ages(patient: Patient) -> Verdict:
    now = time.time()
    ages = [
        (file.file, now - file.modified, file.max_age_seconds)
        for file in patient.data.get().files
        if file.max_age_seconds is not None and file.modified is not None
    ]
    if not ages:
        return not_offered("no file that is there has a greatest age")
    old = [_old(*one) for one in ages if one[1] > one[2]]
    oldest = max(ages, key=lambda one: one[1] / one[2])
    return judged(not old, listing(old) or _old(*oldest))


def _old(file: str, age: float, limit: float) -> str:
    return f"{file} is {span(age)} old, limit {span(limit)}"


def _backup(patient: Patient) -> Verdict:
    bot, data = patient.bot, patient.data.get()
    folder, backup = bot.paths.backups, data.backup
    if not data.backup_expected:
        return not_offered(
            f"there is no {folder}; paths.backups and commands.backup are not configured"
        )
    if backup is None:
        return failed(f"{folder} holds no backup")
    if not backup.valid:
        return failed(f"{backup.path}: {backup.detail}")
    age, limit = time.time() - backup.made, bot.data_checks.backup_max_age_seconds
    return judged(age <= limit, f"{backup.path} is {span(age)} old, limit {span(limit)}")


def _disks(patient: Patient) -> Verdict:
    least = patient.bot.disk.min_free_ratio
    disks = read_disks(patient.bot)
    bad = [problem for disk in disks if (problem := _lack(disk, least))]
    tightest = min(disks, key=_free_ratio)
    room = f"{size(tightest.free_bytes)} ({_free_ratio(tightest):.0%}) are free for the bot's files"
    return judged(not bad, listing(bad) or room)


def _lack(disk: DiskReading, least: float) -> str:
    """Say what a disk lacks; empty if nothing."""
    if not disk.writable:
        return f"{disk.purpose}: {disk.path} cannot be written to"
    if _free_ratio(disk) < least:
        return f"{disk.purpose}: {_free_ratio(disk):.1%} of the disk is free, limit {least:.0%}"
    if disk.free_inodes_ratio is not None and disk.free_inodes_ratio < least:
        return f"{disk.purpose}: {disk.free_inodes_ratio:.1%} of the file entries are free"
    return ""


def _free_ratio(disk: DiskReading) -> float:
    return disk.free_bytes / disk.size_bytes if disk.size_bytes else 0.0


def _measured(
    data: DataReading, measure: Callable[[DataFileReading], float | bool | None]
) -> Sequence[tuple[str, float | bool]]:
    found = ((file.file, measure(file)) for file in data.files)
    return [(file, figure) for file, figure in found if figure is not None]


def _seconds(patient: Patient) -> float:
    return patient.bot.data_checks.timeout_seconds + _GRACE_SECONDS


QUESTIONS = (
    Question(
        "data files",
        _files,
        "runbook 7 step 2: restore the file from {backups}, or fetch it again (step 3): {filters};"
        " {download}. State is replaced only by a person who has compared it with the exchange.",
        gate=True,
        seconds=_seconds,
    ),
    Question(
        "data values",
        _values,
        "runbook 7 step 3: fetch the table again: {download}; until then the model is fed with"
        " nothing.",
        gate=True,
        seconds=_seconds,
    ),
    Question(
        "checksums",
        _checksums,
        "runbook 7 step 2: find out who has changed the file; restore it from {backups}, or write"
        " the manifest anew if the change was meant.",
        gate=True,
        seconds=_seconds,
    ),
    Question("file ages", _ages, "runbook 7 step 3: {filters}; or {download}", seconds=_seconds),
    Question(
        "newest backup",
        _backup,
        "runbook 7, prevention: make one now, while the files are good: {backup}",
        seconds=_seconds,
    ),
    Question(
        "disk room",
        _disks,
        "runbook 7, prevention: files are cut in half on a full disk: `df -h {root}`; make room, or"
        " find out why it is read-only (`dmesg`).",
    ),
)

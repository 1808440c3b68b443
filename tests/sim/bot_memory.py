"""How the simulated bot uses more memory than it should: as a file in its root says."""

import json
from pathlib import Path

COMMAND = Path(".memory_fault.json")
_MEBIBYTE = 1 << 20
_LEAK_STEPS = 10


class Memory:
    """What the bot holds on to; every page of it is written, so that it is resident."""

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def obey(self) -> None:
        """Take or release memory as the command says now; without one, release it.

        Raises:
            MemoryError: if that is the command.
        """
        try:
            command = json.loads(COMMAND.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self._held.clear()
            return
        if command["kind"] == "error":
            COMMAND.unlink()  # the next process of the bot has memory again
            raise MemoryError(f"unable to allocate {command['mebibytes']} MiB for an array")
        wanted = command["mebibytes"] * _MEBIBYTE
        held = sum(len(block) for block in self._held)
        step = wanted if command["kind"] == "spike" else max(_MEBIBYTE, wanted // _LEAK_STEPS)
        if held < wanted:
            self._held.append(b"\1" * min(step, wanted - held))

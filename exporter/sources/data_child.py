"""A process that judges data files and dies: ``python -m exporter.sources.data_child``.

An order comes on standard input, a verdict per file goes to standard output, in order. What a
file does to its reader (a decompression bomb, a crash in native code) happens here, under a
limit of memory and time, at the lowest priority, without the exporter's environment.
"""

import contextlib
import os
import resource
import signal
import sys

import msgspec

from exporter.sources import files
from exporter.sources.data_formats import judge
from exporter.sources.data_verdict import NO_MEMORY, Order

# Python and pyarrow alone reserve half of this.
LEAST_MEMORY = 256 << 20
_ORDER_LIMIT = 4 << 20


def main() -> int:
    """Judge what is asked for; the exit status says so when memory was lacking."""
    try:
        return _work()
    except MemoryError:
        return NO_MEMORY


def _work() -> int:
    order = msgspec.json.decode(sys.stdin.buffer.read(_ORDER_LIMIT), type=Order)
    memory = max(order.limits.memory_bytes, LEAST_MEMORY)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        os.nice(19)
    for question in order.questions:
        # Not the parent, which cannot tell work from a slow start, and may be gone.
        signal.setitimer(signal.ITIMER_REAL, order.limits.seconds)
        asked = msgspec.structs.replace(question, path=files.from_text(question.path))
        sys.stdout.buffer.write(msgspec.json.encode(judge(asked)) + b"\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())

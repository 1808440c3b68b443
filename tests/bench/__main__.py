"""Run every benchmark: ``make bench``."""

import sys

from tests.bench import log_counting, scrape, whole_path
from tests.stack.programs import ends_on_signal

_BENCHMARKS = (log_counting.run, scrape.run, whole_path.run)


def main() -> int:
    """Measure, write, and report; a missed goal is a result, not an error."""
    with ends_on_signal():
        try:
            for run in _BENCHMARKS:
                print(f"{run.__module__.rpartition('.')[2]}:", flush=True)
                for result in run():
                    result.write()
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

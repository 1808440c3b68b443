"""``make run``: the demo's stack, left running until Ctrl-C, on the usual ports where free."""

import shutil
import socket
import sys
import threading

from tests.stack.programs import ProgramError, end_processes_in, ends_on_signal
from tests.stack.render import PROJECT
from tests.stack.stack import Stack

_USUAL = {"exporter": 9840, "remediation": 9841, "prometheus": 9090, "alertmanager": 9093}


def main() -> int:
    """Run until interrupted."""
    directory = PROJECT / "build/run"
    end_processes_in(directory)
    shutil.rmtree(directory, ignore_errors=True)
    with ends_on_signal():
        try:
            with Stack(directory, ports={n: p for n, p in _USUAL.items() if _free(p)}) as stack:
                _explain(stack)
                while True:
                    if threading.Event().wait(1.0):
                        continue
                    for program in stack.programs.values():
                        program.check()
        except KeyboardInterrupt:
            print("\nstopped everything", file=sys.stderr)
            return 0
        except ProgramError as error:
            print(f"the stack failed: {error}\nlogs: {directory / 'logs'}", file=sys.stderr)
            return 1


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _explain(stack: Stack) -> None:
    for name, address in vars(stack.addresses).items():
        print(f"{name:<13} http://{address}")
    print(f"{'simulator':<13} {stack.sim['control']}/state")
    print(f"bot's root    {stack.roots['alpha']}")
    print("\nbreak something:")
    print(f'  curl -X POST {stack.sim["control"]}/faults -d \'{{"scenario": "process_crash"}}\'')
    print("see it recover:")
    print(f"  tradewarden-remediation incidents --config.file={stack.files.config}")
    print("approve what waits:")
    print(
        "  tradewarden-remediation approve ID --reason '…'"
        f" --token-file={stack.files.operator_token} --config.file={stack.files.config}"
        f" --url=http://{stack.addresses.remediation}"
    )
    print("\nCtrl-C stops everything.", flush=True)


if __name__ == "__main__":
    sys.exit(main())

r"""What the runbook calls symptoms in logs, as patterns; more come from the configuration.

A pattern is judged line by line, without regard to case (of ASCII letters only, so that
``bytes.lower`` and the regular expression agree), on bytes: ``\w`` is ASCII. Built-in patterns
use nothing that RE2 lacks, so that other programs can be given the same ones.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.sources import log_literals


@dataclass(frozen=True)
class Event:
    """One symptom. Every line that it matches holds one of its ``texts`` or ``expressions``.

    Both are lower-case. The expressions begin with plain text, so that either is found in a
    block of many lines at the speed of memory. With neither, every line is judged.
    """

    name: str
    pattern: str
    texts: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()


_HTTP = r"(?:http|status|code|error)\W{0,4}(?:code\W{0,3})?"
_TIMEOUTS = r"read|connect|connection|write|pool|request|response|api|gateway"

EVENTS = (
    # Section 1: network
    Event(
        "connection_refused",
        r"connection ?refused|econnrefused",
        ("connectionrefused", "connection refused", "econnrefused"),
    ),
    Event(
        "websocket_disconnect",
        r"(?:web ?socket|\bws\b|\bstream\b).{0,100}(?:disconnect|connection (?:closed|lost))"
        r"|(?:disconnect|connection (?:closed|lost)).{0,100}(?:web ?socket|\bws\b|\bstream\b)"
        r"|connectionclosederror",
        ("disconnect", "connection closed", "connection lost", "connectionclosederror"),
    ),
    Event(
        "api_timeout",
        rf"\btimed out\b|\b(?:{_TIMEOUTS})[ _-]?time-?out|time-?out ?error|etimedout",
        ("timed out", "timeout", "time-out", "etimedout"),
    ),
    # Section 2: clock
    Event(
        "recv_window",
        r"outside of the recvwindow|ahead of the server.s time|code\W{1,5}1021\b",
        ("of the recvwindow", "ahead of the server"),
        (r"1021\b(?<!\w1021)",),
    ),
    Event(
        "order_timing_rejected",
        r"\border.{0,100}reject.{0,150}(?:timestamp|timing|recvwindow|clock)"
        r"|reject.{0,60}\border.{0,150}(?:timestamp|timing|recvwindow|clock)"
        r"|(?:timestamp|timing|recvwindow|clock).{0,150}\border.{0,60}reject",
        ("reject",),
    ),
    # Section 3: kill switch
    Event(
        "kill_switch_triggered",
        r"kill[ _-]?switch (?:has been |was |is )?(?:triggered|activated|engaged|tripped)",
        ("switch triggered", "switch activated", "switch engaged", "switch tripped"),
        ("switch (?:has been|was|is) ",),
    ),
    # Section 4: partial fills
    Event(
        "partially_filled",
        r"partially[ _]?filled|\bpartial fill",
        ("partially", "partial fill"),
    ),
    # Section 5: maintenance
    Event(
        "service_unavailable",
        r"service (?:is )?(?:currently |temporarily )?unavailable",
        ("unavailable",),
    ),
    Event(
        "http_503",
        rf"\b{_HTTP}503\b|\b503 (?:service|server error)",
        expressions=(r"503\b(?<!\d503)",),
    ),
    # Section 6: crash
    Event(
        "unhandled_exception",
        r"traceback \(most recent call last\)|unhandled exception|uncaught exception",
        ("traceback (most", "unhandled exception", "uncaught exception"),
    ),
    Event("shutdown_complete", r"\bshutdown complete\b", ("shutdown complete",)),
    # Section 7: data
    Event(
        "invalid_data",
        r"\binvalid data\b|\bpars(?:e|ing) ?(?:error|failed|failure)|failed to parse"
        r"|(?:could not|cannot|unable to) parse|jsondecodeerror",
        ("invalid data", "jsondecodeerror"),
        (r"pars(?:e|ing)",),
    ),
    Event("nan_value", r"\bnans?\b", expressions=(r"nans?\b(?<!\wnan)(?<!\wnans)",)),
    # Section 8: keys
    Event(
        "invalid_api_key",
        r"invalid api[ -]?key|api-key format invalid|code\W{1,5}201[45]\b",
        ("invalid api", "format invalid"),
        (r"201[45]\b(?<!\w201[45])",),
    ),
    Event(
        "signature_failed",
        r"signature verification failed|signature for this request is not valid"
        r"|invalid signature|code\W{1,5}1022\b",
        ("signature",),
        (r"1022\b(?<!\w1022)",),
    ),
    Event(
        "unauthorized",
        rf"\b{_HTTP}40[13]\b|\b40[13] (?:client error|unauthorized|forbidden)|\bunauthorized\b",
        ("unauthorized",),
        (r"40[13]\b(?<!\d40[13])",),
    ),
    # Section 10: memory
    Event(
        "memory_error",
        r"memoryerror|cannot allocate memory",
        ("memoryerror", "cannot allocate memory"),
    ),
    Event(
        "oom",
        r"\boom[ -]?kill|\bout of memory\b|\bkilled process \d",
        ("oomkill", "oom kill", "oom-kill", "out of memory", "killed process "),
    ),
    # Any section
    Event(
        "error",
        r"\b(?:error|critical|fatal)\b",
        expressions=(
            r"error\b(?<!\werror)",
            r"critical\b(?<!\wcritical)",
            r"fatal\b(?<!\wfatal)",
        ),
    ),
)
NAMES = frozenset(event.name for event in EVENTS)
MAX_CONFIGURED = 50
ACCEPTED = "a regular expression for a part of a line, under a name of its own"


def configured(patterns: Mapping[str, str]) -> tuple[Event, ...]:
    """Return the events of ``bot.log_events``, each with the texts its pattern requires."""
    return tuple(
        Event(name, pattern, log_literals.required(pattern)) for name, pattern in patterns.items()
    )


def compile_pattern(pattern: str) -> re.Pattern[bytes]:
    """Compile a pattern to judge one line with, which comes without its line end.

    Raises:
        re.error: it is no regular expression.
        ValueError: it is one, but not for lines of bytes.
    """
    return re.compile(log_literals.encode(pattern), re.IGNORECASE)


def problem_with(name: str, pattern: str) -> str:
    """Say why a configured event cannot be used; empty if it can."""
    if name in NAMES:
        return "is the name of a built-in event"
    try:
        compiled = compile_pattern(pattern)
    except (re.error, ValueError, RecursionError, OverflowError) as error:
        return f"is no regular expression: {error}"
    return "matches every line" if compiled.search(b"") else ""

"""The broker's error answers: ``{"code", "message"}``, and some without a code."""

from collections.abc import Mapping


class AlpacaError(Exception):
    """One refusal; ``code`` is the HTTP status and five digits, or None where the broker has none.

    ``extra`` are the further fields that some refusals carry.
    """

    def __init__(
        self,
        status: int,
        code: int | None,
        message: str,
        extra: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.extra = dict(extra or {})

    @property
    def body(self) -> dict[str, object]:
        """The JSON the broker sends."""
        code = {} if self.code is None else {"code": self.code}
        return {**code, "message": self.message, **self.extra}

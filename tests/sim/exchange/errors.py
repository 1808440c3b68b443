"""The exchange's error answers."""


class ApiError(Exception):
    """One refusal: HTTP status, the exchange's code and its message."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    @classmethod
    def missing(cls, name: str) -> "ApiError":
        """Refuse a request without a mandatory parameter."""
        return cls(
            400,
            -1102,
            f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.",
        )

    @property
    def body(self) -> dict[str, object]:
        """The JSON the exchange sends."""
        return {"code": self.code, "msg": self.message}

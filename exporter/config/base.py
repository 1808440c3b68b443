"""What every section of the configuration file is made of: bounded scalars, strict mappings."""

from typing import Annotated

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0, le=86400 * 31)]
Milliseconds = Annotated[float, Meta(gt=0, le=3_600_000)]
Count = Annotated[int, Meta(ge=1, le=10_000)]
Name = Annotated[str, Meta(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$")]
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]
HostPort = Annotated[str, Meta(pattern=r"^[^\s/]+$", max_length=255)]
Argv = Annotated[tuple[Text, ...], Meta(min_length=1, max_length=64)]
WsUrl = Annotated[str, Meta(pattern=r"^wss?://[^\s/]+(/\S*)?$", max_length=2048)]
Ratio = Annotated[float, Meta(ge=0, le=1)]
Quantity = Annotated[str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?$")]
Bytes = Annotated[int, Meta(ge=1 << 20, le=1 << 50)]


class Section(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file in which only the named keys are accepted."""

"""Entry of a stream, with methods that decode its payload."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, List, Mapping, NamedTuple, Optional, Sequence, Union

from . import images
from ._content import content_type_of
from .errors import InvalidRequest

if TYPE_CHECKING:
    import numpy

    from ._declared import DeclaredType

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NO_FIELDS: Mapping[str, Any] = MappingProxyType({})
_SHOWN = 40  # characters of a payload in a repr

Fields = Mapping[str, Union[bytes, List[bytes]]]


class Gap(NamedTuple):
    """Entries between these ids, neither included, were deleted before they were read."""

    after: str
    before: str


class Entry:
    """One entry of a stream.

    Attributes:
        stream: name of the stream, without device and prefix.
        id: entry id, ``<milliseconds>-<sequence>``.
        bytes: the payload.
        fields: fields besides the payload; a repeated field is a list.
        gap: the ids between which entries are missing before this one, or None.
    """

    __slots__ = ("stream", "id", "bytes", "fields", "gap", "declared")

    def __init__(
        self,
        stream: str,
        entry_id: str,
        data: bytes,
        fields: Fields = NO_FIELDS,
        declared: Optional[DeclaredType] = None,
    ) -> None:
        self.stream = stream
        self.id = entry_id
        self.bytes = data
        self.fields = fields
        self.gap: Optional[Gap] = None
        self.declared = declared

    @property
    def time(self) -> datetime:
        """Time at which the entry was added, UTC: the first half of its id. Raises OverflowError after year 9999."""
        return _EPOCH + timedelta(milliseconds=int(self.id.partition("-")[0]))

    @property
    def content_type(self) -> str:
        """Media type: the field ``content-type`` of the entry, the type that its stream declares, or a guess from the bytes."""
        return self._declared_type() or content_type_of(self.bytes)

    def _declared_type(self) -> Optional[str]:
        own = self.fields.get("content-type")
        if isinstance(own, bytes):
            return own.decode("utf-8", "replace")
        if self.declared is None:
            return None
        self.declared.is_used = True
        return self.declared.value

    def text(self) -> str:
        """The payload as text. Raises InvalidRequest (BAD_PAYLOAD) if it is not UTF-8."""
        try:
            return self.bytes.decode()
        except UnicodeDecodeError as error:
            raise self._bad("UTF-8") from error

    def json(self) -> Any:
        """The payload as JSON. Raises InvalidRequest (BAD_PAYLOAD) if it is not JSON."""
        try:
            return json.loads(self.bytes)
        except ValueError as error:
            raise self._bad("JSON") from error

    def array(self, dtype: Any, shape: Optional[Sequence[int]] = None) -> numpy.ndarray[Any, Any]:
        """The payload as a read-only numpy array, such as ``array("<i2")``. It shares memory with the payload."""
        import numpy

        try:
            values = numpy.frombuffer(self.bytes, dtype)
            return values if shape is None else values.reshape(shape)
        except ValueError as error:
            raise self._bad(f"an array of {dtype}: {error}") from error

    def image(self, mode: Optional[str] = "RGB") -> numpy.ndarray[Any, Any]:
        """The payload as a numpy image: height × width × 3, uint8, in the order red, green, blue.

        Args:
            mode: ``"RGB"``, ``"L"`` (gray, height × width), or None for the channels and depth of the file.

        Raises InvalidRequest (BAD_PAYLOAD) if it is not an image. Requires numpy, and Pillow or OpenCV.
        """
        try:
            return images.decode(self.bytes, mode)
        except ValueError as error:
            raise self._bad(f"an image: {error}") from error

    def value(self, content_type: Optional[str] = None) -> Any:
        """The payload decoded by its content type: an image, JSON, MessagePack or text; otherwise its bytes.

        The type is the entry's field ``content-type``, else the one that its stream declares, else a guess from the bytes.

        Args:
            content_type: type to use instead of the stream's declared one.

        Raises InvalidRequest (BAD_PAYLOAD) if the payload is not of its declared type.
        """
        has_own = isinstance(self.fields.get("content-type"), bytes)
        declared = content_type if content_type and not has_own else self._declared_type()
        kind = _kind(declared or content_type_of(self.bytes))
        try:
            return self._decoded(kind)
        except InvalidRequest:
            if declared is None and not kind.startswith("image/"):
                return self.text() if kind == "application/json" else self.bytes
            raise

    def _decoded(self, kind: str) -> Any:
        if kind in images.TYPES:
            return self.image()
        if _is_a(kind, "json"):
            return self.json()
        if _is_a(kind, "msgpack"):
            from ._msgpack import decode

            try:
                return decode(self.bytes)
            except ValueError as error:
                raise self._bad("MessagePack") from error
        return self.text() if kind.startswith("text/") else self.bytes

    def _bad(self, what: str) -> InvalidRequest:
        return InvalidRequest("BAD_PAYLOAD", f'entry {self.id} of "{self.stream}" is not {what}')

    def __repr__(self) -> str:
        shown = f"{len(self.bytes)} bytes, {self.content_type}"
        if _is_text(_kind(self.content_type)):
            text = self.bytes[: 4 * _SHOWN].decode("utf-8", "replace")
            shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
        fields = f" {', '.join(self.fields)}" if self.fields else ""
        gap = f" after a gap {self.gap.after}…{self.gap.before}" if self.gap else ""
        try:
            time = f" {self.time:%Y-%m-%d %H:%M:%S}"
        except OverflowError:
            time = ""  # an id need not be a time
        return f"<Entry {self.stream} {self.id}{time}: {shown}{fields}{gap}>"


def _is_text(kind: str) -> bool:
    return kind.startswith("text/") or _is_a(kind, "json")


def _kind(content_type: str) -> str:
    """Returns a media type without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def _is_a(kind: str, form: str) -> bool:
    """Whether a media type is JSON or MessagePack: ``application/json``, ``application/geo+json``, ``application/x-msgpack``."""
    known = (f"application/{form}", f"application/x-{form}", f"application/vnd.{form}")
    return kind in known or (kind.startswith("application/") and kind.endswith(f"+{form}"))

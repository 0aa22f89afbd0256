"""Payloads: encodes Python values, and converts images with Pillow, or OpenCV without it."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    import numpy

TYPES = frozenset(("image/jpeg", "image/png", "image/webp", "image/gif"))
_QUALITY = 90  # of a JPEG, of 100


def encode_payload(value: Any, image_format: str) -> bytes:
    """Returns the payload of a value: bytes as they are, text as UTF-8, dicts and lists as JSON, images as files.

    Raises TypeError for any other value.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, (dict, list)):
        return _encode_json(value)
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "__array_interface__"):
        return encode(value, image_format)
    raise TypeError(f"an entry must be bytes, str, dict, list or an image, got {type(value).__name__}")


def _encode_json(value: Any) -> bytes:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except TypeError as error:
        hint = "convert numpy values with .tolist(), and pass several entries as send(*entries)"
        raise TypeError(f"a dict or list is sent as JSON: {error}; {hint}") from None
    except ValueError as error:
        hint = "send None instead of NaN or infinity" if "Out of range" in str(error) else "check its values"
        raise ValueError(f"a dict or list is sent as JSON: {error}; {hint}") from None


def encode(image: Any, image_format: str = "jpeg") -> bytes:
    """Encodes a numpy or Pillow image. An array is height × width (gray) or height × width × 3 or 4 (RGB, RGBA).

    Args:
        image_format: ``"jpeg"``, or ``"png"``, which is lossless, also for 16 bits of gray.

    Raises TypeError if the array is not an image, ValueError for another format.
    """
    import numpy

    if image_format not in ("jpeg", "png"):
        raise ValueError(f'format must be "jpeg" or "png", got {image_format!r}')
    pixels = numpy.asarray(image)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    is_deep = pixels.dtype == numpy.uint16 and pixels.ndim == 2 and image_format == "png"
    if not (
        pixels.ndim in (2, 3)
        and channels in (1, 3, 4)
        and pixels.size
        and (pixels.dtype == numpy.uint8 or is_deep)
    ):
        raise TypeError(
            "an image must be a uint8 array of height × width, or of height × width × 3 or 4 (PNG: also uint16 × 1); "
            f"got {pixels.dtype} {pixels.shape}. Send other arrays as array.tobytes()"
        )
    pixels = pixels[:, :, 0] if pixels.ndim == 3 and channels == 1 else pixels
    if image_format == "jpeg" and channels == 4:
        pixels = pixels[:, :, :3]
    pixels = numpy.ascontiguousarray(pixels)
    try:
        from PIL import Image
    except ImportError:
        return _encode_opencv(pixels, image_format)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, image_format, quality=_QUALITY)
    return out.getvalue()


def decode(data: bytes, mode: Optional[str]) -> numpy.ndarray[Any, Any]:
    """Decodes an image. Raises ValueError if it is not one, or if the mode is unknown."""
    import numpy

    if mode not in ("RGB", "L", None):
        raise ValueError(f'mode must be "RGB", "L" or None, got {mode!r}')
    try:
        from PIL import Image
    except ImportError:
        return _decode_opencv(data, mode)
    try:
        with Image.open(io.BytesIO(data)) as picture:
            if mode is None:
                picture.load()
                is_deep = picture.mode in ("I", "I;16")
                palette = picture.convert() if picture.mode == "P" else picture
                return numpy.asarray(palette, dtype=numpy.uint16 if is_deep else None)
            return numpy.asarray(picture.convert(mode))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(str(error)) from error


def _encode_opencv(pixels: numpy.ndarray[Any, Any], image_format: str) -> bytes:
    import cv2

    if pixels.ndim == 3:
        pixels = pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]]
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY] if image_format == "jpeg" else []
    return bytes(cv2.imencode(f".{image_format}", pixels, options)[1].tobytes())


def _decode_opencv(data: bytes, mode: Optional[str]) -> numpy.ndarray[Any, Any]:
    import cv2
    import numpy

    flags = {"RGB": cv2.IMREAD_COLOR, "L": cv2.IMREAD_GRAYSCALE, None: cv2.IMREAD_UNCHANGED}
    picture = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), flags[mode]) if data else None
    if picture is None:
        raise ValueError("OpenCV cannot decode it")
    pixels: numpy.ndarray[Any, Any] = picture
    return pixels[:, :, [2, 1, 0, 3][: pixels.shape[2]]] if pixels.ndim == 3 else pixels

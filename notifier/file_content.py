"""The content of a file, in a message and in JSON."""

import base64
import binascii
from typing import Annotated, Any

from pydantic import BeforeValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema


def _file_bytes(value: object) -> object:
    """Bytes as they are, text as UTF-8; JSON holds them as ``{"base64": "…"}``."""
    match value:
        case {"base64": str(text)}:
            try:
                return base64.b64decode(text, validate=True)
            except binascii.Error:
                raise ValueError("not base64") from None
        case str():
            return value.encode(errors="replace")
        case bytearray() | memoryview():
            return bytes(value)
    return value


def _as_base64(value: bytes) -> dict[str, str]:
    return {"base64": base64.b64encode(value).decode()}


class _Base64InJson:
    """As pydantic's ``PlainSerializer``, whose module nothing else needs: it takes more than all parts of a message."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(_as_base64, when_used="json")
        return {**handler(source), "serialization": written}


FileContent = Annotated[bytes, BeforeValidator(_file_bytes), _Base64InJson()]

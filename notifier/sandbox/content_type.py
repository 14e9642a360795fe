"""What kind of file an upload is: from its name, as Discord tells it, whatever the client said of it."""

from mimetypes import MimeTypes

UNSAID = ("", "application/unknown", "application/octet-stream")
"""What a part says that names no type; the second is Tornado's word for none at all."""

# the table of Python itself: that of the machine would make a message look different from one machine to the next
TYPES = MimeTypes()
for ending, kind in {".log": "text/plain", ".md": "text/markdown", ".webp": "image/webp", ".yaml": "text/yaml"}.items():
    TYPES.add_type(kind, ending)


def content_type(filename: str, said: str, data: bytes) -> str | None:
    """The type of a file, texts with their charset; None: not known."""
    guessed, encoding = TYPES.guess_type(filename.lower())
    kind = None if encoding else guessed
    if kind is None:
        return None if said.strip() in UNSAID else said.strip()
    return f"{kind}; charset=utf-8" if kind.startswith("text/") and _is_utf8(data) else kind


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except ValueError:
        return False
    return True

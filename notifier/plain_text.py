"""Text that is no Markdown, written so that Discord draws it as it stands (Discord docs, reference.mdx)."""

import re

_BREAK = r"\n\r\v\x1c-\x1e\x85\u2028\u2029"
_BLANK = (
    r"\x00-\x09\x0e-\x1b\x1f\x20\x7f-\x84\x86-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f"
    r"\u2000-\u200f\u202a-\u202f\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0"
)
"""What draws nothing. Discord takes some of it out, and what is behind it then begins the line."""
_NO_LINK = rf"\s{_BREAK}{_BLANK}<>\"`|\\^"
_LINK = rf"""
    https?://
    (?:[\w.~!$&'()+,;=%:-]+@)?
    (?:\w(?:[\w.-]*\w)?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}}(?![0-9]))?
    (?:[/?\#](?:[^{_NO_LINK}]*[^{_NO_LINK}.,:;'\]])?)?
"""
_ENDS = re.compile(r"[.,;\"')]*:?(?:[ \t\n\r\v]|\Z)")
"""Where Discord ends a link too. Else it goes on to the next space, over what is escaped there."""
_MARKS = rf"""
    (?:(?i:https?|steam|discord):)(?=//)                     # what Discord would make a link of
    | (?:^|(?<=[{_BREAK}]))[{_BLANK}]*  # headings, quotes, subtext, lists
      (?:[\#>]|-(?=\#)|[+-](?=[{_BREAK}{_BLANK}]|\Z)|[0-9]+(?=\.(?:[{_BREAK}{_BLANK}]|\Z)))
    | :(?![0-9]{{1,2}}(?:[+-][0-9]{{2}})?:)(?=[\w+~-]+:)  # an emoji's name; a time is none
    | @(?=everyone|here|silent)
    | [\\*_~`|\[\]<]
"""
_MARK = re.compile(_MARKS, re.VERBOSE)
_LINK_OR_MARK = re.compile(f"(?P<link>{_LINK})|{_MARKS}", re.VERBOSE)
FENCE = 3
"""Backticks around a code block; fewer enclose code within a line."""
_FENCE = re.compile("`(?=``)")


def plain(text: str, *, links: bool = True) -> str:
    """The text as Discord's Markdown that is drawn as this text, and pings nobody.

    Links stay links. ``links``: False for a title that is a link itself: Discord looks for none in it.
    """
    text = text.replace("\f", "")  # Discord takes it out before it reads the rest
    if links and "://" in text:
        return _LINK_OR_MARK.sub(_link_or_escape, text)
    return _MARK.sub(_escape, text)


def code_block(text: str, language: str = "") -> str:
    """The text as a code block, which none of it can end. Nothing is to be escaped in one."""
    inside = in_code(text, FENCE).strip("\n\r\f")
    language = re.sub(r"[^A-Za-z0-9_+\-.#]", "", language)
    return f"```{language}\n{inside or ' '}\n```"


def in_code(text: str, backticks: int) -> str:
    """The text as a part of code that so many backticks enclose, which none of it can end."""
    return _FENCE.sub("`\u200b", text) if backticks >= FENCE else text.replace("`", "\N{MODIFIER LETTER GRAVE ACCENT}")


def _link_or_escape(found: re.Match[str]) -> str:
    if not (link := found["link"]):
        return _escape(found)
    return link if _ENDS.match(found.string, found.end()) else f"<{link}>"


def _escape(found: re.Match[str]) -> str:
    mark = found[0]
    if mark[-1].isdigit():  # the dot behind the number
        return f"{mark}\\"
    return f"{mark[:-1]}\\{mark[-1]}"

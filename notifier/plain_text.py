"""Text that is no Markdown, written so that Discord draws it as it stands (Discord docs, reference.mdx)."""

import re
from functools import cache

_BREAK = r"\n\r\v\x1c-\x1e\x85\u2028\u2029"
_ODD = (
    r"\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb\U000110bd\U000110cd\U00013430-\U00013438"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
)
"""Controls and formats. Discord takes some of them out, and what is around them then stands together."""
_UNSEEN = rf"{_ODD}\v\x1c-\x1e\x85\u2028\u2029"
_BLANK = (
    rf"{_ODD}\t\x20\xa0\u034f\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200a\u202f\u205f\u2065\u2800\u3000"
    r"\u3164\ufe00-\ufe0f\uffa0"
)
"""What draws nothing; what is behind it may begin the line."""
_NO_LINK = rf"\s{_BREAK}{_BLANK}<>\"`|\\^"
_LINK = rf"""
    https?://
    (?:[\w.~!$&'()+,;=%:-]+@)?
    (?:\w(?:[\w.-]*\w)?|\[[0-9A-Fa-f:.]+\])(?::[0-9]{{1,5}}(?![0-9]))?
    (?:[/?\#](?:[^{_NO_LINK}]*[^{_NO_LINK}.,:;'\]])?)?
"""
_ENDS = re.compile(r"[.,;\"')]*:?(?:[ \t\n\r]|\Z)")
"""Where Discord ends a link too. Else it goes on to the next space, over what is escaped there."""


@cache
def _pattern(link: str, gap: str) -> re.Pattern[str]:
    """Links and what has to be escaped. ``gap``: what may stand between the characters of one mark."""
    words = {name: gap.join(name) for name in ("http", "steam", "discord", "everyone", "here", "silent", "//")}
    return re.compile(
        rf"""
        (?P<link>{link})
        | (?i:{words["http"]}{gap}s?|{words["steam"]}|{words["discord"]}){gap}:(?={gap}{words["//"]})  # made a link of
        | (?:^|(?<=[{_BREAK}]))[{_BLANK}]*  # headings, quotes, subtext, lists
          (?:[\#>]|-(?=\#)|[+-](?=[{_BREAK}{_BLANK}]|\Z)
            |(?P<number>[0-9][0-9{_ODD}]*)(?=\.(?:[{_BREAK}{_BLANK}]|\Z)))
        | :(?![0-9]{{1,2}}(?:[+-][0-9]{{2}})?:)(?=(?:{gap}[\w+~-])+{gap}:)  # an emoji's name; a time is none
        | @(?={gap}(?:{words["everyone"]}|{words["here"]}|{words["silent"]}))
        | [\\*_~`|\[\]<]
        """,
        re.VERBOSE,
    )


_GAP = re.compile(f"[{_UNSEEN}]")
_NEVER = "(?!)"
FENCE = 3
"""Backticks around a code block; fewer enclose code within a line."""
_FENCE = re.compile(f"`(?=[{_UNSEEN}]*`[{_UNSEEN}]*`)")


def plain(text: str, *, links: bool = True) -> str:
    """The text as Discord's Markdown that is drawn as this text, and pings nobody.

    Links stay links. ``links``: False for a title that is a link itself: Discord looks for none in it.
    """
    text = text.replace("\f", "")  # Discord takes it out before it reads the rest
    has_links = links and "://" in text
    gap = f"{_GAP.pattern}*" if _GAP.search(text) else ""  # seldom, and such a pattern takes long to compile
    return _pattern(_LINK if has_links else _NEVER, gap).sub(_link_or_escape, text)


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
    if found["number"]:  # the dot behind it
        return f"{mark}\\"
    return f"{mark[:-1]}\\{mark[-1]}"

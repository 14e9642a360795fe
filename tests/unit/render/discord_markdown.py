"""What Discord draws of a text, by its own rules: a second reading of them, so that a mistake in ours is not repeated.

Sources: Discord docs, reference.mdx (Message Formatting); its Markdown guide; the rules that its client applies in
order at each place. What is drawn as more than text is named, and its inside is not read further.
"""

import re
import unicodedata
from dataclasses import dataclass, field

ANYWHERE = {
    "code block": r"```(?:[\w+\-.#]+?\n)?\n*[^\n][\s\S]*?\n*```",
    "code": r"(`+)[\s\S]*?[^`]\1(?!`)",
    "emphasis": r"\*(?=\S)(?:\*\*|\\.|[^*\\])+?\*(?!\*)|_(?:__|\\.|[^\\_])+?_(?![0-9A-Za-z_])",
    "strong": r"\*\*(?:\\.|[^\\])+?\*\*(?!\*)",
    "underline": r"__(?:\\.|[^\\])+?__(?!_)",
    "strike": r"~~[\s\S]+?~~(?!_)",
    "spoiler": r"\|\|[\s\S]+?\|\|",
    "masked link": r"\[(?:\[[^\]]*\]|[^\[\]]|\](?=[^\[]*\]))*\]"
    r"\(\s*<?(?:\([^)]*\)|[^\s\\]|\\.)*?>?(?:\s+['\"][\s\S]*?['\"])?\s*\)",
    "mention": r"<@[!&$]?\d+>|<#\d+>|@everyone|@here",
    "command": r"</[^<>\n]+:\d+>",
    "navigation": r"<(?:id|\d+):[\w:-]+>",
    "time": r"<t:-?\d+(?::[A-Za-z])?>",
    "mail": r"<[^\s<>@]+@[^\s<>@]+\.[^\s<>@]+>",
    "telephone": r"<(?:(?:tel|sms):)?\+?[\d(][\d() ./-]+>",
    "emoji": r"<a?:\w+:\d+>|:(?!\d{1,2}:|\d\d[+-]\d\d:)[\w+-]+(?:::skin-tone-\d)?:",
    "silent": r"\A@silent(?!\S)",
}
AT_A_LINE = {
    "heading": r"[^\S\n]*#{1,3}\s+[^\n]",
    "subtext": r"[^\S\n]*-#[^\S\n]+[^\n]",
    "quote": r"[^\S\n]*>(?:>>)?[^\S\n]",
    "list": r"[^\S\n]*(?:[*+-]|\d+\.)[^\S\n]+\S",
}
LINK = re.compile(r"(?:https?|steam|discord)://[^\s<]+[^<.,:;\"'\]\s]", re.ASCII | re.IGNORECASE)
IN_ANGLES = re.compile(r"<((?:https?|steam|discord)://[^ >]+)>", re.IGNORECASE)
ESCAPE = re.compile(r"\\([^0-9A-Za-z\s])")
UNSEEN = {"Cc", "Cf", "Zl", "Zp"}


@dataclass
class Drawn:
    """A text as it is drawn, the links in it, and what of it is no plain text."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)


def draw(markdown: str, *, links: bool = True) -> Drawn:
    """Read a text as Discord does. ``links``: False for the title of an embed that has a link itself."""
    source = markdown.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")
    rules = [(name, re.compile(form), False) for name, form in ANYWHERE.items()]
    rules += [(name, re.compile(form), True) for name, form in AT_A_LINE.items()]
    drawn, at = Drawn(), 0
    while at < len(source):
        if escape := ESCAPE.match(source, at):
            drawn.text += escape[1]
            at = escape.end()
        elif links and (link := IN_ANGLES.match(source, at) or LINK.match(source, at)):
            drawn.text += link[link.lastindex or 0]
            drawn.links.append(link[link.lastindex or 0])
            at = link.end()
        else:
            line_begins = not source[source.rfind("\n", 0, at) + 1 : at].strip()
            drawn.marks += [
                name for name, form, only_there in rules if (line_begins or not only_there) and form.match(source, at)
            ]
            drawn.text += source[at]
            at += 1
    return drawn


def as_seen(text: str) -> str:
    """A plain text as Discord shows it: it knows one end of a line, and no form feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "")


def stripped_of_what_is_not_seen(text: str) -> str:
    """What is left if Discord takes out odd characters (Discord docs, webhook.mdx)."""
    return "".join(each for each in text if each in "\n\r\t" or unicodedata.category(each) not in UNSEEN)

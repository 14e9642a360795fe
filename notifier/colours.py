"""The colours that people write: numbers, hexadecimal, CSS, and the names that discord.py and CSS have."""

import math
import re
from decimal import Decimal
from functools import cache

COLOUR_MAX = 0xFFFFFF
OURS = {
    "green": 0x2ECC71,
    "yellow": 0xF1C40F,
    "red": 0xE74C3C,
    "dark red": 0x992D22,
    "blue": 0x3498DB,
    "grey": 0x95A5A6,
}
"""The colours of severities, and their names."""
DISCORD = (
    "teal 1abc9c dark_teal 11806a brand_green 57f287 dark_green 1f8b4c dark_blue 206694 purple 9b59b6 dark_purple"
    " 71368a magenta e91e63 dark_magenta ad1457 gold f1c40f dark_gold c27c0e orange e67e22 dark_orange a84300"
    " brand_red ed4245 lighter_grey 95a5a6 dark_grey 607d8b light_grey 979c9f darker_grey 546e7a og_blurple 7289da"
    " blurple 5865f2 greyple 99aab5 dark_theme 1a1a1e fuchsia eb459e dark_embed 242429 light_embed ffffff pink"
    " eb459f ash_theme 2e2e34 onyx_theme 070709 light_theme fbfbfb ash_embed 37373e"
    " onyx_embed 131416 default 000000"
)
"""Names that discord.py has for Discord's own colours (discord.Colour, 2.7)."""
CSS = (
    "aliceblue f0f8ff antiquewhite faebd7 aqua 00ffff aquamarine 7fffd4 azure f0ffff beige f5f5dc bisque ffe4c4"
    " black 000000 blanchedalmond ffebcd blueviolet 8a2be2 brown a52a2a burlywood deb887 cadetblue 5f9ea0"
    " chartreuse 7fff00 chocolate d2691e coral ff7f50 cornflowerblue 6495ed cornsilk fff8dc crimson dc143c cyan"
    " 00ffff darkblue 00008b darkcyan 008b8b darkgoldenrod b8860b darkgray a9a9a9 darkgreen 006400 darkgrey a9a9a9"
    " darkkhaki bdb76b darkmagenta 8b008b darkolivegreen 556b2f darkorange ff8c00 darkorchid 9932cc darkred 8b0000"
    " darksalmon e9967a darkseagreen 8fbc8f darkslateblue 483d8b darkslategray 2f4f4f darkslategrey 2f4f4f"
    " darkturquoise 00ced1 darkviolet 9400d3 deeppink ff1493 deepskyblue 00bfff dimgray 696969 dimgrey 696969"
    " dodgerblue 1e90ff firebrick b22222 floralwhite fffaf0 forestgreen 228b22 gainsboro dcdcdc ghostwhite f8f8ff"
    " goldenrod daa520 gray 808080 greenyellow adff2f honeydew f0fff0 hotpink ff69b4 indianred cd5c5c indigo"
    " 4b0082 ivory fffff0 khaki f0e68c lavender e6e6fa lavenderblush fff0f5 lawngreen 7cfc00 lemonchiffon fffacd"
    " lightblue add8e6 lightcoral f08080 lightcyan e0ffff lightgoldenrodyellow fafad2 lightgray d3d3d3 lightgreen"
    " 90ee90 lightgrey d3d3d3 lightpink ffb6c1 lightsalmon ffa07a lightseagreen 20b2aa lightskyblue 87cefa"
    " lightslategray 778899 lightslategrey 778899 lightsteelblue b0c4de lightyellow ffffe0 lime 00ff00 limegreen"
    " 32cd32 linen faf0e6 maroon 800000 mediumaquamarine 66cdaa mediumblue 0000cd mediumorchid ba55d3 mediumpurple"
    " 9370db mediumseagreen 3cb371 mediumslateblue 7b68ee mediumspringgreen 00fa9a mediumturquoise 48d1cc"
    " mediumvioletred c71585 midnightblue 191970 mintcream f5fffa mistyrose ffe4e1 moccasin ffe4b5 navajowhite"
    " ffdead navy 000080 oldlace fdf5e6 olive 808000 olivedrab 6b8e23 orangered ff4500 orchid da70d6 palegoldenrod"
    " eee8aa palegreen 98fb98 paleturquoise afeeee palevioletred db7093 papayawhip ffefd5 peachpuff ffdab9 peru"
    " cd853f plum dda0dd powderblue b0e0e6 rebeccapurple 663399 rosybrown bc8f8f royalblue 4169e1 saddlebrown"
    " 8b4513 salmon fa8072 sandybrown f4a460 seagreen 2e8b57 seashell fff5ee sienna a0522d silver c0c0c0 skyblue"
    " 87ceeb slateblue 6a5acd slategray 708090 slategrey 708090 snow fffafa springgreen 00ff7f steelblue 4682b4"
    " tan d2b48c thistle d8bfd8 tomato ff6347 turquoise 40e0d0 violet ee82ee wheat f5deb3 white ffffff whitesmoke"
    " f5f5f5 yellowgreen 9acd32"
)
"""Names that CSS has (CSS Color Module Level 4), but for those above."""
# not compiled before they are used: few callers write colours so
_RGB = r"rgba?\(\s*([\d.]+%?)[\s,]+([\d.]+%?)[\s,]+([\d.]+%?)\s*(?:[,/]\s*[\d.]+%?\s*)?\)"
_HSL = r"hsla?\(\s*([+-]?[\d.]+)(deg|grad|rad|turn)?[\s,]+([\d.]+)%?[\s,]+([\d.]+)%?\s*(?:[,/]\s*[\d.]+%?\s*)?\)"
_TURN = {"deg": 360.0, "grad": 400.0, "rad": 2 * math.pi, "turn": 1.0}
"""How much of each unit of an angle a whole turn has (CSS Values and Units)."""


def colour_of(value: object) -> int | None:
    """The colour that a value means, 0 to 0xFFFFFF; None if it means none.

    Text of digits alone is a decimal number; hexadecimal begins with ``#`` or ``0x``, or has a letter.
    """
    if isinstance(value, tuple | list) and len(value) == 3:
        value = f"rgb({','.join(map(str, value))})"
    number = _of_text(value) if isinstance(value, str) else _of_number(value)
    return number if number is not None and 0 <= number <= COLOUR_MAX else None


def _of_number(value: object) -> int | None:
    if isinstance(value, bool) or not hasattr(value, "__int__"):
        return None
    try:
        if isinstance(value, Decimal) and not 0 <= value <= COLOUR_MAX:
            return None  # it may have a thousand million digits
        number = int(value)
    except (ValueError, TypeError, ArithmeticError):
        return None
    return number if not isinstance(value, float | Decimal) or number == value else None


def _of_text(text: str) -> int | None:
    text = text.strip().lower()
    if text.isdecimal() and text.isascii():
        return int(text) if len(text) < 9 else None
    if digits := re.fullmatch(r"(?:(?:0x)?#|0x)?([0-9a-f]{6}|[0-9a-f]{3})", _opaque(text)):
        return int(digits[1] if len(digits[1]) == 6 else "".join(2 * digit for digit in digits[1]), 16)
    if rgb := re.fullmatch(_RGB, text):
        return _of_parts(*rgb.groups())
    if hsl := re.fullmatch(_HSL, text):
        return _of_hue(*hsl.groups(default="deg"))
    name = re.sub(r"[\s-]+", "_", text).replace("gray", "grey")
    return _names().get(name, _names().get(name.replace("_", "")))


def _opaque(text: str) -> str:
    """Without the alpha of ``#rgba`` and ``#rrggbbaa``: Discord has none."""
    size = len(text) if text.startswith("#") else 0
    return text[: {5: 4, 9: 7}.get(size, len(text))]


def _of_parts(*parts: str) -> int | None:
    try:
        values = [float(part[:-1]) * 2.55 if part.endswith("%") else float(part) for part in parts]
    except ValueError:
        return None
    red, green, blue = (round(min(255.0, value)) for value in values)
    return red << 16 | green << 8 | blue


def _of_hue(angle: str, unit: str, saturation: str, lightness: str) -> int | None:
    try:
        turns = float(angle) / _TURN[unit]
        strong, light = (min(float(each), 100) / 100 for each in (saturation, lightness))
    except ValueError:
        return None
    from colorsys import hls_to_rgb  # few alerts have one

    return _of_parts(*(str(255 * part) for part in hls_to_rgb(turns, light, strong)))


def _pairs(text: str) -> dict[str, int]:
    words = iter(text.split())
    return {name.replace("gray", "grey"): int(digits, 16) for name, digits in zip(words, words, strict=True)}


@cache
def _names() -> dict[str, int]:
    return _pairs(CSS) | _pairs(DISCORD) | {name.replace(" ", "_"): value for name, value in OURS.items()}

"""What secrets look like: of each kind the words without which there is none, and its pattern.

The words are looked for first, because that costs a hundredth of a pattern, which is compiled only then. A pattern
takes time in proportion to the length of the text: no part of it can match the same characters in two ways.
"""

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass

VALUE_CHARACTERS_MAX = 4_096
"""Ours: a header or a password is no longer."""
_ESCAPES = r"(?:\s|\\[nr])"  # a key may be quoted: in JSON, in a repr
_QUOTE = r"""(?:\\{0,3}["'])"""
_END = r"""[^\s"'\\,;<>(){}\[\]]"""
_NAMES = (
    r"pass(?:word|wd|phrase)|pwd|secret|client[_-]?secret|secret[_-]?(?:access[_-]?)?key|api[_-]?(?:secret|key)"
    r"|(?:access|auth|refresh|session|bot|id|security)[_-]?token|private[_-]?key|account[_-]?key|shared[_-]?access[_-]?key"
    r"|auth[_-]?key|encryption[_-]?key|credentials?"
)
SECRET_NAME = re.compile(
    rf"(?:.*[^a-z]|.*[a-z](?=[A-Z]))?(?:{_NAMES})|.*[_-]token|token|(?:proxy-)?authorization|(?:set-)?cookie",
    re.I,
)
"""The whole name of a value that is a secret."""
COOKIE_NAME = re.compile(r"(?:set-)?cookie", re.I)
_JOINED = [
    *("api key", "api secret", "private key", "account key", "auth key", "encryption key", "shared access key"),
    *(f"{name} token" for name in ("access", "auth", "refresh", "session", "bot", "id", "security")),
]
_NAME_WORDS = (
    *("password", "passwd", "passphrase", "pwd", "secret", "credential"),
    *(name.replace(" ", joint) for name in _JOINED for joint in ("", "_", "-")),
)
_WORD_AND_DIGIT = r"(?=[a-z_!-@~]{0,60}\d)(?=[\d!-@~]{0,60}[a-z])"
_NO_CODE = r"(?![a-z_]\w{0,60}(?:\.[a-z_]\w{0,60}){0,9}[(\[])(?!(?:self|cls|settings|config|args|os)\.)"
_WORDS = frozenset(
    """
    none null nil true false str string text int integer bytes object optional any type required invalid
    missing wrong incorrect expired changed reset empty unset set yes no ok failed denied rejected password
    passwd passphrase secret token key value username user admin_password placeholder redacted masked hidden
    removed filtered example changeme bearer basic digest negotiate undefined disabled enabled default
    unknown error field mismatch
    """.split()  # noqa: SIM905 - a list of sixty would take sixty lines
)
_PLACEHOLDER = re.compile(r"[*x•.#_-]+|\$\w+|%\(?\w*\)?s?|\W*(?:masked|redacted|filtered|secure|secret)\W*", re.I)
MIXED_CHARACTERS = 8
"""Ours: so long is a part of a token at the least that has letters and digits."""
MASK = "(masked)"
"""What stands in place of a secret: it means nothing in Markdown, and may be part of a URL."""


def is_placeholder(value: str) -> bool:
    """Whether somebody has masked it already, or it stands for a value."""
    return not value or value.lower() in _WORDS or _PLACEHOLDER.fullmatch(value) is not None


def is_secret_value(value: str) -> bool:
    """Whether the value of a name such as ``password`` is one: no placeholder, no sentence, no code."""
    if is_placeholder(value) or len(value.split()) > 2 or value[0] in "<{$%":
        return False
    return not re.fullmatch(r"[A-Za-z_][\w.]*[\[(].*", value)


def _is_login(found: re.Match[str]) -> bool:
    """Whether a Basic credential is one: in Base64, a name and a password."""
    try:
        return b":" in base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), validate=True)
    except ValueError:  # no Base64, or no ASCII: letters of any alphabet fit the pattern
        return False


def _is_bot_token(found: re.Match[str]) -> bool:
    """Whether the first part of a bot's token is its id, in Base64 (Discord docs, reference.mdx, Authentication)."""
    first = found[1].split(".", 1)[0]
    try:
        return base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)).isdigit()
    except ValueError:  # no Base64, or no ASCII: letters of any alphabet fit the pattern
        return False


def _is_value(found: re.Match[str]) -> bool:
    return is_secret_value(found[found.lastindex or 0])


def _is_unquoted_value(found: re.Match[str]) -> bool:
    """In code and in sentences, a name may stand there; with a comma or a bracket behind it, it nearly always does."""
    value, behind = found[3], found.string[found.end() : found.end() + 1]
    named = re.fullmatch(r"[A-Za-z_.]+", value) is not None
    return is_secret_value(value) and not (named and (behind in (",", ")", "(", "[", "]") or "." in value))


def _is_token(found: re.Match[str]) -> bool:
    """Whether a value that is called a token looks random: neither words with a number, nor a date, nor a path."""
    value = found[1]
    parts = re.split(r"[_.~+/=-]+", value)
    is_random = any(len(part) >= MIXED_CHARACTERS and re.search(r"\d\D|\D\d", part) for part in parts)
    return is_random and not value.startswith(("/", "~/")) and is_secret_value(value)


def _always(found: re.Match[str]) -> bool:
    return not is_placeholder(found[found.lastindex or 0])


_LOOKS_RANDOM = re.compile(r"\d|[a-z][A-Z]|\S{20}")


def _has_secret_pair(found: re.Match[str]) -> bool:
    """Whether a cookie is one of a session or of a login, or looks as if it were: most others are settings."""
    pairs = re.findall(r"([^\s=;]+)='?([^\s;']+)", found[found.lastindex or 0])
    return any(
        not is_placeholder(value) and (_LOOKS_RANDOM.search(value) or re.search(r"(?i)sess|sid|auth|token|csrf", name))
        for name, value in pairs
    )


@dataclass(frozen=True, slots=True)
class SecretKind:
    """One kind. ``words``: one of them, in lower case, is in every text that holds one. The last group is the secret.

    ``at_words``: each begins with one of the words. ``link``: what makes a link work for whoever has it.
    """

    name: str
    words: tuple[str, ...]
    pattern: str
    is_one: Callable[[re.Match[str]], bool] = _always
    link: bool = False
    at_words: bool = False


def _token(name: str, words: str, pattern: str) -> SecretKind:
    return SecretKind(name, tuple(words.split()), rf"(?<![\w-])({pattern})")


_OTHER_TOKENS = (
    r"sk-ant-[\w-]{20,}|sk-(?:proj|svcacct|admin|or)-[\w-]{20,}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}|hf_[A-Za-z]{34}"
    r"|do[opr]_v1_[0-9a-f]{64}|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|sq0(?:atp|csp)-[\w-]{22,}|ATATT3[\w=-]{50,}"
    r"|lin_api_\w{32,}|dapi[0-9a-f]{32}|hv[sbr]\.[\w-]{24,}|gl(?:sa|c)_[\w=-]{20,}|NRAK-[A-Z0-9]{27}"
    r"|sntry[su]_[\w=+/]{20,}|PMAK-[0-9a-f-]{40,}|rubygems_[0-9a-f]{48}|ntn_[A-Za-z0-9]{40,}|figd_[\w-]{30,}"
    r"|dckr_pat_[\w-]{20,}|sbp_[0-9a-f]{40}|pscale_(?:tkn|pw|oauth)_[\w.=-]{32,}|dp\.(?:pt|st|ct|sa)\.\w{40,}"
    r"|(?:key-[0-9a-z]{32}|[0-9a-f]{32}-us[0-9]{1,2})(?![\w-])|AGE-SECRET-KEY-1[A-Z0-9]{50,}|EAAA[\w-]{60}"
)
_HEADERS = (
    r"(?:proxy-)?authorization|x-(?:(?:goog-)?api-key|rapidapi-key|functions-key|auth-(?:token|key)|(?:shopify-)?access-token"
    r"|amz-security-token|vault-token|gitlab-token|[cx]srf-?token)|private-token|ocp-apim-subscription-key"
)
# a name in the form of a header, of a mapping, of a list of pairs (of texts or of bytes), or of a query
_AFTER_NAME = rf"{_QUOTE}?[ \t]*(?:[:=]|,|%3A)[ \t]*(?:b?{_QUOTE})?"

_COOKIE = rf"[\w!#$%&*+.^|~-]{{1,100}}=[^\s\"',;\\<>(){{}}]{{1,{VALUE_CHARACTERS_MAX}}}"
"""A name and a value (RFC 6265, 4.1.1)."""

BOT_TOKEN_MIDDLE = r"\.[\w-]{6,7}\."
"""A bot token has no word of its own; this part of it tells more than its dots, which are in most texts."""

KINDS = (
    SecretKind(
        "private key",
        ("private key-----", "private key block-----"),
        r"(-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^-]*(?:-{1,4}[^-]+)*-----END [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----"
        rf"|{_ESCAPES}*(?:[A-Za-z0-9+/=]{{16,}}{_ESCAPES}*)*))",
    ),
    SecretKind("private key", ("private-lines:",), r"Private-Lines: \d+\s+((?:[A-Za-z0-9+/=]{16,}\s*)+)"),
    SecretKind(
        "webhook URL",
        ("/webhooks/", "hooks.", "webhook.office.com", "/hooks/", "outlook.office.com/webhook"),
        r"(?i)(?:/webhooks/\d{1,20}/|hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/"
        r"|hooks\.zapier\.com/hooks/catch/|outlook\.office\.com/webhook/|webhook\.office\.com/webhookb2/"
        r"|hook\.(?:eu|us)\d\.make\.com/|://[^\s/]{1,200}/hooks/(?=[a-z0-9]{17,}))"
        r"([^\s\"'<>()?#]+[^\s\"'<>()?#.,;:!])",
    ),
    SecretKind(
        "webhook URL",
        ("api.telegram.org/bot", "/with/key/"),
        r"(?:api\.telegram\.org/bot|maker\.ifttt\.com/trigger/[^\s/]{1,100}(?:/json)?/with/key/)([^\s/\"'<>?]+)",
    ),
    SecretKind(
        "Authorization header",
        (
            "authorization",
            "x-api-key",
            "x-auth-token",
            "x-access-token",
            "security-token",
            "x-vault-token",
            "private-token",
            *("x-goog-api-key", "x-rapidapi-key", "x-functions-key", "x-auth-key", "x-shopify-access-token"),
            *("x-gitlab-token", "x-csrf", "x-xsrf", "subscription-key"),
        ),
        rf"(?i)(?<![\w])(?:{_HEADERS}){_AFTER_NAME}"
        r"(?:(?:Bearer|Basic|Token|Bot|Digest|ApiKey|Negotiate|AWS4-HMAC-SHA256|GoogleLogin)(?:[ \t]+|%20|\+))?"
        rf"({_END}{{1,{VALUE_CHARACTERS_MAX}}})",
        lambda found: _always(found) and _LOOKS_RANDOM.search(found[1]) is not None,
    ),
    SecretKind(
        "cookie",
        ("cookie", "<morsel: "),
        rf"(?i)(?<!\w)(?:set-cookie2?{_AFTER_NAME}({_COOKIE})|cookie{_AFTER_NAME}({_COOKIE}(?:;[ \t]*{_COOKIE})*)"
        rf"|<(?:Cookie|Morsel:) ({_COOKIE})|<SimpleCookie: ([^<>\n]{{1,{VALUE_CHARACTERS_MAX}}})>)",
        _has_secret_pair,
    ),
    SecretKind(
        "bearer token",
        ("bearer",),
        r"(?i)(?<!\w)Bearer(?:[ \t]+|%20)(?=[a-z._~+/=-]{0,100}\d)([\w.~+/=-]{16,})",
    ),
    SecretKind("basic credentials", ("basic",), r"(?i)(?<!\w)Basic(?:[ \t]+|%20)([a-z0-9+/]{6,}={0,2})", _is_login),
    SecretKind(
        "password in a URL",
        ("://",),
        r"""(?<=://)[^/?#\s:@"'<>]{0,256}:((?:[^\s/?#<>"']|["'](?![,:;)\]}])){1,256})@(?=[^\s@]*)""",
        lambda found: not is_placeholder(found[1]) or found[1].lower() in _WORDS - {"masked", "redacted", "password"},
    ),
    SecretKind(
        "JWT",
        ("eyj",),
        r"(?<![\w-])(eyJ[\w-]{8,}\.(?:eyJ[\w-]{8,}\.[\w-]*|[\w-]*\.[\w-]+\.[\w-]+\.[\w-]+))",
    ),
    _token("AWS key", "akia asia abia acca", r"(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?!\w)"),
    _token("Google key", "aiza ya29. gocspx-", r"AIza[\w-]{35}(?!\w)|ya29\.[\w-]{20,}|GOCSPX-[\w-]{28}"),
    _token("Azure secret", "q~", r"[\w~.-]{3}\dQ~[\w~.-]{31,34}"),
    _token(
        "GitHub token", "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_", r"gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_\w{22,255}"
    ),
    _token(
        "GitLab token",
        "glpat- gldt- glrt- glptt- glcbt- gloas- glft- glsoat- glimt- glagent- glffct-",
        r"gl(?:pat|dt|rt|ptt|cbt|oas|ft|soat|imt|agent|ffct)-[\w.-]{18,}",
    ),
    _token("Slack token", "xox xapp-", r"(?:xoxe\.)?xox[abceoprs]-[\w-]{10,}|xapp-\d-[\w-]{10,}"),
    _token("Stripe key", "k_live_ k_test_ whsec_", r"[rs]k_(?:live|test)_\w{10,}|whsec_\w{24,}"),
    SecretKind("Twilio key", ("sk",), r"(?<!\w)(SK[0-9a-f]{32})(?!\w)"),
    _token("SendGrid key", "sg.", r"SG\.[\w-]{16,32}\.[\w-]{16,64}"),
    _token("npm token", "npm_", r"npm_[A-Za-z0-9]{36}"),
    SecretKind("npm token", ("_authtoken=",), r"_authToken=([^\s\"']+)"),
    _token("PyPI token", "pypi-age", r"pypi-AgE[\w-]{50,}"),
    SecretKind(
        "Discord bot token",
        (".",),
        rf"([MNO](?<![\w.-].)[\w-]{{22,27}}{BOT_TOKEN_MIDDLE}[\w-]{{27,40}})",
        _is_bot_token,
    ),
    _token("Telegram token", ":aa", r"\d{8,10}:AA[\w-]{33}(?!\w)"),
    _token(
        "service token",
        "sk-ant- sk-proj- sk-svcacct- sk-admin- sk-or- t3blbkfj hf_ _v1_ shpat_ shpca_ shppa_ shpss_ sq0 atatt3"
        " lin_api_ dapi hvs. hvb. hvr. glsa_ glc_ nrak- sntry pmak- rubygems_ ntn_ figd_ dckr_pat_ sbp_ pscale_ dp.pt."
        " dp.st. dp.ct. dp.sa. key- -us age-secret-key- eaaa",
        _OTHER_TOKENS,
    ),
    SecretKind(
        "signed URL",
        ("sig=", "signature="),
        r"(?i)[?&;](?:sig|signature|x-amz-signature|x-goog-signature)=([^&\s\"'<>]{16,})",
        link=True,
    ),
    SecretKind(
        "token in a URL",
        ("token=", "key=", "secret=", "password=", "passwd=", "pwd="),
        rf"(?i)[?&](?:[\w-]{{0,40}}[_-])?(?:{_NAMES}|token|x-amz-security-token)=([^&\s\"'<>;]{{1,{VALUE_CHARACTERS_MAX}}})",
        lambda found: is_secret_value(found[1]),
    ),
    SecretKind(
        "password",
        ("--",),
        rf"(?i)(?<![\w-])--(?:[\w-]{{0,40}}[_-])?(?:{_NAMES}|token)[ \t]+[\"']?{_WORD_AND_DIGIT}({_END}{{3,256}})",
        lambda found: is_secret_value(found[1]),
    ),
    SecretKind(
        "password",
        _NAME_WORDS,
        rf"(?i)(?:{_NAMES})(?:"
        # with quotes: JSON, a repr, a keyword argument, a DSN
        rf"{_QUOTE}?\]?[ \t]*(?:=>|:=|[:=,])[ \t]*b?"
        r"""(\\{0,3}["'])((?:(?!\1)[^\n]){1,256}?)\1"""
        # without: a DSN, a variable of the environment, YAML, INI
        rf"|(?:=|(?::[ \t]+|[ \t]*=[ \t]+{_NO_CODE}){_WORD_AND_DIGIT})"
        r"""([^\s"'<>(){}\[\],;&]{3,256}))""",
        lambda found: _is_value(found) if found[2] else _is_unquoted_value(found),
        at_words=True,
    ),
    SecretKind(
        "token",
        ("token=", "token =", "token:", 'token"', "token'", "token\\"),
        # the word alone is in what parsers say: a value in quotes or right behind =, long, of letters and digits
        rf"(?i)token(?:(?:{_QUOTE}[ \t]*[:=]|:| ?=)[ \t]*b?{_QUOTE}|=)"
        r"(?=[a-z_.~+/-]{0,60}\d)(?=[\d_.~+/-]{0,60}[a-z])([\w.~+/-]{16,}+={0,2}+)(?![(\[])",
        _is_token,
    ),
)

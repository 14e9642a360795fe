"""The page on Celery's API explains every reason that a record, ``explain`` or a check may show, and no other."""

import re
from pathlib import Path

from notifier.outcome import Reason

PAGE = Path(__file__).parents[2] / "docs" / "celery.md"


def test_every_reason_is_explained() -> None:
    section = PAGE.read_text(encoding="utf-8").partition("\n### Reasons\n")[2].partition("\n## ")[0]
    explained = [
        name for row in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    ]

    assert sorted(explained) == sorted(Reason)

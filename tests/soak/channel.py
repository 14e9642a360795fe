"""What arrived in the channels, and what was asked: collected while the soak runs, for the sandbox forgets."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.conftest import Sandbox

OF_THE_SOAK = re.compile(r"^(soak-\S+|incident-\S+) .*")
NOTE = "may be a duplicate"


@dataclass(slots=True)
class Channel:
    """All messages by id, and the requests that were answered with 429 though no fault said so."""

    sandbox: Sandbox
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: dict[int, dict[str, Any]] = field(default_factory=dict)
    _texts: dict[str, str] = field(default_factory=dict)

    def read(self) -> None:
        """Take over what is new. To be called before the sandbox forgets (10,000 of each)."""
        self.messages |= {message["id"]: message for message in self.sandbox.messages()}
        self.requests |= {each["number"]: each for each in self.sandbox.call("GET", "requests")}

    @property
    def unasked(self) -> list[dict[str, Any]]:
        """Requests that met a 429 of a limit: not of a script, nor of the edge's ban, which names no scope."""
        limited = (each for each in self.requests.values() if each["status"] == 429 and each["scope"])
        return [each for each in limited if each["fault"] is None]

    def statuses(self) -> Counter[str]:
        """How often each status was answered."""
        return Counter(str(each["status"]) for each in self.requests.values())

    def shows(self, message_id: str | None, alert_id: str) -> bool:
        """Whether that message shows the alert: in an embed, or in the file of a group."""
        message = self.messages.get(str(message_id))
        if message is None:
            return False
        if any(embed.get("title", "").startswith(f"{alert_id} ") for embed in message["embeds"]):
            return True
        return any(f"{alert_id} " in self._text(message["id"], place) for place in range(len(message["attachments"])))

    def tells_of_incidents(self, alert_type: str, message_id: str = "") -> bool:
        """Whether that message is of an incident of this type; without one: whether any is."""
        name = f"incident-{alert_type}-"  # what became of it may stand before it
        asked = (each for each in self.messages.values() if message_id in ("", each["id"]))
        return any(name in embed.get("title", "") for each in asked for embed in each["embeds"])

    def doubled(self) -> tuple[dict[str, int], dict[str, int]]:
        """Titles that stand in more than one message, with how many say so; and those that are unmarked twice."""
        shown: dict[str, list[bool]] = defaultdict(list)
        for message in self.messages.values():
            for embed in message["embeds"]:
                if OF_THE_SOAK.match(title := embed.get("title", "")) and not title.startswith("incident-"):
                    shown[title].append(NOTE in embed.get("footer", {}).get("text", ""))
        doubled = {title: sum(marked) for title, marked in shown.items() if len(marked) > 1}
        return doubled, {title: marked.count(False) for title, marked in shown.items() if marked.count(False) > 1}

    def _text(self, message_id: str, place: int) -> str:
        key = f"{message_id}/{place}"
        if key not in self._texts:
            answer = requests.get(f"{self.sandbox.address}/sandbox/attachments/{key}", timeout=30)
            self._texts[key] = answer.text if answer.ok else ""
        return self._texts[key]

"""What compose.yaml comes to, read as Docker Compose and podman-compose read it."""

import re
from collections.abc import Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

ROOT = Path(__file__).parents[1]
VARIABLE = re.compile(r"\$(?:\$|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})")
DEV = "notifier/sandbox/sandbox.env"


class Composed:
    """The file with its variables filled in.

    Args:
        env: the text of the file that is ``.env``, or is named by ``--env-file``; it fills the variables.
        files: the texts of the files that ``env_file`` may name and that need not exist, by their paths.
    """

    def __init__(self, env: str = "", files: Mapping[str, str] | None = None) -> None:
        self._variables = _read(env)
        self._files = files if files is not None else {".env": env}
        self.file: dict[str, Any] = self._filled(yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8")))
        self.services: dict[str, dict[str, Any]] = self.file["services"]

    def environment(self, service: str) -> dict[str, str]:
        """The variables of the containers of a service."""
        found: dict[str, str] = {}
        for each in self.services[service].get("env_file", []):
            if each.get("required", True):
                found |= _read((ROOT / each["path"]).read_text(encoding="utf-8"))
            else:
                found |= _read(self._files.get(each["path"], ""))
        return found | self.services[service].get("environment", {})

    def _filled(self, part: Any) -> Any:
        if isinstance(part, dict):
            return {key: self._filled(value) for key, value in part.items()}
        if isinstance(part, list):
            return [self._filled(each) for each in part]
        return VARIABLE.sub(self._value, part) if isinstance(part, str) else part

    def _value(self, match: re.Match[str]) -> str:
        return self._variables.get(match["name"]) or match["default"] or "" if match["name"] else "$"


def _read(text: str) -> dict[str, str]:
    return {name: value or "" for name, value in dotenv_values(stream=StringIO(text)).items()}

"""What ``devices.toml`` may say of a device that is reached by SSH."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

#: What begins with a dash would be an option to ssh.
_HOST = re.compile(r"[A-Za-z0-9_\[:][A-Za-z0-9_.:%\[\]-]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@-]*\$?")
#: Paths on the device: without anything that a shell or JSON would read as more than a letter.
_PATH = re.compile(r"[A-Za-z0-9_~/][A-Za-z0-9_.+/@:-]*")


class SshOptions(BaseModel):
    """A device that is reached by SSH, as ``devices.toml`` names it.

    Attributes:
        host: Name or address; also an alias of the user's ``~/.ssh/config``.
        user: Name there; None leaves it to ssh.
        port: None leaves it to ssh.
        identity: File of the private key here; None leaves it to ssh and its agent.
        known_hosts: File of host keys here; None takes the user's own.
        config: Another file than the user's ``~/.ssh/config``; ``none`` reads neither.
        python: What runs the agent there: a program such as ``python3``, the path of one, the
            folder of a virtual environment, or ``uv``, which fetches numpy and the runtime;
            ``auto`` is the environment that ``zoo devices setup`` made, or else ``python3``.
        folder: Where the agent and files are kept there, from the home folder unless absolute.
        cpus: Mask of the processors that the agent may use, in hexadecimal: ``f0``; None for all.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str
    user: str | None = None
    port: int | None = Field(default=None, ge=1, le=65535)
    identity: str | None = None
    known_hosts: str | None = None
    config: str | None = None
    python: str = "auto"
    folder: str = ".cache/edgezoo-agent"
    cpus: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{1,16}$")
    connect_seconds: int = Field(default=10, ge=1, le=600)

    @field_validator("host")
    @classmethod
    def _that_is_a_host(cls, value: str) -> str:
        return _fitting(_HOST, value, "a host name or address")

    @field_validator("port", "connect_seconds", mode="before")
    @classmethod
    def _that_is_a_number(cls, value: object) -> object:
        if isinstance(value, bool):  # Python takes a truth value for a number
            raise ValueError("must be a number")
        return value

    @field_validator("user")
    @classmethod
    def _that_is_a_user(cls, value: str | None) -> str | None:
        return None if value is None else _fitting(_USER, value, "a user name")

    @field_validator("python", "folder")
    @classmethod
    def _that_is_a_path(cls, value: str) -> str:
        _fitting(_PATH, value, "a path of letters, digits and . _ - + @ : /")
        if ".." in Path(value).parts:
            raise ValueError("must not contain ..")
        return value

    @field_validator("identity", "known_hosts", "config")
    @classmethod
    def _that_is_a_file(cls, value: str | None) -> str | None:
        if value is None or value == "none":
            return value
        # ssh splits its options at blanks and quotes, and expands what begins with % or $.
        if re.search(r"[\s\"'%$\\]", value):
            raise ValueError("must be a path without blanks, quotes, %, $ and backslashes")
        return value


def _fitting(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise ValueError(f"must be {what}")
    return value

"""Network connections that are recorded and refused."""

from __future__ import annotations

import socket

import pytest


def refuse_connections(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Refuse every network connection from now on. Return the list of attempts, which grows with each."""
    attempts: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        attempts.append(arguments)
        raise OSError("no network")

    for name in ("connect", "connect_ex", "bind"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    # Neither is anybody told not to try.
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return attempts

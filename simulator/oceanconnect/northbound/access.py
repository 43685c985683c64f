"""Secure access: the calls that need no token."""

from urllib.parse import parse_qsl

from .. import codes
from ..asked import json_object
from ..codes import Refusal
from .base import Asked, Reply

SECURITY = "/iocm/app/sec/v1.1.0"


def login(asked: Asked) -> Reply:
    """POST a form of `appId` and `secret`."""
    form = dict(parse_qsl(asked.body.decode("utf-8", "replace")))
    platform = asked.platform
    return Reply(
        platform.sessions.login(form.get("appId"), form.get("secret"), platform.quirks)
    )


def refresh(asked: Asked) -> Reply:
    """POST JSON of `appId`, `secret` and `refreshToken`."""
    app_id, secret, token = _texts(asked.body, "appId", "secret", "refreshToken")
    platform = asked.platform
    return Reply(platform.sessions.refresh(app_id, secret, token, platform.quirks))


def logout(asked: Asked) -> Reply:
    """POST JSON of `accessToken`."""
    (token,) = _texts(asked.body, "accessToken")
    asked.platform.sessions.logout(token)
    return Reply(None, asked.platform.quirks.logout_status)


def _texts(body: bytes, *keys: str) -> list[str | None]:
    content = json_object(body, codes.INPUT_INVALID)
    values = [content.get(key) for key in keys]
    if not all(value is None or isinstance(value, str) for value in values):
        raise Refusal(codes.INPUT_INVALID)
    return values

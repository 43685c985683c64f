"""What Fleet Upgrade is measured beside: the least, and what is done elsewhere."""

from collections.abc import Iterable, Mapping
from pathlib import Path
import tempfile
from typing import Any, override
from urllib.parse import urlencode

import aiohttp
import orjson
import requests
from requests.adapters import HTTPAdapter

from .platform import APP_ID, Place

TASKS = "/iodm/northbound/v1.5.0/operations"

type Page = tuple[str, Mapping[str, str | int]]
"""Path and query of a page."""


def headers(token: str) -> dict[str, str]:
    """Return what lets a call in."""
    return {"app_key": APP_ID, "Authorization": f"Bearer {token}"}


class Floor:
    """The same pages with bare aiohttp and orjson, and nothing done with them."""

    def __init__(self, session: aiohttp.ClientSession, place: Place, token: str):
        """Use a session and a token that are there."""
        self._session = session
        self._url = place.url
        self._headers = headers(token)
        self._context = place.context()

    async def read(self, pages: Iterable[Page], *, decode: bool = True) -> None:
        """Read pages one after the other."""
        for path, query in pages:
            async with self._session.get(
                f"{self._url}{path}?{urlencode(query)}",
                headers=self._headers,
                ssl=self._context,
            ) as response:
                assert response.status == 200, await response.text()
                body = await response.read()
                if decode:
                    orjson.loads(body)


class _Adapter(HTTPAdapter):
    def __init__(self, context: Any) -> None:
        self._context = context
        super().__init__()

    @override
    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        super().init_poolmanager(*args, **more, ssl_context=self._context)


def one_by_one(place: Place, token: str, task_ids: Iterable[str]) -> None:
    """Read tasks with one call each, as the platforms' own examples do."""
    with tempfile.TemporaryDirectory() as folder, requests.Session() as session:
        ca = Path(folder) / "ca.pem"
        ca.write_bytes(place.ca_pem)
        session.mount("https://", _Adapter(place.context()))
        session.headers.update(headers(token))
        for task_id in task_ids:
            answer = session.get(f"{place.url}{TASKS}/{task_id}", verify=str(ca))
            assert answer.status_code == 200, answer.text
            answer.json()

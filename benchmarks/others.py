"""What Fleet Upgrade is measured beside: the least, and what is done elsewhere."""

from collections.abc import Iterable
from pathlib import Path
import tempfile
from typing import Any, override
from urllib.parse import urlencode

import aiohttp
import orjson
import requests
from requests.adapters import HTTPAdapter

from .platform import Call, Place


class Floor:
    """The same pages with bare aiohttp and orjson, and nothing done with them."""

    def __init__(self, session: aiohttp.ClientSession, place: Place, token: str):
        """Use a session and a token that are there."""
        self._session = session
        self._place = place
        self._token = token
        self._context = place.context()

    async def read(self, pages: Iterable[Call]) -> None:
        """Read pages one after the other."""
        for call in pages:
            async with self._session.request(
                call.method,
                f"{self._place.url}{call.path}?{urlencode(call.query)}",
                data=call.body,
                headers=self._place.headers(self._token, call),
                ssl=self._context,
            ) as response:
                assert response.status == 200, await response.text()
                orjson.loads(await response.read())


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
        for task_id in task_ids:
            call = place.read_task(task_id)
            answer = session.request(
                call.method,
                f"{place.url}{call.path}",
                params=call.query,
                data=call.body,
                headers=place.headers(token, call),
                verify=str(ca),
            )
            assert answer.status_code == 200, answer.text
            answer.json()

"""Pages of Flower, fetched for somebody whom the web interface has let in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import requests
from django.conf import settings

from workflows.errors import NotFound, RequestInvalid

# Where the web interface has Flower; Flower has to think that it is there, too.
_PLACE: Final = "admin/flower"
_CONNECT_SECONDS: Final = 2.0
_KEPT_HEADERS: Final = ("Content-Type", "Cache-Control", "ETag", "Last-Modified", "Location")
_PIECE: Final = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class FlowerPage:
    """An answer of Flower; its content is passed on piece by piece as it comes."""

    status: int
    content: Iterable[bytes]
    headers: Mapping[str, str]


def has_flower() -> bool:
    return bool(settings.LEVANTE_FLOWER_URL)


def fetch_flower(path: str, query: str) -> FlowerPage:
    """Fetch one page; raises RequestInvalid if Flower does not answer."""
    if not has_flower():
        raise NotFound("There is no Flower here; LEVANTE_FLOWER_URL does not name one.")
    prefix = f"{settings.LEVANTE_PATH_PREFIX}/{_PLACE}".lstrip("/")
    address = f"{settings.LEVANTE_FLOWER_URL}/{prefix}/{quote(path)}"
    name, _, password = settings.FLOWER_BASIC_AUTH.partition(":")
    try:
        answer = requests.get(
            f"{address}?{query}" if query else address,
            auth=(name, password) if name else None,
            timeout=(_CONNECT_SECONDS, settings.LEVANTE_FLOWER_SECONDS),
            allow_redirects=False,
            stream=True,
        )
    except requests.RequestException as error:
        raise RequestInvalid("Flower does not answer. Workers and queues do without it.") from error
    headers = {key: answer.headers[key] for key in _KEPT_HEADERS if key in answer.headers}
    return FlowerPage(answer.status_code, _Pieces(answer), headers)


class _Pieces:
    """The content of an answer; closing it ends the connection, read to its end or not."""

    def __init__(self, answer: requests.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer.iter_content(_PIECE))

    def close(self) -> None:
        self._answer.close()

"""A single file on the web. See `evoke/ports/weights_source.py` for what is promised."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from evoke.adapters.weights_http.ranged import begins_at, make_client, opened, pieces, size_of, version_of
from evoke.domain.weights_place import OnWeb, file_name, shown
from evoke.ports.weights_source import Listing, RemoteFile


class WebSource:
    """A `WeightsSource` of one file. Its URL may hold a secret in its query, so it is never told whole."""

    def __init__(self, place: OnWeb, tokens: Mapping[str, str]) -> None:
        """tokens: by host; sent as `Authorization: Bearer` to that host alone."""
        self._place = place
        self._what = shown(place.url)
        token = tokens.get(urlsplit(place.url).hostname or "")
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._client = make_client()

    def listing(self) -> Listing:
        """See `WeightsSource.listing`. One byte is asked for: some servers sign GET only, or refuse HEAD."""
        answer = opened(self._client, self._place.url, self._headers, "0-0", self._what)
        answer.close()
        file = RemoteFile(name=file_name(self._place), size_bytes=size_of(answer))
        return Listing(files=[file], version=version_of(answer), single=True)

    def read(self, file: RemoteFile, start: int, version: str) -> tuple[int, Iterator[bytes]]:
        """See `WeightsSource.read`."""
        answer = opened(self._client, self._place.url, self._headers, f"{start}-", self._what)
        if start and version_of(answer) != version:
            answer.close()
            answer = opened(self._client, self._place.url, self._headers, "0-", self._what)
        return begins_at(answer, start), pieces(answer, self._what)

    def close(self) -> None:
        """Release connections."""
        self._client.close()

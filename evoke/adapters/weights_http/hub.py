"""A repository of the Hugging Face hub, or of a mirror (HF_ENDPOINT). See `evoke/ports/weights_source.py`.

huggingface_hub lists the files and knows addresses and tokens; the bytes are fetched here, because its own download
begins a file anew after every break (decision 0083).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from huggingface_hub import HfApi, get_token, hf_hub_url
from huggingface_hub import errors as hub_errors

from evoke.adapters.weights_http.ranged import begins_at, make_client, opened, pieces, refusal
from evoke.domain.errors import InvalidInput, NotFound, Unavailable
from evoke.domain.weights_place import OnHub
from evoke.ports.weights_source import Listing, RemoteFile

LIST_S = 60.0
_errors: Any = hub_errors  # it exports the HTTP client's own error without saying so


class HubSource:
    """A `WeightsSource` of a repository at a revision. The token is HF_TOKEN, or that of `hf auth login`."""

    def __init__(self, place: OnHub, endpoint: str | None = None) -> None:
        """endpoint: URL of the hub; None: HF_ENDPOINT, as huggingface_hub has read it, else the public one."""
        self._place = place
        self._endpoint = endpoint
        self._client = make_client()
        self._what = f"hf:{place.repository}@{place.revision}"

    def listing(self) -> Listing:
        """See `WeightsSource.listing`. The version is the commit that the revision names now."""
        try:
            info = HfApi(self._endpoint).model_info(
                self._place.repository, revision=self._place.revision, files_metadata=True, timeout=LIST_S
            )
        except hub_errors.GatedRepoError as error:
            raise refusal(403, self._what) from error
        except (hub_errors.RepositoryNotFoundError, hub_errors.RevisionNotFoundError) as error:
            raise NotFound(
                f"{self._what} does not exist, or is private: then give a token in HF_TOKEN"
            ) from error
        except hub_errors.HfHubHTTPError as error:
            raise refusal(
                error.response.status_code if error.response is not None else 0, self._what
            ) from error
        except hub_errors.HFValidationError as error:
            raise InvalidInput("source.uri", str(error)) from error
        except (_errors.HTTPError, OSError) as error:
            raise Unavailable(f"{self._what} can't be listed: {type(error).__name__}") from error
        return Listing(files=[_file(sibling) for sibling in info.siblings or []], version=info.sha or "")

    def read(self, file: RemoteFile, start: int, version: str) -> tuple[int, Iterator[bytes]]:
        """See `WeightsSource.read`. A commit never changes, so its files can be gone on with at any time."""
        what = f"{file.name} of {self._what}"
        url = hf_hub_url(self._place.repository, file.name, revision=version, endpoint=self._endpoint)
        answer = opened(self._client, url, _authorization(), f"{start}-", what)
        return begins_at(answer, start), pieces(answer, what)

    def close(self) -> None:
        """Release connections."""
        self._client.close()


def _authorization() -> dict[str, str]:
    token = get_token()
    return {"authorization": f"Bearer {token}"} if token else {}


def _file(sibling: Any) -> RemoteFile:
    """A file of the listing; large ones have a SHA-256, the others the SHA-1 of their git blob."""
    lfs = sibling.lfs
    return RemoteFile(
        name=sibling.rfilename,
        size_bytes=sibling.size,
        sha256=lfs.sha256 if lfs is not None else None,
        git_sha1=sibling.blob_id if lfs is None else None,
    )

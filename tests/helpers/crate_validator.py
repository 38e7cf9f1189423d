"""The verdict of roc-validator on a research object, without a network; runs in an environment of its own.

    python crate_validator.py CRATE CACHE

prints what the profile and RO-Crate 1.1 require and the research object does not have, as a JSON list. The context of
RO-Crate is the one in the package rocrate, of version 1.3, which has all terms of 1.1. It is put into the cache of
roc-validator, which then answers for the address of the context.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
PROFILE = "process-run-crate-0.5"


def faults_of(crate: str, cache: str) -> list[str]:
    """Return what is missing; `cache` is the path of the cache without its suffix."""
    from rocrate_validator import services

    fill(cache)
    settings = services.ValidationSettings.parse(
        {
            "rocrate_uri": crate,
            "profile_identifier": PROFILE,
            "requirement_severity": "REQUIRED",
            "offline": True,
            "cache_path": cache,
            "abort_on_first": False,
        }
    )
    return [f"{issue.check.name}: {issue.message}" for issue in services.validate(settings).get_issues()]


def fill(cache: str) -> None:
    """Write a cache that answers for the context."""
    import rocrate
    from requests.adapters import HTTPAdapter
    from requests_cache import CachedSession
    from urllib3 import HTTPResponse

    content = (Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld").read_bytes()

    class FromPackage(HTTPAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> Any:
            head = {"Content-Type": "application/ld+json"}
            body = io.BytesIO(content)
            raw = HTTPResponse(body, status=200, headers=head, preload_content=False, request_url=request.url)
            return self.build_response(request, raw)

    with CachedSession(cache, backend="sqlite", expire_after=-1) as session:
        session.mount("https://", FromPackage())
        assert session.get(CONTEXT).json()["@context"]


if __name__ == "__main__":
    print(json.dumps(faults_of(*sys.argv[1:])))

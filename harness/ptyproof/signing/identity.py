"""The Sigstore bundle beside a hub's index: a statement signed by an identity, and what is said of one.

Sigstore gives a certificate of some minutes for an identity that an OpenID provider vouches for, and enters the
signature in a public log (Newman, Meyers and Torres-Arias, 2022). So there is no key to keep, and the identity and the
signature become public. The network is asked by these functions alone.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ptyproof import clock
from ptyproof.checking.hub import refuse_unsound
from ptyproof.checking.model.document import finding_about
from ptyproof.errors import DataError, InputError, PtyproofError, RunError
from ptyproof.extras import SIGSTORE, require
from ptyproof.hub.index import BUNDLE, Hub
from ptyproof.io.atomic import write_text
from ptyproof.io.locking import lock
from ptyproof.io.regular import read_regular
from ptyproof.io.strict_json import MAX_BYTES, format_json
from ptyproof.provenance.persons import Person
from ptyproof.signing.payload import PAYLOAD_TYPE, Verdict, judged_claims
from ptyproof.signing.statement import statement_of

if TYPE_CHECKING:
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityToken

    from ptyproof.checking import Finding

_WHAT = "a signature by an identity (--sigstore)"
_NO_IDENTITY = (
    "there is no identity to sign with: run in a CI job that may ask for an OpenID token, name a file with one by "
    "--identity-token, or run in a terminal to log in with a browser"
)


@dataclass(frozen=True)
class Trust:
    """Whom to trust: the public instance of Sigstore, or the one that a file describes.

    Parameters
    ----------
    config
        A client trust configuration of Sigstore, with its services, certificates and keys; None is the public instance.
    offline
        Whether the certificates and keys of the public instance are those of the last time, or of the package, instead
        of today's.
    """

    config: Path | None = None
    offline: bool = False

    def read(self) -> ClientTrustConfig:
        """Return the configuration.

        Raises
        ------
        InputError
            If the file is no such configuration, or the network does not answer.
        """
        from sigstore.models import ClientTrustConfig

        if self.config is None:
            with _sentences("the certificates and keys of Sigstore cannot be read"):
                return ClientTrustConfig.production(offline=self.offline)
        with _sentences(f"--trust-config {self.config} must be a client trust configuration of Sigstore"):
            found = ClientTrustConfig.from_json(read_regular(self.config, MAX_BYTES).decode("utf-8"))
            _ = found.trusted_root
            return found


def sign_by_identity(
    root: Path, token: Path | None = None, trust: Trust = Trust(), signer: Person | None = None
) -> str:
    """Write a statement about a hub beside its index, signed by an identity; return the identity and its issuer.

    Parameters
    ----------
    root
        The hub.
    token
        A file with an OpenID token; None asks the CI job, or the person at the terminal.
    trust
        The instance that signs.
    signer
        Who signs, if the statement is to name them beside the identity.

    Raises
    ------
    InputError
        If the hub is not sound or has no result, or Sigstore, its services or an identity cannot be had.
    MissingExtraError
        If the package sigstore is not installed.
    RunError
        If the hub changes meanwhile.
    """
    require(_WHAT, SIGSTORE)
    refuse_unsound(root, "only sound hubs are signed")
    signed_at = clock.stamp()
    payload = format_json(statement_of(root, signed_at, signer)).encode("utf-8")
    from sigstore.dsse import Statement
    from sigstore.sign import SigningContext

    with _quiet():
        identity = _given_identity(token)
        config = trust.read()
        with _sentences("Sigstore did not sign"):
            context = SigningContext.from_trust_config(config)
            found = identity or _identity_of_a_person(config)
            with context.signer(found) as signing:
                bundle = signing.sign_dsse(Statement(payload))
    with lock(Hub(root).index_path):
        if format_json(statement_of(root, signed_at, signer)).encode("utf-8") != payload:
            raise RunError(f"{root} was changed while it was signed, so nothing was written; no run may be under way")
        write_text(root / BUNDLE, bundle.to_json() + "\n")
    return f"{found.identity} of {found.federated_issuer}"


def verdict_by_identity(root: Path, identity: str, issuer: str, trust: Trust = Trust()) -> Verdict:
    """Return what is wrong with the Sigstore bundle beside a hub's index, and the statement where nothing is.

    Nothing of the statement is believed before certificate, log and signature are verified.

    Parameters
    ----------
    root
        The hub.
    identity, issuer
        Who must have signed, such as an address or the URL of a workflow, and the provider that vouches for them.
    trust
        The instance that must have signed.

    Raises
    ------
    InputError
        If the certificates and keys of the instance cannot be read.
    MissingExtraError
        If the package sigstore is not installed.
    """
    require(_WHAT, SIGSTORE)
    by = f"{identity} of {issuer}"

    def wrong(finding: Finding) -> Verdict:
        return Verdict(BUNDLE, [finding], {}, by)

    if not (root / BUNDLE).is_file():
        return wrong(finding_about(BUNDLE, "PM912", "$", "is missing: the hub is not signed by an identity"))
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity, UnsafeNoOp

    with _quiet():
        verifier = Verifier(trusted_root=trust.read().trusted_root)
        try:
            with _step("PM913", "$", "is no Sigstore bundle"):
                bundle = Bundle.from_json(read_regular(root / BUNDLE, MAX_BYTES))
            with _step("PM915", "$", "cannot be verified"):
                # whose it is, is asked next: another identity is told from a changed signature
                kind, payload = verifier.verify_dsse(bundle, UnsafeNoOp())
            with _step("PM914", "$.verificationMaterial", f"is not signed by {identity} of {issuer}"):
                Identity(identity=identity, issuer=issuer).verify(bundle.signing_certificate)
        except _NotShownError as error:
            return wrong(error.finding)
    if kind != PAYLOAD_TYPE:
        return wrong(finding_about(BUNDLE, "PM913", "$.dsseEnvelope", f"its payloadType is {kind[:80]!r}"))
    return Verdict(BUNDLE, *judged_claims(payload, root, BUNDLE), by, 1, 1)


class _NotShownError(Exception):
    """A step of the verification that failed."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


@contextmanager
def _step(code: str, place: str, what: str) -> Iterator[None]:
    """Turn whatever the libraries raise about a changed bundle, errors of many types, into a finding."""
    try:
        yield
    except Exception as error:
        raise _NotShownError(finding_about(BUNDLE, code, place, f"{what}: {_first_line(error)}")) from error


def _given_identity(path: Path | None) -> IdentityToken | None:
    """Return the identity of a file or of a CI job; None where a person at the terminal is to be asked."""
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential

    try:
        text = detect_credential() if path is None else read_regular(path, MAX_BYTES).decode("utf-8").strip()
        if text is not None:
            return IdentityToken(text)
    except (IdentityError, DataError, UnicodeDecodeError) as error:
        where = "the token of this CI job" if path is None else f"--identity-token {path}"
        raise InputError(f"{where} must be an OpenID token for Sigstore: {_first_line(error)}") from error
    if not sys.stdin.isatty():
        raise InputError(_NO_IDENTITY)
    return None


def _identity_of_a_person(config: ClientTrustConfig) -> IdentityToken:
    from sigstore.oidc import Issuer

    return Issuer(config.signing_config.get_oidc_url()).identity_token()


@contextmanager
def _sentences(what: str) -> Iterator[None]:
    """Turn whatever the library and its clients raise, of private types and of requests, into one sentence."""
    try:
        yield
    except PtyproofError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        raise InputError(f"{what}, so nothing was written: {type(error).__name__}: {_first_line(cause)}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library's warnings from the terminal: what matters of them is in its errors."""
    logger = logging.getLogger("sigstore")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)[:300]

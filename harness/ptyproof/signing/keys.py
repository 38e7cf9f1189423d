"""ed25519 keys from files, as PEM or as OpenSSH has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ptyproof.errors import DataError, InputError
from ptyproof.extras import SIGNING, require
from ptyproof.io.regular import read_regular

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

_MAX_BYTES = 64 * 1024
_WHAT = "a signature of a hub"


def read_signer(path: Path) -> CryptoSigner:
    """Return the signer of a private key.

    Raises
    ------
    InputError
        If the file holds no private ed25519 key, or one behind a passphrase.
    MissingExtraError
        If securesystemslib is not installed.
    """
    require(_WHAT, SIGNING)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_ssh_private_key
    from securesystemslib.signer import CryptoSigner

    loads = (lambda raw: load_pem_private_key(raw, None), lambda raw: load_ssh_private_key(raw, None))
    key = _loaded(path, loads, "a private ed25519 key without a passphrase (PEM or OpenSSH)")
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"--key {path} must be an ed25519 key, got {type(key).__name__}")
    return CryptoSigner(key)


def read_public(path: Path) -> SSlibKey:
    """Return a public key.

    Raises
    ------
    InputError
        If the file holds no public ed25519 key.
    MissingExtraError
        If securesystemslib is not installed.
    """
    require(_WHAT, SIGNING)
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key, load_ssh_public_key
    from securesystemslib.signer import SSlibKey

    key = _loaded(path, (load_pem_public_key, load_ssh_public_key), "a public ed25519 key (PEM or OpenSSH)")
    if not isinstance(key, Ed25519PublicKey):
        raise InputError(f"--key {path} must be an ed25519 key, got {type(key).__name__}")
    return SSlibKey.from_crypto(key)


def _loaded(path: Path, loads: tuple[Callable[[bytes], Any], ...], expected: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        raw = read_regular(path, _MAX_BYTES)
    except DataError as error:
        raise InputError(f"--key {error}") from error
    for load in loads:
        try:
            return load(raw)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            continue  # the other format, or none; no message of theirs is shown, as it might quote the key
    raise InputError(f"--key {path} must be {expected}")

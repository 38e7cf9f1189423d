"""Pairs of keys for tests that sign."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Key:
    """A pair of ed25519 keys in files, as PEM or as OpenSSH has them."""

    def __init__(self, folder: Path, form: str = "pem") -> None:
        from cryptography.hazmat.primitives import serialization as as_bytes
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self.private, self.public = folder / f"private.{form}", folder / f"public.{form}"
        key = Ed25519PrivateKey.generate()
        forms: dict[str, tuple[Any, ...]] = {
            "pem": (as_bytes.Encoding.PEM, as_bytes.PrivateFormat.PKCS8, as_bytes.PublicFormat.SubjectPublicKeyInfo),
            "ssh": (as_bytes.Encoding.PEM, as_bytes.PrivateFormat.OpenSSH, as_bytes.PublicFormat.OpenSSH),
        }
        encoding, private, public = forms[form]
        folder.mkdir(parents=True, exist_ok=True)
        self.private.write_bytes(key.private_bytes(encoding, private, as_bytes.NoEncryption()))
        of_public = as_bytes.Encoding.OpenSSH if form == "ssh" else encoding
        self.public.write_bytes(key.public_key().public_bytes(of_public, public))

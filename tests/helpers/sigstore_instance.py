"""A stand-in for the services of Sigstore: a certificate authority and two logs of its own, on this machine.

The public instance cannot be asked in tests. Here the package sigstore, its clients and its verifier are the real ones,
and certificates, signed timestamps, inclusion proofs and checkpoints are made and verified with other keys. What is
missing of a real instance: it verifies the OpenID token, and its logs have more than one entry.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import jwt
import rfc8785
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.57264.1.1")
_SCT_OID = x509.ObjectIdentifier("1.3.6.1.4.1.11129.2.4.2")
_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def token(identity: str, issuer: str, lasts_s: int = 600) -> str:
    """Return an OpenID token, signed with a secret that no provider has."""
    now = int(time.time())
    claims = {"iss": issuer, "sub": identity, "aud": "sigstore", "iat": now - 1, "exp": now + lasts_s}
    return str(jwt.encode(claims, "a secret of 32 bytes or more of a test", algorithm="HS256"))


class Instance:
    """The services, on a port of this machine."""

    def __init__(self) -> None:
        self._ca, self._log, self._ct_log = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
        self._root = _certificate_of(self._ca)
        services = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/api/v2/signingCert":
                    answer = services.certified(asked, self.headers["Authorization"].removeprefix("Bearer "))
                else:
                    assert self.path == "/api/v1/log/entries"
                    answer = services.entered(asked)
                text = json.dumps(answer).encode()
                self.send_response(201)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the services."""
        self._server.shutdown()
        self._server.server_close()

    def write_config(self, path: Path) -> Path:
        """Write the client trust configuration of this instance into a file."""
        forever = {"start": "2020-01-01T00:00:00Z"}
        service = {"url": self.url, "majorApiVersion": 1, "validFor": forever, "operator": "test"}

        def log(key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
            public = {"rawBytes": _b64(_der(key)), "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": forever}
            return {
                "baseUrl": self.url,
                "hashAlgorithm": "SHA2_256",
                "publicKey": public,
                "logId": {"keyId": _b64(_id(key))},
            }

        authority = {
            "subject": {"organization": "test", "commonName": "test"},
            "uri": self.url,
            "certChain": {"certificates": [{"rawBytes": _b64(self._root.public_bytes(serialization.Encoding.DER))}]},
            "validFor": forever,
        }
        config = {
            "mediaType": "application/vnd.dev.sigstore.clienttrustconfig.v0.1+json",
            "trustedRoot": {
                "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
                "tlogs": [log(self._log)],
                "certificateAuthorities": [authority],
                "ctlogs": [log(self._ct_log)],
                "timestampAuthorities": [],
            },
            "signingConfig": {
                "mediaType": "application/vnd.dev.sigstore.signingconfig.v0.2+json",
                "caUrls": [service],
                "oidcUrls": [service],
                "rekorTlogUrls": [service],
                "rekorTlogConfig": {"selector": "ANY"},
                "tsaUrls": [],
                "tsaConfig": {"selector": "ANY"},
            },
        }
        path.write_text(json.dumps(config))
        return path

    def certified(self, asked: dict[str, Any], raw_token: str) -> dict[str, Any]:
        """Answer as Fulcio does: with a certificate for the identity in the token."""
        claims = jwt.decode(raw_token, options={"verify_signature": False})
        request = x509.load_pem_x509_csr(base64.b64decode(asked["certificateSigningRequest"]))
        assert request.is_signature_valid
        own = _Leaf(self._ca, self._root, request.public_key(), claims)
        dummy = own.certificate(b"\0" * 64, _id(self._ct_log), 0)
        stamp = int(time.time() * 1000)
        body = dummy.tbs_precertificate_bytes
        signed = struct.pack("!BBQH", 0, 0, stamp, 1) + _id(self._ca) + len(body).to_bytes(3, "big") + body + b"\0\0"
        signature = self._ct_log.sign(signed, ec.ECDSA(hashes.SHA256()))
        chain = [own.certificate(signature, _id(self._ct_log), stamp), self._root]
        pem = [one.public_bytes(serialization.Encoding.PEM).decode() for one in chain]
        return {"signedCertificateEmbeddedSct": {"chain": {"certificates": pem}}}

    def entered(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer as Rekor (version 1) does: with the one entry of a log, its proof, checkpoint and signed time."""
        content = asked["spec"]["proposedContent"]
        envelope = json.loads(content["envelope"])
        spec: Any = {
            "envelopeHash": {"algorithm": "sha256", "value": _sha256(content["envelope"].encode()).hex()},
            "payloadHash": {"algorithm": "sha256", "value": _sha256(base64.b64decode(envelope["payload"])).hex()},
            "signatures": [{"signature": envelope["signatures"][0]["sig"], "verifier": content["verifiers"][0]}],
        }
        body = rfc8785.dumps({"apiVersion": "0.0.1", "kind": "dsse", "spec": spec})
        root = _sha256(b"\0" + body)
        note = f"log.example.org - 1\n1\n{_b64(root)}\n"
        signature = _b64(_id(self._log)[:4] + self._log.sign(note.encode(), ec.ECDSA(hashes.SHA256())))
        entry: Any = {
            "body": _b64(body),
            "integratedTime": int(time.time()),
            "logID": _id(self._log).hex(),
            "logIndex": 0,
        }
        promise = self._log.sign(rfc8785.dumps(entry), ec.ECDSA(hashes.SHA256()))
        checkpoint = f"{note}\n\u2014 log.example.org {signature}\n"
        proof = {"logIndex": 0, "rootHash": root.hex(), "treeSize": 1, "hashes": [], "checkpoint": checkpoint}
        verification = {"signedEntryTimestamp": _b64(promise), "inclusionProof": proof}
        return {"0" * 64: {**entry, "verification": verification}}


class _Leaf:
    """A certificate of ten minutes for an identity."""

    def __init__(
        self, ca: ec.EllipticCurvePrivateKey, root: x509.Certificate, key: Any, claims: dict[str, Any]
    ) -> None:
        now = datetime.now(UTC)
        self._ca = ca
        issuer = x509.UnrecognizedExtension(_ISSUER_OID, claims["iss"].encode())
        self._builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([]))
            .issuer_name(root.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(seconds=5))
            .not_valid_after(now + timedelta(minutes=10))
            .add_extension(_usage("digital_signature"), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(claims["sub"])]), critical=True)
            .add_extension(issuer, critical=False)
        )

    def certificate(self, signature: bytes, log_id: bytes, stamp_ms: int) -> x509.Certificate:
        """Return the certificate with a signed timestamp of the log of certificates (RFC 6962, section 3.3)."""
        sct = struct.pack("!B32sQHBBH", 0, log_id, stamp_ms, 0, 4, 3, len(signature)) + signature
        sct_list = struct.pack("!HH", len(sct) + 2, len(sct)) + sct
        value = bytes([4, len(sct_list)]) if len(sct_list) < 128 else bytes([4, 0x81, len(sct_list)])
        extension = x509.UnrecognizedExtension(_SCT_OID, value + sct_list)
        return self._builder.add_extension(extension, critical=False).sign(self._ca, hashes.SHA256())


def _certificate_of(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test's authority")]), datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage("key_cert_sign", "crl_sign"), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def _usage(*names: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{usage: usage in names for usage in _USAGES})


def _der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _id(key: ec.EllipticCurvePrivateKey) -> bytes:
    return _sha256(_der(key))


def _sha256(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()

"""An authority, a server's certificate and tokens of the tests' own."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import subprocess
from pathlib import Path


def authority(folder: Path, name: str) -> tuple[Path, Path]:
    """A new authority's certificate and key."""
    certificate, key = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    _openssl("req", "-x509", *subject, "-keyout", str(key), "-out", str(certificate))
    return certificate, key


def server_certificate(folder: Path, authority_of: tuple[Path, Path]) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 by that authority, and its key in the form that Java reads."""
    key, request, certificate = folder / "server-key.pem", folder / "server.csr", folder / "server.pem"
    names = folder / "names.txt"
    names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n", encoding="utf-8")
    new = ["-subj", "/CN=127.0.0.1", "-nodes", "-newkey", "rsa:2048"]
    _openssl("req", "-new", *new, "-keyout", str(key), "-out", str(request))
    by = ["-CA", str(authority_of[0]), "-CAkey", str(authority_of[1]), "-CAcreateserial", "-days", "2"]
    _openssl("x509", "-req", "-in", str(request), *by, "-extfile", str(names), "-out", str(certificate))
    return certificate, key


def token(secret: bytes, subject: str) -> str:
    """A JSON web token (HS256)."""
    parts = (json.dumps({"alg": "HS256"}), json.dumps({"sub": subject}))
    signed = b".".join(_encoded(part.encode()) for part in parts)
    return (signed + b"." + _encoded(hmac.new(secret, signed, hashlib.sha256).digest())).decode()


def _encoded(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)

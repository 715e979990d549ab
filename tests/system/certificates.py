"""A certificate authority of one test, made by openssl."""

import hashlib
import ssl
import subprocess
from pathlib import Path


class Authority:
    """Issues certificates below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.certificate = folder / "ca.crt"
        self._key = folder / "ca.key"
        _openssl(
            *("req", "-x509", "-subj", "/CN=ca", "-days", "2", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", str(self._key), "-out", str(self.certificate)),
        )

    def issue(self, name: str, subject: str = "") -> tuple[Path, Path]:
        """Certificate and key of `name`, a host name."""
        key, request = self._folder / f"{name}.key", self._folder / f"{name}.csr"
        certificate, names = self._folder / f"{name}.crt", self._folder / f"{name}.ext"
        names.write_text(f"subjectAltName=DNS:{name}\n", "ascii")
        _openssl(
            *("req", "-new", "-subj", subject or f"/CN={name}", "-newkey", "ec", "-nodes"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1"),
            *("-keyout", str(key), "-out", str(request)),
        )
        _openssl(
            *("x509", "-req", "-in", str(request), "-CA", str(self.certificate)),
            *("-CAkey", str(self._key), "-CAcreateserial", "-days", "2"),
            *("-extfile", str(names), "-out", str(certificate)),
        )
        return certificate, key

    def client(self, name: str = "", subject: str = "") -> ssl.SSLContext:
        """What a client shows who trusts this authority; without a name it shows nothing."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        if name:
            context.load_cert_chain(*self.issue(name, subject))
        return context

    def fingerprint(self, name: str) -> str:
        """SHA-256 of the certificate issued to `name`, as the users file writes it."""
        pem = (self._folder / f"{name}.crt").read_text("ascii")
        return f"sha256:{hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()}"


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)

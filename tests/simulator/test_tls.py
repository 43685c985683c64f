"""Certificates: what is made, what is kept, and who is let in."""

import asyncio
from collections.abc import Callable
from pathlib import Path
import ssl
import stat
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
import pytest

from simulator.oceanconnect import OceanConnectSimulator
from simulator.tls import KEY_PASSWORD, Authority, TlsError, TlsFolder

FILES = ("ca.key", "ca.pem", "client.key", "client.pem", "server.pem")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> TlsFolder:
    """A folder that was empty."""
    return TlsFolder(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def folder(made: TlsFolder, tmp_path: Path) -> Path:
    """A copy of it."""
    for name in FILES:
        (tmp_path / name).write_bytes((made.folder / name).read_bytes())
    return tmp_path


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_an_empty_folder_is_filled(made: TlsFolder) -> None:
    """Nobody else can read the private keys."""
    assert sorted(contents(made.folder)) == sorted(FILES)
    for name in ("ca.key", "client.key", "server.pem"):
        assert stat.S_IMODE((made.folder / name).stat().st_mode) == 0o600
    assert made.ca_pem == (made.folder / "ca.pem").read_bytes()
    server = x509.load_pem_x509_certificate((made.folder / "server.pem").read_bytes())
    names = server.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    addresses = names.get_values_for_type(x509.IPAddress)
    assert [str(address) for address in addresses] == ["127.0.0.1", "::1"]


def test_a_filled_folder_is_kept(folder: Path) -> None:
    """To the last byte."""
    before = contents(folder)
    tls = TlsFolder(folder)
    assert contents(folder) == before
    assert tls.client_key == before["client.key"]


@pytest.mark.parametrize("absent", [["server.pem"], ["client.pem", "client.key"]])
def test_what_is_absent_is_made_by_the_ca_that_is_there(
    folder: Path, absent: list[str]
) -> None:
    """What is there is kept."""
    before = contents(folder)
    for name in absent:
        (folder / name).unlink()
    TlsFolder(folder)
    after = contents(folder)
    assert sorted(after) == sorted(before)
    changed = [name for name in after if after[name] != before[name]]
    assert sorted(changed) == sorted(absent)


def test_the_ca_need_not_be_able_to_sign_when_nothing_is_absent(folder: Path) -> None:
    """Somebody else's CA does not come with its key."""
    (folder / "ca.key").unlink()
    TlsFolder(folder)
    assert not (folder / "ca.key").exists()


def break_file(name: str, content: bytes | None) -> Callable[[Path], None]:
    """Return what replaces or removes a file."""

    def change(folder: Path) -> None:
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content)

    return change


def no_key_and_no_server(folder: Path) -> None:
    """Leave a CA that would have to sign, and cannot."""
    (folder / "ca.key").unlink()
    (folder / "server.pem").unlink()


def another_clients_key(folder: Path) -> None:
    """Leave a server certificate without the key that belongs to it."""
    certificate = (folder / "client.pem").read_bytes()
    key = (folder / "ca.key").read_bytes()
    (folder / "server.pem").write_bytes(certificate + key)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (break_file("client.key", None), "client.pem is in .*, but client.key is not"),
        (break_file("client.pem", None), "client.key is in .*, but client.pem is not"),
        (
            break_file("ca.pem", None),
            "ca.key, client.pem, server.pem in .*, but ca.pem",
        ),
        (no_key_and_no_server, "ca.pem is in .*, but ca.key to sign with is not"),
        (break_file("ca.pem", b"broken"), "a certificate in .* is not valid"),
        (break_file("server.pem", b"broken"), "a certificate in .* is not valid"),
        (another_clients_key, "a certificate in .* is not valid"),
    ],
)
def test_a_folder_that_cannot_be_used_says_why(
    folder: Path, change: Callable[[Path], None], message: str
) -> None:
    """In one line."""
    change(folder)
    with pytest.raises(TlsError, match=message) as caught:
        TlsFolder(folder)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_a_file_cannot_be_used(tmp_path: Path) -> None:
    """It says so."""
    (tmp_path / "file").touch()
    with pytest.raises(TlsError, match="cannot use the certificates in"):
        TlsFolder(tmp_path / "file")


@pytest.mark.parametrize("name", ["ca.key", "client.key"])
def test_keys_of_another_kind_cannot_sign(folder: Path, name: str) -> None:
    """Neither the CA's own nor a client's that is to get one more certificate."""
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    (folder / name).write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    tls = TlsFolder(folder)
    with pytest.raises(TlsError, match=f"{name} in .* is not an RSA key"):
        _ = tls.expired_client_pem


def test_the_clients_key_also_comes_with_a_password(made: TlsFolder) -> None:
    """It is the same key."""
    key = load_pem_private_key(made.encrypted_client_key, KEY_PASSWORD.encode())
    plain = load_pem_private_key(made.client_key, None)
    assert key.public_key() == plain.public_key()
    with pytest.raises(TypeError):
        load_pem_private_key(made.encrypted_client_key, None)


@pytest.mark.parametrize("key_identifiers", [False, True])
def test_the_ca_is_of_2016s_kind_unless_asked_otherwise(
    tmp_path: Path, key_identifiers: bool
) -> None:
    """Without key identifiers, which strict X.509 checks demand."""
    tls = TlsFolder(tmp_path, key_identifiers=key_identifiers)
    for name in ("ca.pem", "server.pem", "client.pem"):
        certificate = x509.load_pem_x509_certificate((tmp_path / name).read_bytes())
        kinds = {type(extension.value) for extension in certificate.extensions}
        assert (x509.SubjectKeyIdentifier in kinds) == key_identifiers
        assert (x509.AuthorityKeyIdentifier in kinds) == (
            key_identifiers and name != "ca.pem"
        )
    strict = ssl.create_default_context(cadata=tls.ca_pem.decode())
    assert strict.verify_flags & ssl.VERIFY_X509_STRICT
    problem = handshake(tls, strict)
    if key_identifiers:
        assert problem is None
    else:
        assert isinstance(problem, ssl.SSLCertVerificationError)
    strict.verify_flags &= ~ssl.VERIFY_X509_STRICT
    assert handshake(tls, strict) is None


def handshake(tls: TlsFolder, client: ssl.SSLContext) -> ssl.SSLError | None:
    """Shake hands in memory; return what went wrong."""
    client.load_cert_chain(tls.folder / "client.pem", tls.folder / "client.key")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname="localhost"),
        tls.server_context().wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError as err:
                return err
    return None


@pytest.mark.parametrize(
    "version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
@pytest.mark.parametrize("who", ["nobody", "expired", "foreign"])
async def test_only_clients_of_the_ca_are_let_in(
    oceanconnect: OceanConnectSimulator,
    tmp_path: Path,
    version: ssl.TLSVersion,
    who: str,
) -> None:
    """With TLS 1.3 the refused client hears of it only when it wants an answer."""
    tls = oceanconnect.tls
    context = ssl.create_default_context(cadata=tls.ca_pem.decode())
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.minimum_version = context.maximum_version = version
    certificate: Any = {
        "nobody": None,
        "expired": tls.expired_client_pem,
        "foreign": tls.foreign.client_pem,
    }[who]
    if certificate is not None:
        (tmp_path / "client.pem").write_bytes(certificate + tls.client_key)
        context.load_cert_chain(tmp_path / "client.pem")
    with pytest.raises((ssl.SSLError, ConnectionError, EOFError)):
        await ask(oceanconnect.port, context)
    assert len(oceanconnect.calls) == 0
    context.load_cert_chain(tls.folder / "client.pem", tls.folder / "client.key")
    assert await ask(oceanconnect.port, context)


async def ask(port: int, context: ssl.SSLContext) -> bytes:
    """Connect, ask for something, and return the first bytes of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return await reader.readexactly(12)
    finally:
        writer.transport.abort()


async def test_a_client_that_does_not_know_the_ca_leaves(
    oceanconnect: OceanConnectSimulator,
) -> None:
    """Nothing is trusted that was not asked to be."""
    context = ssl.create_default_context(
        cadata=oceanconnect.tls.foreign.ca_pem.decode()
    )
    with pytest.raises(ssl.SSLCertVerificationError):
        await ask(oceanconnect.port, context)


def test_old_versions_of_tls_are_refused(made: TlsFolder) -> None:
    """1.2 is the oldest."""
    assert made.server_context().minimum_version is ssl.TLSVersion.TLSv1_2


def test_an_authority_signs_for_names_and_addresses() -> None:
    """Both kinds of them."""
    pair = Authority.create("CA").sign("server", names=("example.org", "10.0.0.1"))
    names = pair.certificate.extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    ).value
    assert names.get_values_for_type(x509.DNSName) == ["example.org"]
    assert str(names.get_values_for_type(x509.IPAddress)[0]) == "10.0.0.1"

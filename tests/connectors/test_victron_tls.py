"""The GX connector checks certificate and host name, and finds the cloud's brokers."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from connectors.device import DeviceSecrets
from connectors.errors import Unreachable
from connectors.victron import cloud_host
from connectors.victron.broker import CLOUD, access_to
from energy.site import Device
from tests.brokers import MOSQUITTO, let_in, mosquitto
from tests.victron_stage import FAST, first, on_stage

needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="needs mosquitto, which is not installed")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two authorities (ca.pem, other-ca.pem) and a server certificate for 127.0.0.1 of the first."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("ca", "other-ca"):
        _openssl(
            folder, f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} -keyout {name}.key -out {name}.pem"
        )
    _openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=venus -keyout server.key -out server.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    _openssl(
        folder,
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    )
    (folder / "server.key").chmod(0o644)
    let_in(folder)
    return folder


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


@needs_mosquitto
async def test_a_gx_behind_tls_is_read_with_its_authority(tmp_path: Path, certificates: Path) -> None:
    pair = (certificates / "server.pem", certificates / "server.key")
    async with mosquitto(tmp_path, certificate=pair) as broker, on_stage(broker_port=broker.port) as stage:
        gx = stage.gx(port=broker.tls_port, tls=True, ca_file=str(certificates / "ca.pem"))
        assert (await first(gx)).soc_pct == 63.5


@needs_mosquitto
@pytest.mark.parametrize("authority", ["other-ca.pem", None])
async def test_a_certificate_of_a_strange_authority_is_not_trusted(
    tmp_path: Path, certificates: Path, authority: str | None
) -> None:
    pair = (certificates / "server.pem", certificates / "server.key")
    async with mosquitto(tmp_path, certificate=pair) as broker, on_stage(broker_port=broker.port) as stage:
        ca_file = None if authority is None else str(certificates / authority)
        gx = stage.gx(port=broker.tls_port, tls=True, ca_file=ca_file, pace=replace(FAST, answer_s=0.5))
        with pytest.raises(Unreachable, match=r"not trusted.*ca_file"):
            await gx.details()


@needs_mosquitto
async def test_a_certificate_for_another_host_name_is_not_trusted(tmp_path: Path, certificates: Path) -> None:
    pair = (certificates / "server.pem", certificates / "server.key")
    async with mosquitto(tmp_path, certificate=pair) as broker, on_stage(broker_port=broker.port) as stage:
        ca_file = str(certificates / "ca.pem")
        gx = stage.gx(host="localhost", port=broker.tls_port, tls=True, ca_file=ca_file, pace=replace(FAST, answer_s=1))
        with pytest.raises(Unreachable, match="not trusted"):
            await gx.details()


async def test_a_missing_authority_file_is_named() -> None:
    async with on_stage() as stage:
        gx = stage.gx(tls=True, ca_file="no-such.pem", pace=replace(FAST, answer_s=0.3))
        with pytest.raises(Unreachable, match=r'"no-such\.pem".*check ca_file'):
            await gx.details()


def test_the_cloud_broker_follows_from_the_portal_id() -> None:
    assert cloud_host("c0619ab12345") == f"mqtt{sum(map(ord, 'c0619ab12345')) % 128}.victronenergy.com"
    assert cloud_host(" C0619AB12345 ") == cloud_host("c0619ab12345")


def test_the_cloud_is_reached_with_tls_and_an_access_token() -> None:
    device = Device(id="cerbo", kind="victron_mqtt", host=CLOUD, portal_id="c0619ab12345")
    access = access_to(device, DeviceSecrets(username="me@example.org", token=SecretStr("abc")))
    assert (access.host, access.port) == (cloud_host("c0619ab12345"), 8883)
    assert (access.username, access.password) == ("me@example.org", "Token abc")
    assert access.tls is not None
    assert access.tls.check_hostname
    assert "abc" not in repr(access)


def test_a_gx_on_the_lan_takes_a_paired_token_or_a_password_alone() -> None:
    device = Device(id="cerbo", kind="victron_mqtt", host="venus.local")
    paired = access_to(device, DeviceSecrets(username="token/phone", token=SecretStr("xyz")))
    locked = access_to(device, DeviceSecrets(password=SecretStr("open")))
    unlocked = access_to(device, DeviceSecrets())
    assert (paired.username, paired.password, paired.port, paired.tls) == ("token/phone", "xyz", 1883, None)
    assert (locked.username, locked.password) == ("commandcenter", "open")
    assert (unlocked.username, unlocked.password) == (None, None)

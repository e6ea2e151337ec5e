"""Email against a real SMTP server on loopback: plain, with a login, with TLS, and refusing in all its ways."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from connectors.notify.email import EmailSender
from connectors.notify.sender import Delivered, Later, Never, OutMessage
from connectors.notify.settings import EmailSettings, notify_settings
from tests.certificates import Certificates, certificates_for
from tests.connectors.serving import closed_port
from tests.doubles.mail_server import PASSWORD, USER, MailServer, mail_server

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200
ALERT = OutMessage(
    title="CRITICAL: Battery at 28 %",
    text="Below the critical floor of 30 %.\nWhat to do: stop <the> miners.",
    level="critical",
    key="outbox:7:email:ann@example.org",
    png=PNG,
    alt="Battery level of the last two hours, 44 % to 28 %",
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates_for(tmp_path_factory.mktemp("mail"), "IP:127.0.0.1", "DNS:localhost")


def settings_for(server: MailServer, *, scheme: str = "smtp", login: bool = False, options: str = "") -> EmailSettings:
    who = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@" if login else ""
    url = f"{scheme}://{who}127.0.0.1:{server.port}?from=ranch@example.org{options}"
    settings = notify_settings({"SMTP_URL": url})
    assert settings.troubles == {}
    assert settings.email is not None
    return settings.email


async def test_a_mail_has_the_text_the_chart_inside_and_headers_that_keep_machines_quiet() -> None:
    async with mail_server() as server:
        sender = EmailSender(settings_for(server))
        assert isinstance(await sender.send("ann@example.org", ALERT), Delivered)
        assert isinstance(await sender.send("ann@example.org", ALERT), Delivered)
    first, second = server.mails
    assert server.envelopes[0] == ("ranch@example.org", ("ann@example.org",))
    assert first["Subject"] == ALERT.title
    assert first["Auto-Submitted"] == "auto-generated"
    assert "alerts.commandcenter.example.org" in first["List-Id"]
    assert first["Importance"] == "high"
    assert first["Message-ID"] == second["Message-ID"]  # who shows one message per id shows it once
    text = first.get_body(("plain",))
    page = first.get_body(("html",))
    assert text is not None
    assert page is not None
    assert ALERT.text in text.get_content().replace("\r\n", "\n")
    assert ALERT.alt in text.get_content()
    assert "&lt;the&gt;" in page.get_content()
    assert "cid:chart" in page.get_content()
    pictures = [part for part in first.walk() if part.get_content_type() == "image/png"]
    assert [part.get_payload(decode=True) for part in pictures] == [PNG]
    assert pictures[0]["Content-ID"] == "<chart>"


async def test_without_a_chart_it_is_plain_text_with_a_title_that_breaks_nothing() -> None:
    async with mail_server() as server:
        message = replace(ALERT, png=None, alt="", title="Über\r\nBcc: all@example.org " + "x" * 400, level="info")
        assert isinstance(await EmailSender(settings_for(server)).send("ann@example.org", message), Delivered)
    (mail,) = server.mails
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Über Bcc: all@example.org")
    assert mail["Importance"] is None
    assert mail.get_content_type() == "text/plain"


async def test_it_logs_in_and_names_what_to_correct_when_that_is_refused() -> None:
    async with mail_server(login=True) as server:
        sender = EmailSender(settings_for(server, login=True))
        assert await sender.check() is None
        assert isinstance(await sender.send("ann@example.org", ALERT), Delivered)
        wrong = EmailSender(replace(settings_for(server, login=True), username="other@example.org"))
        outcome = await wrong.send("ann@example.org", ALERT)
    assert server.logins == [USER, USER]
    assert isinstance(outcome, Later)
    assert "SMTP_URL" in outcome.reason
    assert PASSWORD not in outcome.reason


async def test_starttls_is_required_where_the_server_is_not_this_machine(certificates: Certificates) -> None:
    async with mail_server(tls=certificates.server, login=True) as server:
        settings = replace(settings_for(server, login=True), tls="starttls", ca_file=str(certificates.authority))
        assert isinstance(await EmailSender(settings).send("ann@example.org", ALERT), Delivered)
    assert server.encrypted == [True]
    async with mail_server() as plain:
        outcome = await EmailSender(replace(settings_for(plain), tls="starttls")).send("ann@example.org", ALERT)
    assert isinstance(outcome, Later)
    assert "no encryption" in outcome.reason
    assert plain.mails == []


async def test_tls_from_the_start_and_a_certificate_that_nobody_vouches_for(certificates: Certificates) -> None:
    async with mail_server(tls=certificates.server, implicit=True) as server:
        settings = settings_for(server, scheme="smtps")
        known = replace(settings, ca_file=str(certificates.authority))
        assert isinstance(await EmailSender(known).send("ann@example.org", ALERT), Delivered)
        outcome = await EmailSender(settings).send("ann@example.org", ALERT)
    assert isinstance(outcome, Later)
    assert "SMTP_CA_FILE" in outcome.reason
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "dead"),
    [
        ("550 5.1.1 No such user", Never, True),
        ("550 User unknown", Never, True),
        ("550 No such mailbox here", Never, True),
        ("550 relay not permitted", Never, False),
        ("550 blocked, see our page on addresses", Never, False),
        ("550 5.7.1 Blocked by policy", Never, False),
        ("552 5.2.2 Mailbox full", Never, False),
        ("450 4.2.0 Greylisted", Later, False),
    ],
)
async def test_only_a_mailbox_that_is_unknown_for_good_is_a_dead_end(answer: str, kind: type, dead: bool) -> None:
    async with mail_server() as server:
        server.refusals["ann@example.org"] = answer
        outcome = await EmailSender(settings_for(server)).send("ann@example.org", ALERT)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "dead", False) is dead


@pytest.mark.parametrize(("answer", "kind"), [("554 5.7.1 Spam", Never), ("451 4.3.0 Try again", Later)])
async def test_a_message_may_be_refused_for_now_or_for_good(answer: str, kind: type) -> None:
    async with mail_server() as server:
        server.answer = answer
        assert isinstance(await EmailSender(settings_for(server)).send("ann@example.org", ALERT), kind)


async def test_a_server_that_is_slow_or_away_means_later() -> None:
    async with mail_server() as server:
        server.delay_s = 5.0
        outcome = await EmailSender(settings_for(server), timeout_s=0.3).send("ann@example.org", ALERT)
        assert isinstance(outcome, Later)
        assert "within 0.3 s" in outcome.reason
    away = replace(settings_for(server), port=await closed_port())
    outcome = await EmailSender(away).send("ann@example.org", ALERT)
    assert isinstance(outcome, Later)
    assert "cannot be reached" in outcome.reason


@pytest.mark.parametrize("address", ["ann@example.org\r\nBcc: x@example.org", "Müller@example.org", "ann", "@x.org"])
async def test_an_address_that_is_none_is_a_dead_end_without_a_connection(address: str) -> None:
    settings = EmailSettings("127.0.0.1", await closed_port(), "ranch@example.org", "none")
    outcome = await EmailSender(settings).send(address, ALERT)
    assert isinstance(outcome, Never)
    assert outcome.dead


async def test_letters_of_all_scripts_arrive_through_a_server_of_seven_bits() -> None:
    async with mail_server() as server:
        message = replace(ALERT, text="Größe 電池 – 45 °C\n" + "x" * 2000, title="電池 28 %")
        assert isinstance(await EmailSender(settings_for(server)).send("ann@bücher.example", message), Delivered)
    (mail,) = server.mails
    assert server.envelopes[0][1] == ("ann@xn--bcher-kva.example",)
    assert mail["Subject"] == "電池 28 %"
    body = mail.get_body(("plain",))
    assert body is not None
    assert "Größe 電池 – 45 °C" in body.get_content()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://mail.example.org", "smtp://"),
        ("smtp://mail.example.org", "from"),
        ("smtp://user@mail.example.org?from=a@example.org", "go together"),
        ("smtp://mail.example.org:x?from=a@example.org", "no address"),
        ("smtp://mail.example.org?from=a@example.org&tls=maybe", "tls"),
        ("smtp://mail.example.org?from=a@example.org&port=3", "no option"),
    ],
)
def test_a_mistake_in_the_settings_is_named_and_costs_email_alone(url: str, says: str) -> None:
    settings = notify_settings({"SMTP_URL": url})
    assert settings.email is None
    assert says in settings.troubles["email"]


def test_encryption_is_the_rule_and_only_this_machine_or_the_owner_is_the_exception() -> None:
    def tls(url: str) -> str:
        found = notify_settings({"SMTP_URL": url}).email
        assert found is not None
        return found.tls

    assert tls("smtp://mail.example.org?from=a@example.org") == "starttls"
    assert tls("smtp://10.0.0.4?from=a@example.org") == "starttls"
    assert tls("smtp://10.0.0.4?from=a@example.org&tls=none") == "none"
    assert tls("smtp://localhost:25?from=a@example.org") == "none"
    assert tls("smtps://mail.example.org?from=a@example.org") == "implicit"


async def test_a_file_of_certificates_that_is_not_there_is_named() -> None:
    settings = EmailSettings("127.0.0.1", 1, "ranch@example.org", "implicit", ca_file="nowhere.pem")
    outcome = await EmailSender(settings).send("ann@example.org", ALERT)
    assert isinstance(outcome, Later)
    assert "SMTP_CA_FILE" in outcome.reason

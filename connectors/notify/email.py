"""Email through the owner's mail server: text with the chart inside, encrypted unless the server is this machine.

A message is sent again when nobody said that it was taken: a mail that arrives twice (with the same Message-ID, which
most mailboxes show once) is better than one that is lost.
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
import ssl
from email import policy
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime

import aiosmtplib

from connectors.device import Clock, utc_now
from connectors.notify.sender import Delivered, Later, Never, Outcome, OutMessage
from connectors.notify.settings import EmailSettings

TIMEOUT_S = 30.0
_DEAD = re.compile(r"\b5\.(1\.[1-3]|1\.10|2\.1|1\.6)\b")  # RFC 3463: no such mailbox, disabled, moved
_SEVEN_BITS = policy.SMTP.clone(cte_type="7bit")  # for servers without 8BITMIME too
_ENHANCED = re.compile(r"\b5\.\d+\.\d+\b")
_UNKNOWN = re.compile(
    r"(user|mailbox|recipient|account|address)\b.*\b(unknown|not found|unavailable|does ?n[o']t exist|disabled)"
    r"|(unknown|no such|invalid) (local )?(user|mailbox|recipient|account|address)",
    re.IGNORECASE | re.DOTALL,
)


class EmailSender:
    """`Sender` for email."""

    kind = "email"

    def __init__(self, settings: EmailSettings, *, clock: Clock = utc_now, timeout_s: float = TIMEOUT_S) -> None:
        self._settings = settings
        self._clock = clock
        self._timeout_s = timeout_s
        self._domain = settings.sender.rpartition("@")[2]

    async def send(self, target: str, message: OutMessage) -> Outcome:
        """See `Sender`; a mailbox that is unknown for good is a dead end."""
        try:
            to = _in_ascii(target)
            mail = self._mail(to, message)
            content = mail.as_bytes()
        except (ValueError, MessageError):
            return Never("the address is none that mail can be sent to; set another one in your preferences", dead=True)
        try:
            async with asyncio.timeout(self._timeout_s):
                client = await self._connected()
                try:
                    await client.sendmail(self._settings.sender, [to], content)
                finally:
                    await _ended(client)
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _recipient_refused(error.recipients[0])
        except aiosmtplib.SMTPRecipientRefused as error:
            return _recipient_refused(error)
        except aiosmtplib.SMTPNotSupported as error:
            return Never(f"the mail server cannot take this address: {_words(error)}")
        except (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPDataError) as error:
            if error.code < 500:
                return Later(None, f"the mail server takes no mail at the moment ({error.code})")
            return Never(f"the mail server refused the message ({error.code} {_words(error)})")
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return Later(None, self._trouble(error))
        return Delivered(ref=mail["Message-ID"])

    async def check(self) -> str | None:
        """See `Sender`: connects and logs in."""
        try:
            async with asyncio.timeout(self._timeout_s):
                client = await self._connected()
                await _ended(client)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            return self._trouble(error)
        return None

    async def close(self) -> None:
        """Nothing stays open."""

    async def _connected(self) -> aiosmtplib.SMTP:
        settings = self._settings
        client = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            use_tls=settings.tls == "implicit",
            start_tls=settings.tls == "starttls",  # True: without it nothing is sent
            tls_context=None if settings.tls == "none" else ssl.create_default_context(cafile=settings.ca_file),
            local_hostname="commandcenter.invalid",  # the machine's own name is nobody's business
            timeout=self._timeout_s,
        )
        await client.connect()
        if settings.username is not None and settings.password is not None:
            try:
                await client.login(settings.username, settings.password.get_secret_value())
            except BaseException:
                client.close()
                raise
        return client

    def _mail(self, target: str, message: OutMessage) -> EmailMessage:
        mail = EmailMessage(_SEVEN_BITS)
        mail["From"] = f"CommandCenter <{self._settings.sender}>"
        mail["To"] = target
        mail["Subject"] = " ".join(message.title.split())[:200] or "CommandCenter"
        mail["Date"] = format_datetime(self._clock())
        mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@{self._domain}>"
        mail["List-Id"] = f"CommandCenter alerts <alerts.commandcenter.{self._domain}>"
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
        mail["X-Auto-Response-Suppress"] = "All"
        if message.level == "critical":
            mail["Importance"] = "high"
            mail["X-Priority"] = "1"
        text = (message.text or message.title) + (f"\n\n[{message.alt}]" if message.alt else "")
        mail.set_content(text)
        if message.png is not None:
            shown = "<br>\n".join(html.escape(line) for line in message.text.split("\n"))
            alt = html.escape(message.alt, quote=True)
            mail.add_alternative(f'<p>{shown}</p>\n<p><img src="cid:chart" alt="{alt}"></p>\n', subtype="html")
            pictured = mail.get_payload()[1]  # type: ignore[index]  # a list after add_alternative
            pictured.add_related(  # type: ignore[union-attr]  # an EmailMessage
                message.png, "image", "png", cid="<chart>", filename="chart.png", disposition="inline"
            )
        return mail

    def _trouble(self, error: Exception) -> str:
        host = self._settings.host
        match error:
            case aiosmtplib.SMTPAuthenticationError():
                return f"{host} refuses the user name or password ({error.code}); correct SMTP_URL"
            case ssl.SSLCertVerificationError() | aiosmtplib.SMTPConnectError(__cause__=ssl.SSLCertVerificationError()):
                return f"{host} has no certificate that is trusted; give its authority in SMTP_CA_FILE"
            case aiosmtplib.SMTPResponseException():
                return f"{host} takes no mail at the moment ({error.code} {_words(error)})"
            case FileNotFoundError() | PermissionError() if self._settings.ca_file is not None:
                return (
                    f"SMTP_CA_FILE cannot be read ({type(error).__name__}); give the path of a file with certificates"
                )
            case TimeoutError():
                return f"{host} did not answer within {self._timeout_s:g} s; check SMTP_URL and the line"
            case aiosmtplib.SMTPException() if "STARTTLS" in str(error):
                return f"{host} offers no encryption; use smtps://, or write tls=none into SMTP_URL on a line you trust"
            case aiosmtplib.SMTPException() if "AUTH" in str(error):
                return f"{host} offers no login; drop the user name from SMTP_URL, or use its submission port (587)"
            case _:
                return f"{host}:{self._settings.port} cannot be reached ({type(error).__name__}); check SMTP_URL"


def _in_ascii(address: str) -> str:
    """The address with its domain as DNS has it. Raises ValueError where the part before the @ has no such form."""
    name, _, domain = address.rpartition("@")
    if not name.isascii() or not name:
        raise ValueError("no mail server here takes such a name")
    return f"{name}@{domain.encode('idna').decode()}"


async def _ended(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; what was taken is taken, whatever the answer."""
    try:
        async with asyncio.timeout(2):
            await client.quit()
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        client.close()


def _recipient_refused(error: aiosmtplib.SMTPRecipientRefused) -> Outcome:
    if error.code < 500:
        return Later(None, f"the mail server does not take mail for this address at the moment ({error.code})")
    says = str(error.message)
    # 550 alone is also said where relaying is forbidden or we are on a blocklist: nothing against the mailbox
    unknown = not _ENHANCED.search(says) and error.code in (550, 551, 553) and _UNKNOWN.search(says) is not None
    dead = _DEAD.search(says) is not None or unknown
    remedy = "set another address in your preferences" if dead else "ask whoever runs the mailbox"
    return Never(f"the address is refused ({error.code} {_words(error)}); {remedy}", dead=dead)


def _words(error: Exception) -> str:
    """What a server said, in one short line."""
    return " ".join(str(getattr(error, "message", error)).split())[:120]

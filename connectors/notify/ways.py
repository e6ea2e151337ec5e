"""The senders that the settings allow for; webhooks and push services need no setting of ours."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.notify.apprise_way import AppriseSender
from connectors.notify.email import EmailSender
from connectors.notify.pinned import PinnedPost
from connectors.notify.sender import Sender
from connectors.notify.settings import NotifySettings
from connectors.notify.sms import SmsSender
from connectors.notify.webhook import WebhookSender


def senders_of(settings: NotifySettings) -> Mapping[str, Sender]:
    """A sender for each way that can be used, by kind. The caller closes them."""
    senders: dict[str, Sender] = {
        "webhook": WebhookSender(PinnedPost(settings.allow_private)),
        "apprise": AppriseSender(settings.allow_private, pushover_api_url=settings.pushover_api_url),
    }
    if settings.email is not None:
        senders["email"] = EmailSender(settings.email)
    if settings.sms is not None:
        senders["sms"] = SmsSender(settings.sms)
    return senders

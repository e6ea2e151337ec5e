"""Targets that people write for themselves: what is taken, what is refused and why, and what is shown of them."""

from __future__ import annotations

import pytest

from energy.contact_targets import TargetRefused, has_host, parse_target, webhook_kind, with_key


@pytest.mark.parametrize(
    ("text", "kind", "shown"),
    [
        ("https://hooks.slack.com/services/T00/B00/abcdefghijkl", "webhook", "Slack webhook (…ijkl)"),
        ("https://discord.com/api/webhooks/1234/abcdefghijkl", "webhook", "Discord webhook (…ijkl)"),
        ("https://Example.org:8443/x?y=1", "webhook", "webhook at example.org"),
        ("<https://example.org/alerts>", "webhook", "webhook at example.org"),
        ("ntfys://ntfy.example.org/ranch", "apprise", "ntfy at ntfy.example.org"),
        ("ntfy://my-secret-topic-1234", "apprise", "ntfy (…1234)"),
        (
            "pover://uuuuuuuuuuuuuuuuuuuuuuuuuuuuuu@tttttttttttttttttttttttttttttt?priority=high",
            "apprise",
            "Pushover (…tttt)",
        ),
        ("gotify://10.0.0.5:8080/AbCdEf", "apprise", "Gotify at 10.0.0.5"),
    ],
)
def test_an_address_is_understood_and_shown_without_its_secret(text: str, kind: str, shown: str) -> None:
    target = parse_target(text)
    assert (target.kind, target.shown) == (kind, shown)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nothing was given"),
        ("hello", "no address"),
        ("https://", "no host"),
        ("https://user:pw@example.org/", "before the @"),
        ("https://good.example.org@169.254.169.254/latest", "before the @"),
        ("https://good.example.org\\@169.254.169.254/", "backslash"),
        ("https://exa mple.org/", "blank"),
        ("https://2130706433/", "odd way"),
        ("https://0x7f000001/", "odd way"),
        ("https://0177.0.0.1/", "odd way"),
        ("https://127.1/", "odd way"),
        ("https://0x7f.1/", "odd way"),
        ("https://exämple.org/", "letter"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://example.org:99999/", "no address"),
        ("https://example.org/#note", "signing key"),
        ("http://hooks.slack.com/services/T/B/x", "https://"),
        ("exec://rm", "no service"),
        ("file:///etc/passwd", "no"),
        ("dbus://", "no address"),
        ("dbus://x", "no service"),
        ("syslog://local", "no service"),
        ("mqtt://10.0.0.1/relay", "no service"),
        ("json://10.0.0.1/relay", "no service"),
        ("mailto://user:pass@10.0.0.1", "no service"),
        ("ntfys://ntfy.sh/topic?attach=file:///etc/passwd", "attach: no option"),
        ("ntfys://ntfy.sh/topic?verify=no&redirect=yes", "redirect, verify: no option"),
        ("ntfys://ntfy.sh/topic?cto=100000", "cto: no option"),
        ("ntfys://ntfy.sh/topic?priority=1;attach=file:///etc/passwd", "semicolon"),
        ("ntfys://ntfy.sh/topic?priority=1%3Battach=x", "semicolon"),
        ("ntfys://ntfy.sh/topic/other", "several recipients"),
        ("ntfys://ntfy.sh?to=one,two", "several recipients"),
        ("join://0123456789/phone/tablet", "several recipients"),
        ("https://example.org/" + "x" * 2000, "characters"),
    ],
)
def test_what_must_not_be_sent_to_is_refused_in_words(text: str, says: str) -> None:
    with pytest.raises(TargetRefused, match=says.replace("?", r"\?")):
        parse_target(text)


def test_a_webhook_of_ones_own_needs_a_key_which_no_request_carries() -> None:
    target = parse_target("https://example.org/hook?a=1")
    assert target.needs_key
    keyed = with_key(target, "whsec_" + "A" * 32)
    assert keyed.target == "https://example.org/hook?a=1#whsec_" + "A" * 32
    again = parse_target(keyed.target)
    assert not again.needs_key
    assert "whsec" not in again.shown


def test_only_the_real_hosts_get_the_payload_of_slack_or_discord() -> None:
    assert webhook_kind("hooks.slack.com", "/services/x") == "slack"
    assert webhook_kind("discord.com", "/api/v10/webhooks/1/x") == "discord"
    assert webhook_kind("hooks.slack.com.evil.example", "/services/x") == "signed"
    assert webhook_kind("discord.com", "/somewhere") == "signed"


def test_ntfy_names_a_host_where_its_options_say_so() -> None:
    assert not has_host("ntfy://topic")
    assert has_host("ntfy://ann:pw@public.example?mode=private&to=topic")


def test_a_target_that_is_logged_shows_no_secret() -> None:
    assert "secret" not in repr(parse_target("ntfys://ntfy.sh/a-secret-topic-with-a-tail"))

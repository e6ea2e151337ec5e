from __future__ import annotations

from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, settings_from


def settings(**environment: str) -> Settings:
    return settings_from(data=Path("data"), environment=environment)


def test_without_tokens_there_is_no_platform() -> None:
    found = settings()
    assert (found.telegram, found.slack, found.discord) == (None, None, None)


def test_slack_comes_by_socket_or_by_http() -> None:
    by_socket = settings(SLACK_BOT_TOKEN="xoxb-1", SLACK_APP_TOKEN="xapp-1").slack
    by_http = settings(SLACK_BOT_TOKEN="xoxb-1", SLACK_SIGNING_SECRET="s3cret").slack
    assert by_socket is not None
    assert by_http is not None
    assert by_socket.app_token is not None
    assert by_http.app_token is None


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"SLACK_BOT_TOKEN": "xoxb-1"}, "SLACK_APP_TOKEN beside it"),
        ({"SLACK_BOT_TOKEN": "xapp-1", "SLACK_APP_TOKEN": "xoxb-1"}, "SLACK_BOT_TOKEN: must start with xoxb-"),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xoxb-2"}, "SLACK_APP_TOKEN: must start with xapp-"),
        ({"TELEGRAM_BOT_TOKEN": "1:a", "TELEGRAM_WEBHOOK_URL": "http://x.org/t"}, "https addresses only"),
        ({"TELEGRAM_BOT_TOKEN": "1:a", "TELEGRAM_WEBHOOK_URL": "https://x.org/t"}, "openssl rand -hex 32"),
        ({"TELEGRAM_BOT_TOKEN": "1:a 2:b"}, "TELEGRAM_BOT_TOKEN: holds a blank"),
        ({"TELEGRAM_BOT_TOKEN": "1:\u0430"}, "TELEGRAM_BOT_TOKEN: holds a blank"),
        ({"TELEGRAM_BOT_TOKEN": "1:a", "TELEGRAM_LONG_POLL_TIMEOUT_S": "soon"}, '"soon" is not a number'),
        (
            {
                "TELEGRAM_BOT_TOKEN": "1:a",
                "TELEGRAM_WEBHOOK_URL": "https://x.org/t",
                "TELEGRAM_WEBHOOK_SECRET": "too short",
            },
            "16 to 256",
        ),
    ],
)
def test_half_a_platform_is_left_out_with_the_remedy_and_the_others_go_on(
    environment: dict[str, str], says: str
) -> None:
    found = settings(**environment, DISCORD_BOT_TOKEN="d")
    platform = next(iter(environment)).partition("_")[0].lower()
    assert getattr(found, platform) is None
    assert list(found.platform_troubles) == [platform]
    assert says in found.platform_troubles[platform]
    assert found.discord is not None
    assert not found.without_platforms().platform_troubles


def test_a_platforms_secret_file_that_cannot_be_read_costs_that_platform_alone(tmp_path: Path) -> None:
    image = tmp_path / "token"
    image.write_bytes(b"\xff\xfe\x00")
    found = settings(TELEGRAM_BOT_TOKEN_FILE=str(tmp_path / "none"), SLACK_BOT_TOKEN_FILE=str(image))
    assert (found.telegram, found.slack) == (None, None)
    assert "No such file" in found.platform_troubles["telegram"]
    assert "SLACK_BOT_TOKEN_FILE" in found.platform_troubles["slack"]
    assert "no text" in found.platform_troubles["slack"]
    with pytest.raises(SettingsError, match="OPENAI_API_KEY_FILE"):
        settings(OPENAI_API_KEY_FILE=str(tmp_path / "none"))


def test_no_secret_shows_in_the_settings() -> None:
    found = settings(
        TELEGRAM_BOT_TOKEN="1:hidden",
        TELEGRAM_WEBHOOK_URL="https://x.org/t",
        TELEGRAM_WEBHOOK_SECRET="hidden-hidden-hidden",
        SLACK_BOT_TOKEN="xoxb-hidden",
        SLACK_APP_TOKEN="xapp-hidden",
        SLACK_SIGNING_SECRET="hidden",
        DISCORD_BOT_TOKEN="hidden",
    )
    assert "hidden" not in repr((found.telegram, found.slack, found.discord))

"""What is logged about a device: the first failure and the recovery."""

from __future__ import annotations

import structlog

from connectors.errors import CredentialsRefused, TryLater, Unreachable, Unsupported
from connectors.watch import DeviceWatch


def test_only_changes_are_logged():
    watch = DeviceWatch()
    with structlog.testing.capture_logs() as events:
        assert not watch.succeeded("garage")
        assert watch.failed("garage", Unreachable("no power"))
        assert not watch.failed("garage", Unreachable("no power"))
        assert watch.succeeded("garage")
        assert not watch.succeeded("garage")
    assert [(event["event"], event["device"]) for event in events] == [
        ("device_unreachable", "garage"),
        ("device_recovered", "garage"),
    ]
    assert events[0]["reason"] == "no power"


def test_a_failure_of_another_kind_is_a_change():
    watch = DeviceWatch()
    with structlog.testing.capture_logs() as events:
        watch.failed("solark", Unreachable("a"))
        watch.failed("solark", CredentialsRefused("b"))
        watch.failed("solark", TryLater("c", after_s=3))
        watch.failed("solark", Unsupported("d"))
    assert [event["event"] for event in events] == [
        "device_unreachable",
        "device_credentials_refused",
        "device_busy",
        "device_malformed",
    ]
    assert watch.trouble("solark") == "device_malformed"


def test_devices_are_watched_apart():
    watch = DeviceWatch()
    assert watch.failed("a", Unreachable("x"))
    assert watch.failed("b", Unreachable("x"))
    assert watch.succeeded("a")
    assert watch.trouble("b") == "device_unreachable"

"""The circuit breaker, on a clock of its own."""

from __future__ import annotations

from agents.breaker import OPEN_AT_MOST_S, CircuitBreaker
from agents.failures import classified


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_three_failures_in_a_row_open_the_breaker() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(2):
        breaker.failed()
    assert breaker.allow()
    breaker.failed()
    assert not breaker.allow()


def test_a_success_between_failures_keeps_it_closed() -> None:
    breaker = CircuitBreaker(clock=Clock())
    for _ in range(5):
        breaker.failed()
        breaker.failed()
        breaker.succeeded()
    assert breaker.allow()


def test_after_the_pause_exactly_one_trial_goes_through() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed(permanent=True)
    assert not breaker.allow()
    clock.now = 31
    assert [breaker.allow() for _ in range(3)] == [True, False, False]
    breaker.succeeded()
    assert breaker.allow()


def test_a_failed_trial_opens_it_for_twice_as_long() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed(permanent=True)
    clock.now = 31
    assert breaker.allow()
    breaker.failed()
    clock.now = 31 + 59
    assert not breaker.allow()
    clock.now = 31 + 61
    assert breaker.allow()


def test_a_trial_that_never_reports_back_does_not_block_for_ever() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed(permanent=True)
    clock.now = 31
    assert breaker.allow()
    clock.now = 92
    assert breaker.allow()


def test_the_services_own_wish_to_be_left_alone_is_heeded_up_to_ten_minutes() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed(after_s=120)
    clock.now = 119
    assert not breaker.allow()
    clock.now = 121
    assert breaker.allow()
    breaker.failed(after_s=10_000)
    clock.now = 121 + OPEN_AT_MOST_S + 1
    assert breaker.allow()


def test_a_short_wish_to_be_left_alone_pauses_it_for_just_that_long() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.failed(after_s=5)
    assert not breaker.allow()
    clock.now = 5.1
    assert breaker.allow()
    breaker.succeeded()
    breaker.failed()
    assert breaker.allow()


def test_a_failure_is_described_without_the_errors_own_text() -> None:
    failure = classified(RuntimeError("no route to http://10.1.2.3:8080 key sk-secret"))
    assert "10.1.2.3" not in failure.words
    assert "sk-secret" not in failure.words

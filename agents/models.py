"""The language models: settings, and the shared clients of one process. Any OpenAI-compatible endpoint will do."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from agents.breaker import CircuitBreaker

if TYPE_CHECKING:
    from agents.resilient import Line

DEFAULT_MODEL = "gpt-4o-mini"


class ModelSettings(BaseModel):
    """Where the models are. Without a key and a base URL there is none, and the local model answers.

    `timeout_s` limits one request, `answer_within_s` all of them for one question; `max_retries` counts extra tries.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    api_key: SecretStr | None = None
    base_url: str | None = None
    model: str = DEFAULT_MODEL
    manager_model: str | None = None
    timeout_s: float = Field(default=20.0, gt=0)
    max_retries: int = Field(default=1, ge=0, le=5)
    answer_within_s: float = Field(default=45.0, gt=0)

    @property
    def is_configured(self) -> bool:
        """Whether there is a model to ask; a server of one's own may need no key."""
        return bool(self.base_url or (self.api_key and self.api_key.get_secret_value()))


@dataclass(frozen=True, slots=True)
class Models:
    """The shared clients: one line for the specialists, one for the manager; None = only the local model."""

    default: Line | None = None
    manager: Line | None = None
    answer_within_s: float = 45.0

    @classmethod
    def build(cls, settings: ModelSettings) -> Self:
        """The clients for these settings. Imports the vendor's library only when there is something to reach."""
        if not settings.is_configured:
            return cls(answer_within_s=settings.answer_within_s)
        default = _line(settings, settings.model)
        same = settings.manager_model in (None, settings.model)
        manager = default if same else _line(settings, settings.manager_model or settings.model)
        return cls(default, manager, settings.answer_within_s)

    async def close(self) -> None:
        """Close the connections."""
        lines = [self.default] if self.default is self.manager else [self.default, self.manager]
        for line in lines:
            if line is not None:
                await line.client.close()


def _line(settings: ModelSettings, model: str) -> Line:
    import openai.resources.chat  # noqa: F401 - the vendor's client would load it inside the first question
    from autogen_core.models import ModelFamily, ModelInfo
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    from agents.resilient import Line

    # Gateways name models as they like and finish for reasons of their own: AutoGen warns about both in each request.
    warnings.filterwarnings("ignore", message="Resolved model mismatch")
    warnings.filterwarnings("ignore", message="Finish reason mismatch")
    key = settings.api_key.get_secret_value() if settings.api_key else ""
    arguments: dict[str, Any] = {
        "model": model,
        "api_key": key or "none",
        "timeout": settings.timeout_s,
        "max_retries": 0,  # agents/resilient.py retries: it knows how much time the question has left
        "include_name_in_message": False,  # several gateways refuse the field
        "model_info": ModelInfo(
            vision=False,
            function_calling=True,
            json_output=False,
            structured_output=False,
            family=ModelFamily.UNKNOWN,
        ),
    }
    if settings.base_url:
        arguments["base_url"] = settings.base_url
    client = OpenAIChatCompletionClient(**arguments)
    return Line(client, CircuitBreaker(), settings.timeout_s, settings.max_retries)

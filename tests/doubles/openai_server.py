"""A scripted OpenAI-compatible server on loopback: chat completions with tool calls, streams, and faults on demand.

In a test: `async with serve(oracle) as server: ModelSettings(base_url=server.base_url)`. By itself, for benchmarks:
`python -m tests.doubles.openai_server`, which prints its base URL and answers as the oracle.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.doubles.prompt_tokens import completion_tokens, prompt_tokens


@dataclass(frozen=True, slots=True)
class Say:
    """Answer with a text; `finish_reason` as the API names it."""

    text: str | None
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Call:
    """Call tools: (name, arguments) pairs; a text in place of arguments is sent as it is."""

    calls: tuple[tuple[str, dict[str, Any] | str], ...]

    @classmethod
    def of(cls, name: str, **arguments: Any) -> Call:
        """One call."""
        return cls(((name, arguments),))


@dataclass(frozen=True, slots=True)
class Fail:
    """Answer with an error status, and how long to wait (s) where the script says so."""

    status: int
    retry_after_s: float | None = None
    code: str = "error"


@dataclass(frozen=True, slots=True)
class Hang:
    """Keep the client waiting (s), then answer with a text that comes too late."""

    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Garbage:
    """Answer 200 with something that is no chat completion."""

    body: str = '{"choices": [{"mess'
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Drop:
    """Close the connection without an answer."""


Step = Say | Call | Fail | Hang | Garbage | Drop


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived."""

    model: str
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]]
    tool_choice: Any
    prompt_tokens: int
    authorization: str

    @property
    def tool_names(self) -> list[str]:
        """The names of the offered tools."""
        return [tool["function"]["name"] for tool in self.tools]

    @property
    def tool_results(self) -> list[str]:
        """The contents of the tool messages after the last question."""
        results: list[str] = []
        for message in reversed(self.messages):
            if message["role"] == "user":
                break
            if message["role"] == "tool":
                results.insert(0, str(message["content"]))
        return results

    @property
    def question(self) -> str:
        """The last user message."""
        return next((str(m["content"]) for m in reversed(self.messages) if m["role"] == "user"), "")


Script = Callable[[Request], Step]


def steps(*script: Step) -> Script:
    """A script that goes through `script` and stays at its last step."""
    position = -1

    def play(_: Request) -> Step:
        nonlocal position
        position = min(position + 1, len(script) - 1)
        return script[position]

    return play


@dataclass(slots=True)
class Server:
    """The running server: where it is, what it was asked, and the script, which a test may exchange."""

    script: Script
    base_url: str = ""
    requests: list[Request] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """Prompt tokens of all requests so far (o200k_base)."""
        return sum(request.prompt_tokens for request in self.requests)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        body = await request.json()
        asked = Request(
            model=body["model"],
            messages=body["messages"],
            tools=body.get("tools", []),
            tool_choice=body.get("tool_choice"),
            prompt_tokens=prompt_tokens(body["messages"], body.get("tools", [])),
            authorization=request.headers.get("Authorization", ""),
        )
        self.requests.append(asked)
        step = self.script(asked)
        match step:
            case Fail(status, retry_after_s, code):
                headers = {} if retry_after_s is None else {"retry-after": str(retry_after_s)}
                error = {"error": {"message": f"scripted {status} at http://10.1.2.3/", "type": code, "code": code}}
                return web.json_response(error, status=status, headers=headers)
            case Hang(seconds):
                await asyncio.sleep(seconds)
                return await _completion(request, body, asked, Say("This comes too late."))
            case Garbage(text, content_type):
                return web.Response(text=text, content_type=content_type)
            case Drop():
                if request.transport is not None:
                    request.transport.close()
                return web.Response()
            case _:
                return await _completion(request, body, asked, step)


async def _completion(
    request: web.Request, body: dict[str, Any], asked: Request, step: Say | Call
) -> web.StreamResponse:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    if isinstance(step, Say):
        message["content"], reason = step.text, step.finish_reason
    else:
        reason = "tool_calls"
        message["tool_calls"] = [
            {
                "id": f"call_{len(asked.messages)}_{index}",
                "type": "function",
                "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
            }
            for index, (name, given) in enumerate(step.calls)
        ]
    usage = {"prompt_tokens": asked.prompt_tokens, "completion_tokens": completion_tokens(message)}
    usage["total_tokens"] = sum(usage.values())
    frame = {"id": "chatcmpl-1", "created": int(time.time()), "model": body["model"]}
    if not body.get("stream"):
        choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
        return web.json_response(frame | {"object": "chat.completion", "choices": [choice], "usage": usage})
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    for index, call in enumerate(message.get("tool_calls", [])):
        call["index"] = index
    deltas = [(message, None), ({}, reason)]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": why}]} for delta, why in deltas]
    if (body.get("stream_options") or {}).get("include_usage"):
        chunks.append({"choices": [], "usage": usage})
    for chunk in chunks:
        await response.write(f"data: {json.dumps(frame | {'object': 'chat.completion.chunk'} | chunk)}\n\n".encode())
    await response.write(b"data: [DONE]\n\n")
    return response


@contextlib.asynccontextmanager
async def serve(script: Script | Sequence[Step]) -> AsyncIterator[Server]:
    """The server on a free loopback port, playing `script` (a function of the request, or steps in order)."""
    server = Server(script if callable(script) else steps(*script))
    app = web.Application(client_max_size=4_000_000)
    app.router.add_post("/v1/chat/completions", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    server.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()


async def _main() -> None:
    # As `__main__` this file is not the module that the oracle imports its steps from.
    from tests.doubles import openai_server
    from tests.doubles.oracle import oracle

    async with openai_server.serve(oracle) as server:
        print(server.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())

"""What importing the crew costs, and what it must not pull in."""

from __future__ import annotations

import subprocess
import sys


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after running `code`."""
    script = f"{code}\nimport sys; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    return set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )


def test_the_assistant_is_importable_without_loading_autogen_or_the_vendors_library() -> None:
    modules = loaded(
        "import agents.assistant, agents.models; agents.models.Models.build(agents.models.ModelSettings())"
    )
    assert not modules & {"autogen_core", "autogen_agentchat", "autogen_ext", "openai", "chromadb", "matplotlib"}
    assert not modules & {"bpe_openai", "tiktoken", "pandas", "statsmodels", "pvlib"}


def test_the_crew_without_a_key_loads_autogen_but_no_vendors_library() -> None:
    modules = loaded("import agents.crew, agents.resilient")
    assert "autogen_agentchat" in modules
    assert not modules & {"openai", "tiktoken", "chromadb", "matplotlib", "bpe_openai", "pandas"}

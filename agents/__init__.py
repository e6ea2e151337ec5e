"""The AutoGen crew: selector, specialists, tools, and the local model client."""

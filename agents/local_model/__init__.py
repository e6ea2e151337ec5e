"""The local model: answers the common questions without a key, by rules, over the same tools as the language model."""

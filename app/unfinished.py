"""The end of a demo that did not go as its scenario says."""


class StoryUnfinished(Exception):
    """The alerts of a scenario did not all come and resolve, or others came; the message says which."""

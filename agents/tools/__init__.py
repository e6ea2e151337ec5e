"""The crew's tools: typed, capped, with time limits and sanitised errors inside, over one `ToolDesk` per question."""

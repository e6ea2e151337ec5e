"""Chart specs (pure data) and their rendering with matplotlib."""

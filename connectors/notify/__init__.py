"""Ways to people that are no chat: email, SMS, webhooks, and whatever `apprise` can reach."""

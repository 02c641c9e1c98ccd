"""Who has proved to be a credential's recipient, and what they decide about its page."""

"""Mails: templates, the messages made of them, the queue, and how they go out."""

"""Wallets that a recipient connects: OAuth 2 to the credentials of one proven e-mail address, by Open Badges 3.0."""

"""The public credential page, its tracker, and what it takes in."""

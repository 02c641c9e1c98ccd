"""Designs: what a credential looks like."""

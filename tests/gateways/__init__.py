"""Gateways as data: JSON in and value out, no loop and no server."""

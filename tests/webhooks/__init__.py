"""Callbacks: their signatures, their bodies, the waits that they end, and the endpoints that take them."""

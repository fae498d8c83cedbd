"""Faults of the network, byte by byte: a table from their numbers to the tests is in numbers.md."""

"""A model of creates, and a machine that tries them in any order."""

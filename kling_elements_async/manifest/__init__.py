"""Manifests: files with a row for each element, read row by row, and cut into chunks.

Law: sends nothing, and knows no command.
"""

"""Task queues that run chunks: one file each, imported by the program that has that engine, and by nothing here.

Law: an adapter registers one task, hands it what the worker has opened, and knows nothing of chunks.
"""

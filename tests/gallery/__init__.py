"""The gallery page: as text, and in a real Chromium."""

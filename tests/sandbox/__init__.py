"""The sandbox, asked in raw HTTP only: these tests know nothing of the client."""

"""A refusal and its code. The codes are those of Kling's error page; each dialect spells them its own way."""

CODES: dict[int, tuple[int, str]] = {
    1000: (401, "Authentication failed"),
    1001: (401, "Authorization is empty"),
    1002: (401, "Authorization is invalid"),
    1003: (401, "Authorization is not yet valid"),
    1004: (401, "Authorization is expired"),
    1100: (429, "Account exception"),
    1101: (429, "Account in arrears"),
    1102: (429, "Resource pack exhausted"),
    1103: (403, "Unauthorized access to requested resource"),
    1200: (400, "Invalid request parameters"),
    1201: (400, "Invalid parameters"),
    1202: (404, "Invalid method"),
    1203: (404, "Requested resource does not exist"),
    1300: (400, "Triggered the strategy of the platform"),
    1301: (400, "Triggered the content security policy of the platform"),
    1302: (429, "API request rate limit exceeded"),
    1303: (429, "parallel task over resource pack limit"),
    1304: (429, "IP is not in the allow-list"),
    5000: (500, "Internal server error"),
    5001: (503, "Server under maintenance"),
    5002: (504, "Server internal timeout"),
}


class RefusedError(Exception):
    """The gateway says no; nothing happened."""

    def __init__(self, code: int, message: str | None = None) -> None:
        """Take the status, and without a message the text, from the table of codes."""
        self.code = code
        status, usual = CODES.get(code, (400, "Unknown error"))
        self.status: int = status
        self.message: str = message or usual
        super().__init__(self.message)


def invalid(message: str) -> RefusedError:
    """Build the catch-all of this API, 1201: only its text tells what is wrong."""
    return RefusedError(1201, message)

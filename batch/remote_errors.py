"""Say in one line what went wrong on another machine. Each package that reads addresses has errors of its own."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from ..errors import HpassError

_NO_CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError", "ProfileNotFound"}
_UNREACHABLE = {"EndpointConnectionError", "ConnectTimeoutError", "ClientConnectorError", "ConnectionRefusedError"}


@contextmanager
def remote_errors(address: object, verb: str) -> Generator[None]:
    """Return a context that raises HpassError, `ADDRESS: cannot be VERB (REASON)`, for every exception."""
    try:
        yield
    except HpassError:
        raise
    except Exception as error:  # storage packages raise errors of many libraries, which share no base class
        raise HpassError(f"{address}: cannot be {verb} ({_reason(error)})") from error


def _reason(error: BaseException) -> str:
    names = {type(cause).__name__ for cause in _causes(error)}
    text = " ".join(str(error).split())
    if names & _NO_CREDENTIALS:
        return f"{text}; set them as the provider documents, for s3 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
    if names & _UNREACHABLE:
        return f"{text}; check the network and the address of the server"
    if isinstance(error, FileNotFoundError):
        return text if " " in text else "there is no such file"
    if isinstance(error, PermissionError):
        return f"no permission: {text}"
    return text or type(error).__name__


def _causes(error: BaseException | None) -> Generator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__

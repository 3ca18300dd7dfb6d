"""Handle errors raised by a caller's functions."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from gorillacomb.errors import GorillaCombError

ParametersP = ParamSpec("ParametersP")
ResultT = TypeVar("ResultT")


def stopped_by_callbacks(
    function: Callable[ParametersP, ResultT],
) -> Callable[ParametersP, ResultT]:
    """Let an error of a callback, in any keyword, stop a function as Ctrl-C does.

    Then it is raised as it is. Left to itself, it would look like a damaged index or a failing
    drive, and could be counted as the failure of one file.
    """

    @functools.wraps(function)
    def call(*args: ParametersP.args, **kwargs: ParametersP.kwargs) -> ResultT:
        failures: list[Exception] = []
        for name, value in kwargs.items():
            if callable(value):
                kwargs[name] = _stopping(value, failures)
        try:
            result = function(*args, **kwargs)
        except BaseException:
            if failures:
                raise failures[0] from None
            raise
        if failures:  # an interruption is part of the result
            raise failures[0]
        return result

    return call


def _stopping(callback: Callable[..., Any], failures: list[Exception]) -> Callable[..., Any]:
    """Return a callback that adds its error to ``failures`` and interrupts the work."""

    def call(*args: Any) -> Any:
        try:
            return callback(*args)
        except (GorillaCombError, BrokenPipeError):
            raise
        except Exception as error:
            failures.append(error)
            raise KeyboardInterrupt from error

    return call

"""Which system it is is asked in one place."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from gorillacomb.errors import RefusedForSafety
from gorillacomb.fs.darwin.untested import refuse_untested


@pytest.mark.linux("the suite on the made-up Mac refuses nothing: tests/darwin/test_doctor")
@pytest.mark.parametrize("system", ["linux", "darwin"])
@pytest.mark.parametrize("allowed", [True, False])
def test_only_macos_and_only_unasked(
    monkeypatch: pytest.MonkeyPatch, system: str, allowed: bool
) -> None:
    monkeypatch.setattr("gorillacomb.fs.darwin.untested.sys", SimpleNamespace(platform=system))
    if system == "darwin" and not allowed:
        with pytest.raises(RefusedForSafety, match=r"^It was never tried on macOS") as refused:
            refuse_untested("It", allowed)
        assert refused.value.exit_code == 5 and "--untested-macos" in refused.value.hint
    else:
        refuse_untested("It", allowed)

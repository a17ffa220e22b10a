"""What an audit of the blinding finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One leak (which fails the audit), or a warning, as of an output that names itself."""

    where: str
    what: str
    is_leak: bool
    #: What the warning is about.
    label: str = "An output names itself"

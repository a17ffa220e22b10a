"""A check of the ears and of what is on them, before anything is judged."""

from __future__ import annotations

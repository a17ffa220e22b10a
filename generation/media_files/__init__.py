"""Files that are not text, told by their content: checked, measured, and made anew for raters.

Bytes in, bytes and numbers out: no row, no storage and no settings are known here.
"""

"""Statistics on arrays: no Django, no labels, no app. Randomness comes in as a generator."""

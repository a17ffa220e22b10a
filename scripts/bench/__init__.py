"""`./run bench`: how fast it is, as ratios to what else does the same in the same run."""

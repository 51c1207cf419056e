"""Look at single pairs and at sets of pairs: regions of a map, searches, true neighbours, and why a pair was chosen."""

"""What measures speed; never a timed test."""

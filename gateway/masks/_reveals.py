"""What a masked column still tells. Declared by every mask, so that an officer can compare two of them."""

from enum import StrEnum


class Reveals(StrEnum):
    """One kind of knowledge that survives. Nothing listed: the output is the same for every value."""

    BAND = "band"  # a coarser value that holds the true one: a year, a bucket, a street
    EQUALITY = "equality"  # equal outputs mean equal values
    LENGTH = "length"  # how long the value is
    PREFIX = "prefix"  # how it begins
    SHAPE = "shape"  # whether, and as what, it was recognised
    SUFFIX = "suffix"  # how it ends

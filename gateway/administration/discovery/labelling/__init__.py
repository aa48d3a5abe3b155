"""What a column is called and holds -> the standard data element that it is, its class, and why. Pure, without I/O.

Content beats a name where check digits speak; evidence that disagrees lowers the confidence and says so. It does not
promise to be right: an officer reads the proposal before anything serves.
"""

from gateway.administration.discovery.labelling.elements import ELEMENTS, Element
from gateway.administration.discovery.labelling.label import (
    NOTICES,
    ColumnFacts,
    Notice,
    Proposal,
    label_column,
    label_table,
)
from gateway.administration.discovery.labelling.places import Places
from gateway.administration.discovery.labelling.statistics import UNSAMPLED, Statistics, statistics_of

__all__ = [
    "ELEMENTS",
    "NOTICES",
    "UNSAMPLED",
    "ColumnFacts",
    "Element",
    "Notice",
    "Places",
    "Proposal",
    "Statistics",
    "label_column",
    "label_table",
    "statistics_of",
]

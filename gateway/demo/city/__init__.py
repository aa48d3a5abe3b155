"""Seed -> a synthetic city on real territory, written into six departments' real sources.

Nobody in it is real, and nothing in it may be taken for statistics.
"""

from gateway.demo.city.build import (
    CIVIL_FILE,
    ENVIRONMENT_FOLDER,
    FEWEST_RESIDENTS,
    HEALTH_FILE,
    LEDGER_FILE,
    MARKET_FILE,
    MOST_RESIDENTS,
    POLICE_FILE,
    build_city,
)
from gateway.demo.city.summary import CitySummary, CountedGroup, LowIncomeFamily, TellingPerson, read_summary

__all__ = [
    "CIVIL_FILE",
    "ENVIRONMENT_FOLDER",
    "FEWEST_RESIDENTS",
    "HEALTH_FILE",
    "LEDGER_FILE",
    "MARKET_FILE",
    "MOST_RESIDENTS",
    "POLICE_FILE",
    "CitySummary",
    "CountedGroup",
    "LowIncomeFamily",
    "TellingPerson",
    "build_city",
    "read_summary",
]

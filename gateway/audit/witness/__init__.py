"""A witness (c2sp.org/tlog-witness): another department's program that signs only what continues what it signed before.

It has a key and a folder of its own and no gateway database. What it refuses is a fork, or a log that went back.
"""

from gateway.audit.witness.desk import Answer, Witness
from gateway.audit.witness.home import WitnessHome, create_home, open_home, trust_log
from gateway.audit.witness.server import witness_application

__all__ = ["Answer", "Witness", "WitnessHome", "create_home", "open_home", "trust_log", "witness_application"]

"""BoundQuery + Decision -> ReadPlan: the PEP's first half. The guard stands here.

Promises: the plan asks a source for nothing that the decision did not grant, and names every mask and obligation.
Does not promise that the source can be reached, nor that its rows are as the catalogue says: `disclosure` checks those.
"""

from gateway.planning.explain import explain_plan
from gateway.planning.prepared import PreparedPlan, prepare
from gateway.planning.question import offering, plan_question
from gateway.planning.read_plan import plan_read

__all__ = ["PreparedPlan", "explain_plan", "offering", "plan_question", "plan_read", "prepare"]

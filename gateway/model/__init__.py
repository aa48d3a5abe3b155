"""The typed values that stages hand on; standard library only, no behaviour.

Read the modules in this order to follow a request: ids, catalog, caller, query, predicate, decision,
plan, rows, audit, response.
"""

"""The durable port on DBOS Transact. The only package that imports it (docs/adr/0001)."""

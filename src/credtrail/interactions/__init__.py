"""The heart: credential interactions.

A claim comes in by one of two doors: the API (`api.py`), believed as sent, or a credential's page
(`pages/reports.py`), which may be set aside with a named reason. Both hand a Submission to `record.py`, the only
way an interaction comes to be: one transaction checks the credential, appends to the log (`log_sql.py`), folds
into the counts (`counts.py`), keeps the answer under its Idempotency-Key, and only then is anyone answered.
"""

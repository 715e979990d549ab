"""The venue in SQL: a projection of the journal, and the questions people ask of it."""

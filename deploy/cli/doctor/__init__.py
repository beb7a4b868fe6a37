"""`oidor doctor`: what is wrong, and what to do about it. Examination asks servers; diagnosis is a pure function."""

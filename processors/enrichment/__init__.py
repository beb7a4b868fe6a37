"""What is read out of one event alone: personal data masked, categories mapped, topics found in its text.

A function of the event; knows no case and keeps nothing.
"""

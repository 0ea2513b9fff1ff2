"""Spans of one trace put together: usage once, labels from above, tasks, conversations, sampling weights."""

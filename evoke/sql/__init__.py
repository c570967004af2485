"""SQL over history that is the same on every engine: what users may say, the views, what prunes, what rows mean.

sqlglot is loaded by `statement` and what builds on it, hence with the first statement of a user alone.
"""

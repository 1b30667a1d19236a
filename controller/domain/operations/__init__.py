"""
Operations on single nodes.

`kinds` is the closed set of them and how labels name them, `limits` how many run at a time, `pods` what a
pod says, `seen` what else is known. What may begin and what becomes of it is decided in `plan.operate`.
"""

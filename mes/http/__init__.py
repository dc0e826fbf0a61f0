"""The edge: one transaction per request, one rendering of every error, and the headers that keep a browser safe.

Pages and the API stand on the same: `transaction.Tx`, `problem.Problem` and `guard.Guard`. A route never commits and
never catches what the rules raise; the answer leaves after the commit. What changes something over the API is a command
(`command`), and its lists come in pages (`paging`).
"""

"""Reports: one ``.sql`` per question, a catalog of what every column means, exports. Reads only, in any scope."""

"""What the warehouse system knows of Delta Lake: which files a version of a table needs, and where they point.

- `model`, `plan`: what the names in a log tell, and which versions they can be replayed to. Pure.
- `judge`: replays the logs of many tables with DuckDB, and finds the newest version of each whose every file is
  stored; `newest_at` finds the version of a moment. `statements` are its SQL.
- `relocate`: where a restore puts each file, and a log whose absolute paths point there.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md is the protocol that docstrings here speak of.
"""

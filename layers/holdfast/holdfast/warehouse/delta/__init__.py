"""What the warehouse system knows of Delta Lake: which files a version of a table needs, and where they point.

- `plan.logs` sorts the files of logs by their tables; `plan.upto` cuts a log off behind a version; `plan.batches` makes
  groups of logs by what is read of them. `model` has what the names in a log tell. Pure.
- `judge.judge` finds the newest version of each table whose every file is stored, and writes down what it needs;
  `judge.newest_at` finds the version of a moment. `statements` is their SQL.
- `relocate.write_targets` tells where a restore puts each object; `relocate.relocate` rewrites logs whose absolute
  paths are to point there. It needs pyarrow, which functions do not have.

So a restore of one version is: `upto`, `judge` (its snapshot has that version, or the verdict says what is missing),
`write_targets`, `relocate`, and copies. `_last_checkpoint`, checksums and compactions are never read nor needed.

https://github.com/delta-io/delta/blob/master/PROTOCOL.md is the protocol that docstrings here speak of.
"""

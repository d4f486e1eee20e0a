"""The audit log: who did what, when, in a chain of records that nobody changes unseen (docs/audit.md).

One process writes it (`writer`). Others ask that process through its socket (`client`), and commands that run
where no hub does take its place for as long as they need (`recording`).
"""

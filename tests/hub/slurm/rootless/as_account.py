"""Runs a program as the hub's account, on a machine that is set up for it as docs/operators.md has it.

``python without_root.py ACCOUNT SUDOERS SLURM PROGRAM...``, by root, in a mount namespace of its own: the
account's rules for sudo are those of one folder, Slurm's configuration is that of another, and the
installation is where the account can read it. Nothing of the real machine changes.
"""

import os
import pwd
import subprocess
import sys

from sundbench.slurm.small.installation import show

if __name__ == "__main__":
    name, sudoers, slurm, *program = sys.argv[1:]
    show()
    for folder, place in ((sudoers, "/etc/sudoers.d"), (slurm, "/etc/slurm")):
        subprocess.run(["mount", "--bind", folder, place], check=True)
    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    os.chdir("/")
    os.execvp(program[0], program)

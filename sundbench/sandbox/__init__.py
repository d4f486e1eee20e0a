"""What a process may see and use: policies turned into bubblewrap commands under limits."""

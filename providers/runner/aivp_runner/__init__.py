"""The runner: hosts providers on a host, executes the steps it is handed, and remembers what it did.

One program for local, exec, SSH and pull. It never renders, plans or talks to a network; standard library, Python 3.9.
"""

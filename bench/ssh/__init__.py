"""Hosts over SSH: aivp beside pyinfra, Ansible and a floor, over the same sshd with the same key to the same hosts."""

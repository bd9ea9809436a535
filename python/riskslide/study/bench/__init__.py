"""Workloads and peers: how fast this library is beside others that give the same answer."""

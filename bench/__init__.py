"""The benchmark: Ducha beside a bare floor, on the same machine and servers."""

"""All benchmarks, one system after the other."""

from bench.capacity.__main__ import main as capacity

if __name__ == "__main__":
    capacity()

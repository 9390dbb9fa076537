"""What AWS asks for storage and requests: `prices.toml`, with its date and region."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

GB = 1024**3
"""AWS bills by 2^30 bytes and calls them a gigabyte."""


@cache
def prices() -> dict[str, Any]:
    with resources.files("holdfast").joinpath("prices.toml").open("rb") as file:
        return tomllib.load(file)


def month(storage_class: str, objects: int, size: int) -> float:
    """Dollars a month for objects of so many bytes. Archived ones are billed with their overhead; those of some
    classes as if they had a least size, which is known here of their mean alone."""
    s3 = prices()["s3"]
    rate = s3["gb_month"]
    if storage_class not in s3["thaw"]:
        billed = max(size, objects * s3["minimum_bytes"].get(storage_class, 0))
        return float(billed / GB * _rate(rate, storage_class))
    overhead = s3["overhead_bytes"]
    archived = size + objects * overhead["archive"]
    return float(archived / GB * _rate(rate, storage_class) + objects * overhead["standard"] / GB * rate["STANDARD"])


def writing(storage_class: str, objects: int) -> float:
    """Dollars for so many copies into a class."""
    return float(objects / 1000 * _rate(prices()["s3"]["thousand_writes"], storage_class))


def _rate(rates: Mapping[str, float], storage_class: str) -> float:
    """Of a class; of one that `prices.toml` does not know the dearest: an estimate is no reason to fail."""
    return rates.get(storage_class, max(rates.values()))


def job(objects: int) -> float:
    """Dollars for a job of S3 Batch Operations, besides its copies."""
    batch = prices()["s3"]["batch"]
    return float(batch["job"] + objects / 1000 * batch["thousand_objects"])


def thaw(storage_class: str, tier: str, objects: int, size: int) -> float:
    """Dollars to make archived objects readable. Raises KeyError for a tier that the class does not have."""
    asked = prices()["s3"]["thaw"][storage_class][tier]
    return float(objects / 1000 * asked["thousand_requests"] + size / GB * asked["gb"])


def storage(service: str, volume_type: str, size: int) -> float:
    """Dollars a month for volumes of EC2 ("ebs") or of databases ("rds")."""
    rates = prices()[service]["gb_month" if service == "ebs" else "storage_gb_month"]
    return float(size / GB * _rate(rates, volume_type))

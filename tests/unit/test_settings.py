"""What a function reads from its environment, and how it refuses a wrong one."""

from dataclasses import dataclass

import pytest

from holdfast import settings
from holdfast.settings import SettingInvalid, SettingMissing


@dataclass(frozen=True, slots=True)
class Told:
    bucket: str
    limit_bytes: int
    delete_versions: bool
    keep_prefixes: tuple[str, ...]


ENVIRONMENT = {"BUCKET": "photos", "LIMIT_BYTES": "20", "DELETE_VERSIONS": "true", "KEEP_PREFIXES": "a/,b c/"}


def test_variables_are_read_as_what_they_are() -> None:
    assert settings.read(Told, ENVIRONMENT | {"PATH": "/bin"}) == Told("photos", 20, True, ("a/", "b c/"))


def test_false_is_false() -> None:
    assert settings.read(Told, ENVIRONMENT | {"DELETE_VERSIONS": "false"}).delete_versions is False


@pytest.mark.parametrize("value", ["", ",", ",,"])
def test_an_empty_list_has_no_empty_names(value: str) -> None:
    """An empty prefix would keep every object."""
    assert settings.read(Told, ENVIRONMENT | {"KEEP_PREFIXES": value}).keep_prefixes == ()


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_missing_variable_is_named(name: str) -> None:
    environment = {other: value for other, value in ENVIRONMENT.items() if other != name}
    with pytest.raises(SettingMissing) as missing:
        settings.read(Told, environment)
    assert str(missing.value) == (
        f"environment variable {name} is not set: the function's Environment in template.yaml names it"
    )


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("LIMIT_BYTES", "20 MB", "a whole number"),
        ("LIMIT_BYTES", "", "a whole number"),
        ("DELETE_VERSIONS", "yes", "true or false"),
        ("DELETE_VERSIONS", "True", "true or false"),
    ],
)
def test_an_impossible_value_is_told_with_what_is_wanted(name: str, value: str, wanted: str) -> None:
    with pytest.raises(SettingInvalid) as invalid:
        settings.read(Told, ENVIRONMENT | {name: value})
    assert str(invalid.value) == f"environment variable {name} is {value!r}: {wanted} is wanted"


def test_the_environment_of_the_process_is_read_unless_another_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert settings.read(Told).bucket == "photos"

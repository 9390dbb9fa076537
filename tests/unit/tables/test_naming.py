"""Names in the archive: readable, within S3's limit, and never two things of one name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.tables import naming

VALUES = st.text(alphabet=st.sampled_from("aé |/%~.\\\n"), min_size=1, max_size=6)
BOTH = ("pk", "sk")


@pytest.mark.parametrize("prefix", ["p", "/p/", "p/"])
def test_an_item_lies_under_prefix_table_and_tenant(prefix: str) -> None:
    assert naming.item_key(prefix, "orders", "acme", "x") == "p/orders/acme/x"
    assert naming.item_key(prefix, "orders", None, "x") == "p/orders/x"


def test_without_a_prefix_the_table_comes_first() -> None:
    assert naming.item_key("", "orders", None, "x") == "orders/x"
    assert naming.folder("", "orders") == "table=orders/"


def test_a_tables_folder_is_no_tables_name() -> None:
    assert naming.folder("p", "orders") == "p/table=orders/"


@pytest.mark.parametrize(
    ("tenant", "folder"),
    [
        ("acme", "acme"),
        ("a/b", "a%2Fb"),
        ("..", "%2E%2E"),
        (".", "%2E"),
        ("", "%empty"),
        (None, "%missing"),
        ("%missing", "%25missing"),
        ("ü|~", "ü%7C%7E"),
    ],
)
def test_a_tenants_folder_is_one_folder_and_nobody_elses(tenant: str | None, folder: str) -> None:
    assert naming.tenant_folder(tenant) == folder


def test_a_long_tenant_is_cut() -> None:
    one, other = naming.tenant_folder("t" * 999), naming.tenant_folder("t" * 998)
    assert one != other
    assert len(one) == naming.TENANT_LIMIT


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"pk": {"S": "a b"}}, "a b"),
        ({"pk": {"S": "a"}, "sk": {"N": "1.50"}}, "a | 1.5"),
        ({"pk": {"S": "a | b"}, "sk": {"S": "c/d"}}, "a %7C b | c%2Fd"),
        ({"pk": {"B": "YS9i"}}, "YS9i"),
        ({"pk": {"S": "../\n"}}, "..%2F%0A"),
        ({"pk": {"S": ".."}}, "%2E%2E"),
    ],
)
def test_a_plain_name_can_be_read(keys: dict[str, dict[str, str]], name: str) -> None:
    assert naming.plain_name(keys, tuple(keys)) == name


@given(VALUES, VALUES, VALUES, VALUES)
def test_no_two_items_have_one_plain_name(one_pk: str, one_sk: str, other_pk: str, other_sk: str) -> None:
    one = naming.plain_name({"pk": {"S": one_pk}, "sk": {"S": one_sk}}, BOTH)
    other = naming.plain_name({"pk": {"S": other_pk}, "sk": {"S": other_sk}}, BOTH)
    assert (one == other) == ((one_pk, one_sk) == (other_pk, other_sk))


@given(st.text(min_size=1))
def test_no_name_is_a_path(value: str) -> None:
    name = naming.plain_name({"pk": {"S": value}}, ("pk",))
    assert "/" not in name
    assert name not in {"", ".", ".."}


@given(st.text(min_size=300, max_size=400), st.text(min_size=1, max_size=300))
def test_every_name_fits(value: str, tenant: str) -> None:
    name = naming.plain_name({"pk": {"S": value * 3}}, ("pk",))
    key = naming.item_key("p" * 200, "t" * 255, naming.tenant_folder(tenant), name)
    assert len(key.encode()) <= naming.LIMIT


def test_long_names_that_begin_alike_stay_apart() -> None:
    names = {naming.item_key("p", "orders", None, "é" * 600 + end) for end in "ab"}
    assert len(names) == 2
    assert all(len(name.encode()) <= naming.LIMIT for name in names)

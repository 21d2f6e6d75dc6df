import pytest

# Only so does a failing assertion in it show the values: pytest rewrites what looks like a test, and this does not.
pytest.register_assert_rewrite("tests.contract_suite")

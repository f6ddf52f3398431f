"""Each house law finds what it forbids, and nothing else."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tools.house.__main__ import ROOT, findings, sources
from tools.house.model import Source


def laws_broken(path: str, code: str) -> list[tuple[str, int]]:
    """Return (law, line) of every finding in `code`, as if it stood at `path`."""
    source = Source.of(path, dedent(code).lstrip())
    return [(finding.law, finding.line) for finding in findings(source)]


def test_function_of_fifty_lines_is_fine_and_of_fifty_one_is_not() -> None:
    """The boundary itself is lawful."""
    fifty = "def f():\n" + "    x = 1\n" * 49

    assert laws_broken("tier/a.py", fifty) == []
    assert laws_broken("tier/a.py", fifty + "    x = 1\n") == [("sizes", 1)]


def test_file_of_four_hundred_lines_is_fine_and_one_more_is_not() -> None:
    """The boundary itself is lawful."""
    assert laws_broken("tier/a.py", "x = 1\n" * 400) == []
    assert laws_broken("tier/a.py", "x = 1\n" * 401) == [("sizes", 1)]


def test_size_gives_way_to_no_waiver() -> None:
    """A long function stays long, whatever its line says."""
    code = "def f():  # house: sizes - it is one idea\n" + "    x = 1\n" * 50

    assert laws_broken("tier/a.py", code) == [("sizes", 1)]


STATEMENTS = [
    "SELECT item_id FROM assignment_item",
    "\\n    select count(*)\\n    from assignment",
    "select 1",
    "SELECT pg_notify('facts', '')",
    "-- why\\nINSERT INTO ledger_fact VALUES ($1)",
    "UPDATE assignment AS a SET state = 2",
    "DELETE FROM link_mark",
    "WITH given AS (SELECT 1) SELECT 2",
    "CREATE UNIQUE INDEX x ON y (z)",
    "LISTEN facts",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_sql_is_found_outside_a_store(statement: str) -> None:
    """Statements of every kind are known, however they are laid out."""
    code = f'QUERY = "{statement}"\n'

    assert laws_broken("tier/assignment/actions.py", code) == [("sql", 1)]


def test_sql_in_a_formatted_string_is_found() -> None:
    """Its fixed beginning gives it away."""
    code = 'QUERY = f"SELECT a FROM {table}"\n'

    assert laws_broken("services/county/__main__.py", code) == [("sql", 1)]


@pytest.mark.parametrize(
    "path",
    [
        "tier/link/store.py",
        "tier/assignment/item_store.py",
        "tier/runtime/migrate.py",
        "tests/stores/test_x.py",
        "bench/floor/tier.py",
    ],
)
def test_sql_is_at_home_in_stores_runtime_tests_and_bench(path: str) -> None:
    """These are the only homes."""
    assert laws_broken(path, 'QUERY = "SELECT a FROM b"\n') == []


@pytest.mark.parametrize(
    "prose",
    [
        "Select a division, then press enter",
        "update the tree",
        "with a reason",
        "Listen to what the parent says",
        "create tables",
        "selected from the catalogue",
    ],
)
def test_prose_is_not_taken_for_sql(prose: str) -> None:
    """A message to a person may use the words of SQL."""
    assert laws_broken("clients/cli/words.py", f'TEXT = "{prose}"\n') == []


def test_docstring_may_quote_sql() -> None:
    """A string that stands alone is prose."""
    code = '''
        def f():
            """SELECT a FROM b is what the store does."""
    '''

    assert laws_broken("tier/ledger/actions.py", code) == []


def test_bare_task_is_found_and_a_group_task_is_not() -> None:
    """Asyncio and loops make orphans; a TaskGroup does not."""
    code = """
        import asyncio
        async def f(group, app):
            asyncio.create_task(f())
            asyncio.get_running_loop().create_task(f())
            asyncio.ensure_future(f())
            self._loop.create_task(f())
            group.create_task(f())
            app.tasks.create_task(f())
    """

    found = laws_broken("tier/link/lines.py", code)

    assert found == [("tasks", 3), ("tasks", 4), ("tasks", 5), ("tasks", 6)]


def test_waiver_needs_the_law_and_a_reason() -> None:
    """A waiver without a reason, or of another law, waives nothing."""
    line = "asyncio.ensure_future(f())"

    assert (
        laws_broken("tier/a.py", f"{line}  # house: tasks - kept by its caller") == []
    )
    assert laws_broken("tier/a.py", f"{line}  # house: tasks") == [("tasks", 1)]
    assert laws_broken("tier/a.py", f"{line}  # house: sql - no") == [("tasks", 1)]


HANDLERS = {
    "except Exception:\n    pass": True,
    "except BaseException as error:\n    log(error)": True,
    "except (OSError, Exception):\n    pass": True,
    "except:\n    pass": True,
    "except OSError:\n    pass": False,
    "except BaseException:\n    close()\n    raise": False,
    "except BaseException as error:\n    future.set_exception(error)": False,
}


@pytest.mark.parametrize(("handler", "broad"), HANDLERS.items())
def test_handler_that_swallows_everything_is_found(
    handler: str, *, broad: bool
) -> None:
    """Naming what can fail, or letting go after cleaning up, is lawful."""
    found = laws_broken("services/city/__main__.py", f"try:\n    f()\n{handler}\n")

    assert found == ([("excepts", 3)] if broad else [])


def test_suppressing_everything_is_found() -> None:
    """It is the same handler in other words."""
    code = "with contextlib.suppress(Exception):\n    f()\n"

    assert laws_broken("clients/cli/main.py", code) == [("excepts", 1)]


def test_loops_of_runtime_may_catch_everything_with_a_reason() -> None:
    """Without the reason they may not."""
    code = "try:\n    f()\nexcept Exception:{}\n    log()\n"
    reason = "  # noqa: BLE001 - one fact must not stop the link"

    assert laws_broken("tier/runtime/http.py", code.format(reason)) == []
    assert laws_broken("tier/runtime/http.py", code.format("")) == [("excepts", 3)]


def test_test_that_asserts_nothing_is_found() -> None:
    """Assertions, expected refusals and named checks count."""
    code = """
        def test_idle():
            f()
        def test_asserts():
            assert f()
        def test_refusal():
            with pytest.raises(Refused):
                f()
        def test_named_check():
            check_set(f())
        def helper():
            f()
    """

    assert laws_broken("tests/rules/test_a.py", code) == [("proofs", 1)]


def test_test_that_is_switched_off_is_found() -> None:
    """By mark or by call; another library's word of that name is its own."""
    off = "@pytest.mark.skip\ndef test_a():\n    assert f()\n"
    gone = "def test_a():\n    assert f()\n    pytest.skip('late')\n"

    assert laws_broken("tests/a.py", off) == [("proofs", 1)]
    assert laws_broken("tests/a.py", gone) == [("proofs", 3)]
    assert laws_broken("tests/a.py", "reader.skip(3)\n") == []


def test_every_folder_of_python_is_looked_at() -> None:
    """This file too, and nothing generated."""
    paths = {str(source.path) for source in sources(ROOT)}

    assert "tests/tools/test_house.py" in paths
    assert "tier/runtime/errors.py" in paths
    assert not any(path.startswith("gen/") for path in paths)

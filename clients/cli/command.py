"""How an async function becomes a command.

Every command takes the same four options and ends the same way. Both are said
once, here: `command` adds the options to the function's own, runs it with a
`Session`, and turns what went wrong into a text and an exit code.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import signal
import typing
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec, cast

import typer
from grpc import StatusCode
from rich.markup import escape

from clients.cli.session import Choices, Proof, Session, console
from clients.cli.words import Language, UsageProblem, language
from clients.runtime import ClientError, NodeUnknown, Refused
from clients.runtime.errors import CallFailed

REFUSED, USAGE, UNREACHABLE, INTERRUPTED = 1, 2, 3, 130
"""Exit codes; 0 is success."""

SHOWN = 10
"""Wrong fields that a person is shown; a program gets all."""

EVERYWHERE = "In every command"
IDENTITY = "Who you are, to nodes that others run; all four 身份文件"

Options = ParamSpec("Options")
Body = Callable[Concatenate[Session, Options], Awaitable[None]]

AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Print JSON for programs. 输出 JSON", rich_help_panel=EVERYWHERE
    ),
]
Lang = Annotated[
    Language | None,
    typer.Option(
        help="Language; LANG decides otherwise. 语言", rich_help_panel=EVERYWHERE
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        envvar="DUCHA_DATA",
        help="Data directory of `ducha up`; .ducha otherwise. 数据目录",
        rich_help_panel=EVERYWHERE,
    ),
]
Address = Annotated[
    str,
    typer.Option(
        envvar="DUCHA_ADDRESS",
        help="HOST:PORT of the one node to call. 指定节点地址",
        rich_help_panel=EVERYWHERE,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        envvar="DUCHA_CA",
        help="Certificates of the authorities to trust, PEM. 根证书",
        rich_help_panel=IDENTITY,
    ),
]
CertFile = Annotated[
    Path | None,
    typer.Option(
        envvar="DUCHA_CERT",
        help="Certificate of this program, PEM. 客户端证书",
        rich_help_panel=IDENTITY,
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        envvar="DUCHA_KEY", help="Its key, PEM. 客户端私钥", rich_help_panel=IDENTITY
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        envvar="DUCHA_TOKEN_FILE",
        help="Your token, from your issuer. 令牌文件",
        rich_help_panel=IDENTITY,
    ),
]


def _shared(
    *,
    as_json: AsJson = False,
    lang: Lang = None,
    data: Data = None,
    address: Address = "",
    ca_file: CaFile = None,
    cert_file: CertFile = None,
    key_file: KeyFile = None,
    token_file: TokenFile = None,
) -> Choices:
    proof = Proof(ca_file, cert_file, key_file, token_file)
    return Choices(data, address, lang or language(), as_json, proof)


def command(
    app: typer.Typer, name: str, *, example: str
) -> Callable[[Body[Options]], Body[Options]]:
    """Make a command of an async function whose first parameter is the session."""

    def register(body: Body[Options]) -> Body[Options]:
        @functools.wraps(body)
        def run(**given: object) -> None:
            own, shared = _separate(given)
            _finish(body, _shared(**shared), own)  # type: ignore[arg-type]

        _describe(run, body)
        app.command(name, epilog=f"Example 示例: {escape(example)}")(run)
        return body

    return register


def _separate(given: dict[str, object]) -> tuple[dict[str, object], dict[str, object]]:
    names = inspect.signature(_shared).parameters
    own = {name: value for name, value in given.items() if name not in names}
    return own, {name: given[name] for name in names}


def _describe(run: Callable[..., None], body: Callable[..., Awaitable[None]]) -> None:
    """Give `run` the body's parameters, without the session, and the shared ones."""
    hints = typing.get_type_hints(body, include_extras=True) | typing.get_type_hints(
        _shared, include_extras=True
    )
    of_body = list(inspect.signature(body).parameters.values())[1:]
    parameters = [*of_body, *inspect.signature(_shared).parameters.values()]
    parameters = [
        parameter.replace(annotation=hints[parameter.name], kind=parameter.KEYWORD_ONLY)
        for parameter in parameters
    ]
    del run.__wrapped__  # type: ignore[attr-defined]  # typer must not see the body's own
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {
        parameter.name: parameter.annotation for parameter in parameters
    }


def _finish(
    body: Callable[..., Awaitable[None]], choices: Choices, own: dict[str, object]
) -> None:
    async def work() -> None:
        _cancel_on_interrupt()
        async with AsyncExitStack() as stack:
            await body(Session(choices, stack), **own)

    try:
        asyncio.run(work())
    except ClientError as problem:
        tell(problem, choices)
        raise typer.Exit(exit_code(problem)) from None
    except ExceptionGroup as group:
        first = first_problem(group)
        tell(first, choices)
        raise typer.Exit(exit_code(first)) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit(INTERRUPTED) from None


def _cancel_on_interrupt() -> None:
    """Let Ctrl-C cancel the command, whenever it comes.

    A handler of the loop, because that of `asyncio.run` does not wake it: a signal in
    the moment before the loop goes to sleep would be noticed at its next event only.
    """
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)


def first_problem(group: ExceptionGroup[Exception]) -> ClientError:
    """Return the first problem of work done side by side; anything else is raised on."""
    problems, others = group.split(ClientError)
    if problems is None or others is not None:
        raise group
    first: BaseException = problems
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return cast("ClientError", first)


def exit_code(problem: ClientError) -> int:
    """Return the exit code that says whose turn it is."""
    if isinstance(problem, Refused):
        return REFUSED
    if isinstance(problem, UsageProblem | NodeUnknown):
        return USAGE
    return UNREACHABLE


def tell(problem: ClientError, choices: Choices) -> None:
    """Say on standard error what went wrong, why, and what to do; never a stack trace."""
    screen = console(stderr=True)
    if choices.as_json:
        screen.file.write(json.dumps(_error_json(problem), ensure_ascii=False) + "\n")
        return
    chinese = choices.lang is Language.ZH
    screen.print(f"[bold red]{_title(problem, chinese=chinese)}[/]")
    screen.print(escape(problem.chinese if chinese else problem.english))
    if isinstance(problem, CallFailed):
        for violation in problem.violations[:SHOWN]:
            screen.print(
                f"  [bold]{escape(violation.field)}[/] {escape(violation.description)}"
            )


_VERDICTS = {
    StatusCode.UNAUTHENTICATED: ("Not recognised", "身份未获认可"),
    StatusCode.PERMISSION_DENIED: ("Not allowed", "无权办理"),
}


def _title(problem: ClientError, *, chinese: bool) -> str:
    if isinstance(problem, Refused):
        english, words = _VERDICTS.get(problem.code, ("Refused", "拒绝"))
        reason = problem.reason or problem.code.name
        return f"{words} {reason}" if chinese else f"{english}: {reason}"
    if isinstance(problem, UsageProblem | NodeUnknown):
        return "用法有误" if chinese else "This command cannot be sent"
    if isinstance(problem, CallFailed):
        return "无应答" if chinese else "No answer"
    return "无法办理" if chinese else "This cannot be done"


def _error_json(problem: ClientError) -> dict[str, object]:
    error: dict[str, object] = {"english": problem.english, "chinese": problem.chinese}
    if isinstance(problem, CallFailed):
        error |= {
            "code": problem.code.name,
            "reason": problem.reason,
            "metadata": dict(problem.metadata),
            "violations": [
                {"field": v.field, "description": v.description}
                for v in problem.violations
            ],
            "retry_after": problem.retry_after,
            "address": problem.address,
        }
    return {"error": error}

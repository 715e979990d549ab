"""UserRequest(BE): a user changes the own password over FIX, and asks who is logged on.

Owns: the request, its answer UserResponse(BF), and the changes under way.
Must not know: how passwords are kept, sequence numbers, sockets.

A change takes the time of two hashes, so it is made off the loop and answered when it is done;
orders behind it in the same session do not wait. One change a session is under way at a time.

FIX: Vol. 3, User Request and User Response.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Final, TypeAlias

from fixoms.audit.record import Kind
from fixoms.domain.roles import USER_REQUEST
from fixoms.fix import tags
from fixoms.fix.message import Message
from fixoms.gateway.authentication import Identity, PasswordChange

ChangePassword: TypeAlias = Callable[[str, str, str], Awaitable[PasswordChange]]
"""Gives a user who proves the old password a new one, taking the time of hashes."""

Send: TypeAlias = Callable[[str, Message], object]
"""Gives an answer to the session of this name."""

Tell: TypeAlias = Callable[[Kind, str, str, str], object]
"""Tells the audit: what happened, session, user, text."""

_CHANGE_PASSWORD: Final = b"3"
_STATUS: Final = b"4"

_log = logging.getLogger("fixoms")


class UserStatus(Enum):
    """UserStatus(926)."""

    LOGGED_IN = 1
    NOT_LOGGED_IN = 2
    NOT_RECOGNISED = 3
    PASSWORD_INCORRECT = 4
    PASSWORD_CHANGED = 5
    OTHER = 6


class UserRequests:
    """Answers the UserRequest(BE) of every session.

    `is_here` says whether a user of the session's participant is logged on; `changed` is called
    with the name of a user who has a new password.
    """

    msg_types: Final = frozenset({USER_REQUEST})

    def __init__(
        self,
        *,
        change: ChangePassword,
        send: Send,
        tell: Tell,
        is_here: Callable[[str, str], bool],
        changed: Callable[[str], object],
    ) -> None:
        self._change = change
        self._send = send
        self._tell = tell
        self._is_here = is_here
        self._changed = changed
        self._under_way: dict[str, asyncio.Task[None]] = {}

    def receive(self, session: str, identity: Identity, message: Message) -> None:
        """Answer one request, now or when its hashes are made. Raises FieldMissing."""
        name = message.require(tags.USERNAME).decode("latin-1")
        wish = message.get(tags.USER_REQUEST_TYPE)
        if wish == _CHANGE_PASSWORD:
            self._begin(session, identity, message, name)
        elif wish == _STATUS:
            if self._is_here(session, name):
                self._answer(session, message, UserStatus.LOGGED_IN, "")
            else:
                text = "not logged on, or no user of this participant"
                self._answer(session, message, UserStatus.NOT_LOGGED_IN, text)
        else:
            text = "users log on with Logon(A) and off with Logout(5)"
            self._answer(session, message, UserStatus.OTHER, text)

    def _begin(self, session: str, identity: Identity, message: Message, name: str) -> None:
        old = message.require(tags.PASSWORD).decode("latin-1")
        new = message.require(tags.NEW_PASSWORD).decode("latin-1")
        if name != identity.user:
            text = "a user changes the own password only"
            self._answer(session, message, UserStatus.NOT_RECOGNISED, text)
            self._tell(Kind.PASSWORD_REFUSED, session, identity.user, f"{text}, not of {name!r}")
        elif session in self._under_way:
            text = "a change of the password is under way"
            self._answer(session, message, UserStatus.OTHER, text)
        else:
            task = asyncio.get_running_loop().create_task(
                self._finish(session, message, name, old, new), name=f"password of {name}"
            )
            self._under_way[session] = task
            task.add_done_callback(lambda done: self._ended(session, done))

    async def _finish(self, session: str, message: Message, name: str, old: str, new: str) -> None:
        done = await self._change(name, old, new)
        if done.is_changed:
            self._changed(name)
            self._tell(Kind.PASSWORD_CHANGED, session, name, "over FIX")
            self._answer(session, message, UserStatus.PASSWORD_CHANGED, "")
            return
        kind = Kind.LOCK_OUT if done.locks else Kind.PASSWORD_REFUSED
        self._tell(kind, session, name, done.reason)
        if not done.is_right:
            # A locked user is told no more than one who has mistyped.
            self._answer(session, message, UserStatus.PASSWORD_INCORRECT, "")
        else:
            self._answer(session, message, UserStatus.OTHER, done.reason)

    def _ended(self, session: str, task: "asyncio.Task[None]") -> None:
        del self._under_way[session]
        if not task.cancelled() and (fault := task.exception()) is not None:
            _log.error("%s: a password could not be changed: %s", session, fault)

    def _answer(self, session: str, request: Message, status: UserStatus, text: str) -> None:
        answer = (
            Message("BF")
            .add(tags.USER_REQUEST_ID, request.require(tags.USER_REQUEST_ID))
            .add(tags.USERNAME, request.require(tags.USERNAME))
            .add(tags.USER_STATUS, status.value)
        )
        if text:
            answer.add(tags.USER_STATUS_TEXT, text)
        self._send(session, answer)

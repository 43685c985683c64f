"""The one application, and its one living token."""

import random
import re

from ..clock import Clock
from . import codes
from .codes import Code, Refusal
from .quirks import Quirks

_DAY = 24 * 3600.0
_MAX_LENGTH = 256


class Sessions:
    """Who may call: only the token issued last is valid, for `token_life` seconds."""

    def __init__(
        self,
        app_id: str,
        secret: str,
        *,
        clock: Clock,
        token_life: float,
        rng: random.Random,
    ) -> None:
        """Know an application that has not signed in yet."""
        self.app_id = app_id
        self.secret = secret
        self.token_life = token_life
        self.frozen = False
        self.deleted = False
        self.logins = 0
        """How many tokens were issued, by login or refresh."""
        self._clock = clock
        self._rng = rng
        self._access = self._refresh = ""
        self._access_until = self._refresh_until = 0.0

    def login(
        self, app_id: str | None, secret: str | None, quirks: Quirks
    ) -> dict[str, object]:
        """Issue a token object for an application's secret; raises Refusal."""
        self._check(app_id, secret, quirks)
        return self.issue(quirks)

    def refresh(
        self,
        app_id: str | None,
        secret: str | None,
        refresh_token: str | None,
        quirks: Quirks,
    ) -> dict[str, object]:
        """Issue a token object for a refresh token; raises Refusal."""
        if not refresh_token:
            raise Refusal(codes.PARAMETER_EMPTY)
        self._check(app_id, secret, quirks)
        if refresh_token != self._refresh or self._clock.now() >= self._refresh_until:
            # The documents' remark on this code names the refresh token too.
            raise Refusal(codes.WRONG_SECRET)
        return self.issue(quirks)

    def logout(self, access_token: str | None) -> None:
        """End the session of a token; one that is not known is no error."""
        if not access_token:
            raise Refusal(codes.PARAMETER_EMPTY)
        if access_token == self._access:
            self.drop()

    def issue(self, quirks: Quirks) -> dict[str, object]:
        """Issue a token object, which ends every other session."""
        now = self._clock.now()
        self._access = f"{self._rng.getrandbits(128):032x}"
        self._refresh = f"{self._rng.getrandbits(128):032x}"
        self._access_until = now + self.token_life
        self._refresh_until = now + quirks.refresh_days * _DAY
        self.logins += 1
        life = self.token_life
        return {
            "scope": "default",
            "tokenType": quirks.token_type,
            "expiresIn": int(life),
            "accessToken": self._access,
            "refreshToken": self._refresh,
        }

    def drop(self) -> None:
        """Let the living token die; the refresh token dies with it."""
        self._access = self._refresh = ""

    def expire(self) -> None:
        """Let the living token run out; the refresh token lives on."""
        self._access = ""

    def admits(self, app_key: str, authorization: str) -> bool:
        """Tell whether a call with these two headers may pass.

        Clients in the field write `bearer tok` and `Bearer  tok`.
        """
        scheme, _, token = re.sub(r"\s+", " ", authorization.strip()).partition(" ")
        return (
            scheme.lower() == "bearer"
            and app_key == self.app_id
            and token != ""
            and token == self._access
            and self._clock.now() < self._access_until
            and not (self.frozen or self.deleted)
        )

    def _check(self, app_id: str | None, secret: str | None, quirks: Quirks) -> None:
        if not app_id or not secret:
            raise Refusal(codes.PARAMETER_EMPTY)
        if max(len(app_id), len(secret)) > _MAX_LENGTH:
            raise Refusal(
                codes.INPUT_INVALID
                if quirks.login_input == codes.INPUT_INVALID.code
                else codes.INPUT_INVALID_V3
            )
        if self.deleted:
            raise Refusal(codes.APPLICATION_UNKNOWN, quirks.unknown_application_status)
        if app_id != self.app_id:
            if quirks.unknown_application == codes.APPLICATION_UNKNOWN.code:
                raise Refusal(
                    codes.APPLICATION_UNKNOWN, quirks.unknown_application_status
                )
            raise Refusal(codes.WRONG_SECRET)
        if secret != self.secret:
            raise Refusal(codes.WRONG_SECRET)
        if self.frozen:
            raise Refusal(self._frozen(quirks))

    @staticmethod
    def _frozen(quirks: Quirks) -> Code:
        if quirks.frozen_code == codes.DEVICE_FROZEN.code:
            return codes.DEVICE_FROZEN
        return codes.APPLICATION_FROZEN

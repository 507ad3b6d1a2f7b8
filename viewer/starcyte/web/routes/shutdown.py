"""The end of a server: by its page, or because it is unused."""

from __future__ import annotations

import hmac
import threading

from flask import request

from starcyte.errors import Forbidden, StorageUnusable
from starcyte.web.context import context, current_mount
from starcyte.web.contract.health import Finished, FinishRequest, KeptOpen, Nothing
from starcyte.web.encoding.response import ResponseOf
from starcyte.web.responses import answer_json
from starcyte.web.routing.blueprint import Routes
from starcyte.web.routing.route import READ

routes = Routes("shutdown")

# the answer is sent before the server ends
_PAUSE_SECONDS = 0.3
_SAVE_SECONDS = 60.0
# requests of health checks and of open pages that poll for changes
_NO_USE = {"health.health", "asset", "curation.changes"}


@routes.blueprint.before_app_request
def _note_use() -> None:
    if request.endpoint in _NO_USE:
        return
    one = current_mount()
    idle = context().idle if one is None else one.idle
    if idle is not None:
        idle.use()


@routes.post("/finish", errors=(*READ, 413))
def finish(body: FinishRequest) -> ResponseOf[Finished]:
    """Save everything, answer, and end the server, if its operator allows that."""
    ctx = context()
    if not ctx.settings.allow_finish:
        raise Forbidden("Ending the server from the page is disabled (allow_finish).", "Stop it as it was started.")
    if not hmac.compare_digest(body.key.encode(), ctx.finish_key.encode()):
        raise Forbidden("The key is not that of this session.", "Reload the page and try again.")
    if ctx.autosave is not None and not ctx.autosave.flush(_SAVE_SECONDS):
        raise StorageUnusable(
            ctx.autosave.problem or f"The outputs folder is incomplete after {_SAVE_SECONDS:.0f} s.",
            "Nothing is lost. Try again, or export your work first.",
        )
    end = threading.Timer(_PAUSE_SECONDS, ctx.on_end, ["finished by its user"])
    end.daemon = True
    end.start()
    return answer_json(Finished(state="finished"))


@routes.post("/keep", errors=(*READ, 413))
def keep(body: Nothing) -> ResponseOf[KeptOpen]:
    """Report that the page is in use, so that a server that ends when it is unused goes on."""
    idle = context().idle
    return answer_json(KeptOpen(idle=idle.status() if idle else None))

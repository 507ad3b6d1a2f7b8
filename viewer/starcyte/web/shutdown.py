"""How a viewer ends: by its page, or because nobody uses it."""

from __future__ import annotations

import threading

from flask import Blueprint, Response, request

from starcyte.errors import Forbidden, StorageUnusable
from starcyte.web.context import context, mounted
from starcyte.web.preconditions import only
from starcyte.web.responses import answer_json, body_json

blueprint = Blueprint("ending", __name__)

# so that the answer is on its way before the server ends
_PAUSE_SECONDS = 0.3
_SAVE_SECONDS = 60.0
# asked by whoever only looks whether we live, and by a page that nobody touches: what others changed
_NO_USE = {"health", "asset", "curation.changes"}


@blueprint.before_app_request
def _note_use() -> None:
    if request.endpoint in _NO_USE:
        return
    one = mounted()
    idle = context().idle if one is None else one.idle
    if idle is not None:
        idle.use()


@blueprint.post("/finish")
def finish() -> Response:
    """Save, answer, and end the process."""
    only(body_json())
    ctx = context()
    if not ctx.settings.allow_finish:
        raise Forbidden("This viewer is not ended by its page (setting allow_finish).", "Stop it where it was started.")
    if ctx.autosave is not None and not ctx.autosave.flush(_SAVE_SECONDS):
        raise StorageUnusable(
            ctx.autosave.problem or f"Not all is in the outputs folder after {_SAVE_SECONDS:.0f} s.",
            "Nothing is lost. Try again, or export what you need first.",
        )
    end = threading.Timer(_PAUSE_SECONDS, ctx.on_end, ["finished by its user"])
    end.daemon = True
    end.start()
    return answer_json({"state": "finished"})


@blueprint.post("/keep")
def keep() -> Response:
    """Say that the page is used, though it asks for nothing."""
    only(body_json())
    idle = context().idle
    return answer_json({"idle": idle.as_dict() if idle else None})

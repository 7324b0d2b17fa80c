"""The part of the stand-in for an LLM that tunes models: files, jobs, events. It forgets nothing, and fails on request.

A job goes one stage further each time somebody looks at it: queued, then `looks` times running, then its end. What its model
answers is `LlmServer.tuned`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

STARTED = 1_700_000_000


@dataclass(slots=True, kw_only=True)
class Tuning:
    """Files and jobs of one server."""

    looks: int = 2
    """at a running job, until it ends"""
    ends: str = "succeeded"
    """or failed"""
    script: Sequence[str] = ()
    """outcomes of the first requests, in order: ``ok``, ``500``, ``429``, ``401``, ``reset`` before anything is done, or ``lost``: done, and the
    answer lost on its way"""
    page: int = 2
    """entries of a list in one answer at most"""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """the oldest first"""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    """of the requests for jobs"""
    requests: int = 0

    def routes(self) -> list[web.RouteDef]:
        """What a server adds to its own."""
        jobs = "/v1/fine_tuning/jobs"
        return [
            web.post("/v1/files", self._guarded(self._upload)),
            web.get("/v1/files", self._guarded(self._list_files)),
            web.post(jobs, self._guarded(self._create)),
            web.get(jobs, self._guarded(self._list_jobs)),
            web.get(jobs + "/{id}", self._guarded(self._look)),
            web.get(jobs + "/{id}/events", self._guarded(self._list_events)),
            web.post(jobs + "/{id}/cancel", self._guarded(self._cancel)),
        ]

    def _guarded(self, handle: Any) -> Any:
        async def respond(request: web.Request) -> web.StreamResponse:
            outcome = self.script[self.requests] if self.requests < len(self.script) else "ok"
            self.requests += 1
            if outcome in ("ok", "lost"):
                response: web.StreamResponse = await handle(request)
                if outcome == "ok":
                    return response
            if outcome in ("reset", "lost"):
                assert request.transport is not None
                request.transport.abort()
            status = int(outcome) if outcome.isdigit() else 500
            return _error(status, "as the script says")

        return respond

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        sent = form["file"]
        assert isinstance(sent, web.FileField)
        data = sent.file.read()
        name = f"file-{len(self.files) + 1}"
        self.contents[name] = data
        self.files[name] = {
            "id": name,
            "object": "file",
            "bytes": len(data),
            "created_at": STARTED,
            "filename": sent.filename,
            "purpose": str(form["purpose"]),
            "status": "processed",
        }
        return web.json_response(self.files[name])

    async def _list_files(self, request: web.Request) -> web.Response:
        return self._page(request, [*self.files.values()][::-1])

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.bodies.append(body)
        if body["training_file"] not in self.files:
            return _error(400, f"there is no file {body['training_file']}")
        name = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[name] = {
            "id": name,
            "object": "fine_tuning.job",
            "created_at": STARTED,
            "error": None,
            "fine_tuned_model": None,
            "finished_at": None,
            "hyperparameters": body.get("method", {}).get("supervised", {}).get("hyperparameters", {}),
            "model": body["model"],
            "organization_id": "org-1",
            "result_files": [],
            "seed": 1,
            "status": "queued",
            "trained_tokens": None,
            "training_file": body["training_file"],
            "validation_file": body.get("validation_file"),
            "looked": 0,
            "suffix": body.get("suffix"),
        }
        self.events[name] = []
        self._say(name, "Created fine-tuning job")
        return web.json_response(self.jobs[name])

    async def _list_jobs(self, request: web.Request) -> web.Response:
        return self._page(request, [*self.jobs.values()][::-1])

    async def _look(self, request: web.Request) -> web.Response:
        job = self.jobs.get(request.match_info["id"])
        if job is None:
            return _error(404, "there is no such job")
        if job["status"] in ("queued", "running"):
            job["looked"] += 1
            if job["looked"] <= self.looks:
                job["status"] = "running"
                step = job["looked"]
                self._say(
                    job["id"],
                    f"Step {step}/{self.looks}",
                    {"step": step, "train_loss": 1 / step, "valid_loss": 2 / step},
                )
            else:
                self._end(job)
        return web.json_response(job)

    def _end(self, job: dict[str, Any]) -> None:
        job["status"] = self.ends
        if self.ends == "succeeded":
            data = self.contents[job["training_file"]]
            job["fine_tuned_model"] = f"ft:{job['model']}:org:{job['suffix']}:{job['id']}"
            job["trained_tokens"] = len(data) // 4
            self._say(job["id"], "The job has successfully completed")
        else:
            job["error"] = {
                "code": "invalid_training_file",
                "message": "The file was not liked.",
                "param": None,
            }
            self._say(job["id"], "The job failed")

    async def _list_events(self, request: web.Request) -> web.Response:
        return self._page(request, self.events[request.match_info["id"]][::-1])

    async def _cancel(self, request: web.Request) -> web.Response:
        job = self.jobs[request.match_info["id"]]
        job["status"] = "cancelled"
        self._say(job["id"], "The job was cancelled")
        return web.json_response(job)

    def _say(self, job: str, message: str, data: dict[str, Any] | None = None) -> None:
        self.events[job].append(
            {
                "id": f"ftevent-{job}-{len(self.events[job]) + 1}",
                "object": "fine_tuning.job.event",
                "created_at": STARTED,
                "level": "info",
                "message": message,
                "type": "message" if data is None else "metrics",
                "data": data or {},
            }
        )

    def _page(self, request: web.Request, entries: list[dict[str, Any]]) -> web.Response:
        after = request.query.get("after")
        ids = [one["id"] for one in entries]
        start = ids.index(after) + 1 if after in ids else 0
        shown = entries[start : start + self.page]
        body = {"object": "list", "data": shown, "has_more": start + self.page < len(entries)}
        return web.Response(text=json.dumps(body), content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": None}
    return web.json_response({"error": error}, status=status, headers={"Retry-After": "0"})

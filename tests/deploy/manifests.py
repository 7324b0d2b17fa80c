"""Rendering overlays and validating what comes of them, offline: each resource by every validator that knows its kind."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.deploy.strimzi import SCHEMAS

ROOT = Path(__file__).parents[2] / "deploy/kubernetes"
OVERLAYS = ("small", "production")
VERSIONS = ("1.32", "1.37")
"""of Kubernetes: from the oldest to the newest that the manifests are validated for"""
Manifest = dict[str, Any]

_MODELS = {
    "v1": "kubernetes.core.v1",
    "apps/v1": "kubernetes.apps.v1",
    "policy/v1": "kubernetes.policy.v1",
    "networking.k8s.io/v1": "kubernetes.networking.v1",
    "keda.sh/v1alpha1": "keda.v1alpha1",
    "monitoring.coreos.com/v1": "prometheus_operator.v1",
}
"""API version → the module of `cloudcoil.models` that has it"""


class NoKustomize(Exception):
    """Nothing is there that renders an overlay."""


def kustomize() -> list[str]:
    """The command that renders a folder.

    Raises:
        NoKustomize: neither KUSTOMIZE names one, nor is there kustomize or kubectl.
    """
    if named := os.environ.get("KUSTOMIZE"):
        command = named.split()
    elif shutil.which("kustomize"):
        command = ["kustomize"]
    elif shutil.which("kubectl"):
        command = ["kubectl", "kustomize"]
    else:
        raise NoKustomize
    return command if command[-1] == "kustomize" and len(command) == 2 else [*command, "build"]


def render(folder: Path) -> list[Manifest]:
    """The manifests of an overlay.

    Raises:
        ValueError: kustomize refuses it; with what it says.
    """
    done = subprocess.run([*kustomize(), str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(done.stderr)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def problems(manifest: Manifest) -> list[str]:
    """What the validators say against a resource. One that none of them knows is a problem."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    if version.startswith("kafka.strimzi.io/"):
        return _by_schema(manifest)
    module = _MODELS.get(version)
    if module is None:
        return [f"{version} {kind}: no validator knows it"]
    found = _by_model(manifest, module)
    if module.startswith("kubernetes."):
        found += [problem for one in VERSIONS for problem in _by_kubernetes(manifest, one)]
    return found


def _by_schema(manifest: Manifest) -> list[str]:
    schema = SCHEMAS.get(manifest["kind"])
    if schema is None:
        return [f"{manifest['kind']}: no schema here"]
    errors = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
    return [f"{manifest['kind']} {error.json_path}: {error.message}" for error in errors]


def _by_kubernetes(manifest: Manifest, version: str) -> list[str]:
    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return [f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"]
    return []


def _by_model(manifest: Manifest, module: str) -> list[str]:
    """The models pass over fields that they do not know: what does not come back out of them is such a field."""
    model = getattr(importlib.import_module(f"cloudcoil.models.{module}"), manifest["kind"], None)
    if model is None:
        return [f"{module}: no model of {manifest['kind']}"]
    try:
        taken = model.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json")
    except ValueError as error:
        return [f"{module}: {error}"]
    return [f"{module}: no such field {path}" for path in _lost(manifest, taken)]


def _lost(given: Any, taken: Any, path: str = "") -> Iterator[str]:
    if isinstance(given, dict) and isinstance(taken, dict):
        for name, value in given.items():
            if name in taken:
                yield from _lost(value, taken[name], f"{path}.{name}")
            elif value not in ({}, [], None):
                yield f"{path}.{name}"
    elif isinstance(given, list) and isinstance(taken, list):
        for place, (one, other) in enumerate(zip(given, taken, strict=False)):
            yield from _lost(one, other, f"{path}[{place}]")

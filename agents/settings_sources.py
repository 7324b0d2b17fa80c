"""Where settings come from besides variables: the YAML file, and the folder of secrets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, YamlConfigSettingsSource

from frontdesk.agents.errors import StartupError


def secret_fields(settings: type[BaseSettings]) -> frozenset[str]:
    """The settings that hold secrets: they come from variables and files of their own, and are never shown."""
    return frozenset(
        name for name, field in settings.model_fields.items() if SecretStr in get_args(field.annotation)
    )


class SecretsFolder(PydanticBaseSettingsSource):
    """A folder as container platforms mount their secrets: FRONTDESK_LLM_API_KEY is a file of that name, in capitals or small."""

    def __init__(self, settings_cls: type[BaseSettings], folder: Path) -> None:
        super().__init__(settings_cls)
        self._folder = folder

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """What the base class asks for."""
        del field
        return read_secret(self._folder, f"FRONTDESK_{field_name}".upper()), field_name, False

    def __call__(self) -> dict[str, Any]:
        if not self._folder.is_dir():
            raise StartupError(f"FRONTDESK_SECRETS: {self._folder} is no folder")
        found = (
            self.get_field_value(self.settings_cls.model_fields[name], name)
            for name in secret_fields(self.settings_cls)
        )
        return {name: value for value, name, _ in found if value is not None}


def read_secret(folder: Path, variable: str) -> str | None:
    """The secret of this variable in a folder of secrets; None where it has none.

    Raises:
        StartupError: the file cannot be read, or is no text.
    """
    for path in (folder / variable, folder / variable.lower()):
        try:
            if path.is_file():
                return path.read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise StartupError(f"{variable}: cannot read {path}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise StartupError(f"{variable}: {path} is no UTF-8 text") from None
    return None


class SettingsFile(YamlConfigSettingsSource):
    """The file that was named. It has to be there and to hold settings: nobody names one to have it passed over."""

    def _read_files(self, files: Any, deep_merge: bool = False) -> dict[str, Any]:
        del deep_merge
        try:
            given = yaml.safe_load(Path(files).read_text(encoding="utf-8"))
        except OSError as error:
            raise StartupError(f"FRONTDESK_CONFIG: cannot read {files}: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise StartupError(f"FRONTDESK_CONFIG: {files} is no UTF-8 text") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = f"{files}:{mark.line + 1}:{mark.column + 1}" if mark else str(files)
            raise StartupError(
                f"FRONTDESK_CONFIG: {place}: not YAML; mend the syntax at or before it"
            ) from None
        if not isinstance(given or {}, dict):
            raise StartupError(
                f"FRONTDESK_CONFIG: {files}: give one setting a line, such as broker: kafka:9092"
            )
        return {str(name): value for name, value in (given or {}).items()}

    def __call__(self) -> dict[str, Any]:
        """
        Raises:
            StartupError: a secret stands in the file.
        """
        given = super().__call__()
        for name in secret_fields(self.settings_cls) & given.keys():
            if name != "schema_registry_url" or "@" in str(given[name]):
                raise StartupError(
                    f"{name} in FRONTDESK_CONFIG: a secret does not belong there: set FRONTDESK_{name.upper()}, or put it into a "
                    "file of that name in the folder FRONTDESK_SECRETS"
                )
        return given

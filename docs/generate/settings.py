"""The settings, by group, from ``starcyte.settings``."""

from __future__ import annotations

from starcyte.settings import GROUPS, OF_A_DATASET, PREFIX, Setting

_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def markdown() -> str:
    """Return a section for each group."""
    return "\n\n".join(f"## {title}\n\n" + "\n\n".join(map(_entry, rows)) for title, rows in GROUPS.items())


def of_a_dataset() -> str:
    """Return the list of the settings that a catalog may set for one dataset."""
    return ", ".join(f"`{name}`" for name in OF_A_DATASET)


def _entry(setting: Setting) -> str:
    value = "" if setting.type is bool else " <value>"
    names = ", ".join(name + value for name in (setting.flag, *setting.aliases))
    return (
        f"```{{option}} {names}\n{setting.help.replace('*', chr(92) + '*')} "
        f"Default: {_default(setting)}. Environment: `{PREFIX}{setting.name.upper()}`.\n```"
    )


def _default(setting: Setting) -> str:
    value = setting.default
    if setting.type is bool:
        return "on" if value else "off"
    if value in ("", ()):
        return "empty"
    unit = next((f"{value // size} {name}" for size, name in _UNITS if _is_multiple(setting, size)), "")
    return f"`{value}`" + (f" ({unit})" if unit else "")


def _is_multiple(setting: Setting, size: int) -> bool:
    return setting.type is int and setting.default >= size and setting.default % size == 0

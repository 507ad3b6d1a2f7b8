"""Settings: their sources, the precedence of these, and values that are refused."""

from __future__ import annotations

import pytest
from starcyte.errors import SettingInvalid
from starcyte.settings import PREFIX, SETTINGS, Settings, load

NUMBERS = [s.name for s in SETTINGS if s.type in (int, float)]
SWITCHES = [s.name for s in SETTINGS if s.type is bool]


@pytest.fixture
def written(tmp_path):
    """Return a function that writes a settings file."""

    def write(text, encoding="utf-8"):
        path = tmp_path / "starcyte.ini"
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_defaults():
    settings = load({}, {})
    assert {s.name: getattr(settings, s.name) for s in SETTINGS} == {s.name: s.default for s in SETTINGS}


def test_a_later_source_has_precedence(written):
    config = written("[starcyte]\ntitle = file\nhost = file\nthreads = 3\n")
    environ = {"STARCYTE_TITLE": "environment", "STARCYTE_HOST": "environment"}
    settings = load({"title": "command line", "host": None}, environ, config)
    assert (settings.title, settings.host, settings.threads) == ("command line", "environment", 3)


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_every_setting_can_be_in_every_source(written, setting):
    given = {str: "x", int: "7", float: "1.5", bool: "yes", tuple: "x, y"}[setting.type]
    expected = {str: "x", int: 7, float: 1.5, bool: True, tuple: ("x", "y")}[setting.type]
    if setting.name == "about":
        given = expected = "https://example.org/x"
    for settings in (
        load({}, {}, written(f"[starcyte]\n{setting.name} = {given}\n")),
        load({}, {PREFIX + setting.name.upper(): given}),
        load({setting.name: given}, {}),
    ):
        assert getattr(settings, setting.name) == expected
        assert type(getattr(settings, setting.name)) is setting.type


def test_every_setting_is_in_one_group() -> None:
    names = [s.name for s in SETTINGS]
    assert len(names) == len(set(names))


def test_the_variable_port_gives_the_port():
    assert load({}, {"PORT": "8123"}).port == 8123
    assert load({}, {"PORT": "8123", "STARCYTE_PORT": "9"}).port == 9
    assert load({}, {"PORT": ""}).port == -1


def test_percent_signs_in_a_file_are_literal(written):
    assert load({}, {}, written("[starcyte]\ntitle = 100 %(x)s\n")).title == "100 %(x)s"


@pytest.mark.parametrize("text", ["1", "true", "YES", " on "])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_on(name, text):
    assert getattr(load({}, {PREFIX + name.upper(): text}), name) is True


@pytest.mark.parametrize("text", ["0", "false", "No", "off", ""])
@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_is_off(name, text):
    assert getattr(load({}, {PREFIX + name.upper(): text}), name) is False


@pytest.mark.parametrize("text", ["2", "maybe", "yes please", "nan"])
@pytest.mark.parametrize("name", SWITCHES)
def test_an_invalid_switch_is_refused(name, text):
    with pytest.raises(SettingInvalid, match=name):
        load({}, {PREFIX + name.upper(): text})


@pytest.mark.parametrize("text", ["x", "", "-2", "nan", "inf", "-inf", "1e", "0x10", "1 2", "--", "①x"])
@pytest.mark.parametrize("name", NUMBERS)
def test_an_invalid_number_is_refused_in_every_source(written, name, text):
    for flags, environ, config in (
        ({name: text}, {}, None),
        ({}, {PREFIX + name.upper(): text}, None),
        ({}, {}, written(f"[starcyte]\n{name} = {text}\n")),
    ):
        with pytest.raises(SettingInvalid, match=name) as raised:
            load(flags, environ, config)
        assert raised.value.exit_status == 2
        assert raised.value.hint


@pytest.mark.parametrize("name", [s.name for s in SETTINGS if s.type is int])
@pytest.mark.parametrize("text", ["1.5", "1e3"])
def test_a_fraction_is_refused_for_a_whole_number(name, text):
    with pytest.raises(SettingInvalid, match=name):
        load({name: text}, {})


@pytest.mark.parametrize(
    ("name", "value"), [("port", 65536), ("port", -2), ("threads", 0), ("block_bytes", 0)], ids=lambda v: str(v)
)
def test_a_number_outside_its_range_is_refused(name, value):
    with pytest.raises(SettingInvalid, match=name):
        Settings(**{name: value})


@pytest.mark.parametrize("given", [{"colour": 1}, {"Title": "x"}, {"": 1}], ids=["unknown", "capital", "empty"])
def test_an_unknown_name_is_refused(given):
    with pytest.raises(SettingInvalid, match="Unknown setting"):
        Settings(**given)


def test_an_unknown_name_in_a_file_is_reported_with_the_file(written):
    config = written("[starcyte]\ncolour = red\n")
    with pytest.raises(SettingInvalid, match=r"'colour'.*starcyte\.ini"):
        load({}, {}, config)


def test_an_invalid_value_is_reported_with_its_source(written):
    with pytest.raises(SettingInvalid, match="STARCYTE_THREADS"):
        load({}, {"STARCYTE_THREADS": "many"})
    with pytest.raises(SettingInvalid, match=r"starcyte\.ini"):
        load({}, {}, written("[starcyte]\nthreads = many\n"))
    with pytest.raises(SettingInvalid, match="the command line"):
        load({"threads": "many"}, {})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("threads = 3\n", id="no section"),
        pytest.param("[other]\nthreads = 3\n", id="another section"),
        pytest.param("[starcyte]\nthreads\n", id="no value"),
        pytest.param("[starcyte]\nthreads = 1\nthreads = 2\n", id="twice"),
        pytest.param("\x89HDF\r\n", id="binary"),
    ],
)
def test_a_malformed_file_is_refused_in_one_line(written, text):
    with pytest.raises(SettingInvalid, match=r"starcyte\.ini") as raised:
        load({}, {}, written(text))
    assert "\n" not in str(raised.value)


def test_a_file_in_another_encoding_is_refused(written):
    with pytest.raises(SettingInvalid):
        load({}, {}, written("[starcyte]\ntitle = é\n", "latin-1"))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SettingInvalid, match=r"none\.ini"):
        load({}, {}, tmp_path / "none.ini")


def test_settings_are_read_only():
    settings = Settings(threads=3)
    with pytest.raises(AttributeError):
        settings.threads = 4
    assert settings.threads == 3


def test_unknown_attributes_are_refused():
    with pytest.raises(AttributeError):
        _ = Settings().colour


def test_repr():
    assert "threads=3" in repr(Settings(threads=3))


@pytest.mark.parametrize("text", ["example.org", "javascript:alert(1)", "ftp://x", "https://", "http:// x", "data:,x"])
def test_about_must_be_an_http_url(text):
    with pytest.raises(SettingInvalid, match="about"):
        load({"about": text}, {})

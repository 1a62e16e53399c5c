# SPDX-License-Identifier: GPL-3.0-only
"""The wheel, installed beside DIRAC in an environment that has neither this work tree nor the tests' tools."""

from __future__ import annotations

import json
import os
import re
import zipfile
from email import message_from_string
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from package_support.running import run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parent.parent.parent
INSPECT = Path(__file__).with_name("inspect_installation.py")


@pytest.fixture(scope="session")
def seen(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What DIRAC's own loaders find there."""
    home = tmp_path_factory.mktemp("home")
    foreign = ("PYTHON", "DIRAC", "X509_", "VIRTUAL_ENV", "PILOTLOGGING_")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    own |= {"HOME": str(home), "DIRAC_ROOT_PATH": str(home), "DIRAC_NO_CFG": "1"}
    own["PATH"] = f"{environment / 'bin'}:{os.environ['PATH']}"
    output = run([environment / "bin" / "python", INSPECT], env=own, cwd=home)
    (line,) = [line for line in output.splitlines() if line.startswith("SEEN ")]
    return dict(json.loads(line.removeprefix("SEEN ")))


def _is_ours(module: str) -> bool:
    return module.startswith("PilotLoggingDIRAC.")


def _version() -> str:
    text = (PROJECT / "src" / "PilotLoggingDIRAC" / "_version.py").read_text()
    matched = re.search(r'__version__ = "([^"]+)"', text)
    assert matched
    return matched[1]


def _worker_node_module() -> dict[str, Path]:
    folder = f"PilotLoggingDIRAC-{_version()}.data/data/share/PilotLoggingDIRAC"
    names = [f"PilotLogging{part}.py" for part in ("Commands", "Redaction", "Sender")]
    return {f"{folder}/{name}": PROJECT / "pilot" / name for name in names}


class TestContent:
    @pytest.fixture(scope="class")
    @classmethod
    def names(cls, wheel: Path) -> list[str]:
        return zipfile.ZipFile(wheel).namelist()

    def test_every_module_of_the_source_is_in_it_and_nothing_else(self, names: list[str]) -> None:
        source = PROJECT / "src"
        modules = {str(p.relative_to(source)) for p in source.rglob("*.py") if ".egg-info" not in str(p)}
        assert {name for name in names if name.endswith(".py")} == modules | _worker_node_module().keys()

    def test_every_file_that_is_no_module_too(self, names: list[str]) -> None:
        source = PROJECT / "src" / "PilotLoggingDIRAC"
        files = (p for p in source.rglob("*") if p.is_file() and p.suffix not in (".py", ".pyc"))
        assert {f"PilotLoggingDIRAC/{p.relative_to(source)}" for p in files} <= set(names)
        assert "PilotLoggingDIRAC/WorkloadManagementSystem/ConfigTemplate.cfg" in names
        assert "PilotLoggingDIRAC/WorkloadManagementSystem/DB/PilotLogDB.sql" in names
        # The portal loads its applications from build; here that is a link to classes.
        for name in ("PilotLogs", "PilotMonitor"):
            assert f"PilotLoggingDIRAC/WebApp/static/PilotLoggingDIRAC/{name}/build/{name}.js" in names

    def test_only_the_package_is_in_it(self, names: list[str]) -> None:
        assert {name.split("/")[0] for name in names} == {
            "PilotLoggingDIRAC",
            f"PilotLoggingDIRAC-{_version()}.data",
            f"PilotLoggingDIRAC-{_version()}.dist-info",
        }

    def test_the_worker_node_module_lies_beside_it_and_has_its_version(self, wheel: Path) -> None:
        assert set(_worker_node_module().values()) == set((PROJECT / "pilot").glob("*.py"))
        for name, file in _worker_node_module().items():
            content = zipfile.ZipFile(wheel).read(name)
            assert content == file.read_bytes()
            assert f'__version__ = "{_version()}"' in content.decode().splitlines()

    def test_bash_finds_what_it_completes(self, wheel: Path, names: list[str]) -> None:
        folder = f"PilotLoggingDIRAC-{_version()}.data/data/share/bash-completion/completions"
        files = {f"{folder}/{file.name}": file.read_bytes() for file in (PROJECT / "completion").iterdir()}
        assert len(files) == 8
        assert {name: zipfile.ZipFile(wheel).read(name) for name in names if "completions" in name} == files

    def test_metadata(self, wheel: Path, names: list[str]) -> None:
        (license_file,) = (name for name in names if name.endswith("/LICENSE"))
        assert "GNU GENERAL PUBLIC LICENSE" in zipfile.ZipFile(wheel).read(license_file).decode()
        (described,) = (name for name in names if name.endswith("/METADATA"))
        told = message_from_string(zipfile.ZipFile(wheel).read(described).decode())
        assert (told["Name"], told["Version"]) == ("PilotLoggingDIRAC", _version())
        assert told["License"] == "GPL-3.0-only"
        assert told["Requires-Python"] == ">=3.11"
        assert any(Requirement(text).name == "DIRAC" for text in told.get_all("Requires-Dist", []))

    def test_what_it_requires_is_enough_to_import_all_of_it(self, seen: dict[str, Any], wheel: Path) -> None:
        """All third-party modules that it imports are of the distributions that it names, or of DIRAC's."""
        (described,) = (n for n in zipfile.ZipFile(wheel).namelist() if n.endswith("/METADATA"))
        told = message_from_string(zipfile.ZipFile(wheel).read(described).decode())
        named = {canonicalize_name(Requirement(text).name) for text in told.get_all("Requires-Dist", [])}
        of_dirac = {canonicalize_name(Requirement(text).name) for text in metadata.requires("DIRAC") or []}
        # The conformance suite for plugins is for those who have pytest.
        accepted = named | of_dirac | {"diraccommon", "pytest"}
        assert {canonicalize_name(name) for name in seen["imported_distributions"]} <= accepted


def test_the_environment_is_clean(seen: dict[str, Any], environment: Path) -> None:
    assert seen["package"].startswith(str(environment))
    assert "pytest" not in seen["distributions"]
    assert str(PROJECT / "src") not in seen["path"]


def test_version(seen: dict[str, Any]) -> None:
    assert seen["version"] == seen["distribution_version"] == _version()


def test_dirac_finds_the_extension_and_it_wins(seen: dict[str, Any]) -> None:
    assert seen["extensions"] == ["PilotLoggingDIRAC", "DIRAC"]


@pytest.mark.parametrize("name", ["LocalDirectoryPlugin", "StorageElementPlugin", "FileCacheDownloadPlugin"])
def test_object_loader_finds_the_plugins(seen: dict[str, Any], name: str) -> None:
    assert _is_ours(seen["plugins"][name])


def test_object_loader_still_finds_diracs_own(seen: dict[str, Any]) -> None:
    assert seen["plugins"]["FileCacheLoggingPlugin"].startswith("DIRAC.")


def test_module_loader_takes_our_service_and_our_agent(seen: dict[str, Any]) -> None:
    assert _is_ours(seen["service"])
    assert _is_ours(seen["agent"])


def test_the_installer_lists_service_and_agent(seen: dict[str, Any]) -> None:
    assert "TornadoPilotLogging" in seen["components"]["Services"]["WorkloadManagement"]
    assert "PilotLoggingAgent" in seen["components"]["Agents"]["WorkloadManagement"]


def test_the_installer_finds_the_database(seen: dict[str, Any]) -> None:
    database = seen["databases"]["PilotLogDB"]
    assert (database["System"], database["Type"]) == ("WorkloadManagement", "MySQL")
    assert ["WorkloadManagementSystem", "PilotLogDB.sql"] in seen["sql"]


def test_the_installer_takes_our_template(seen: dict[str, Any]) -> None:
    service = seen["template"]["service"]
    assert service["MaxMessageSize"] == "10MiB"
    assert service["Protocol"] == "https"
    assert {"sendMessage", "finaliseLogs", "appendLog", "readLog", "listLogs"} <= service["Authorization"].keys()
    agent = seen["template"]["agent"]
    assert (agent["WorkerTime"], agent["PollingTime"]) == ("1h", "120")


def test_error_numbers_have_names(seen: dict[str, Any]) -> None:
    assert seen["errors"] == {"3401": "EPLREJECTED", "3402": "EPLUNAVAILABLE", "3403": "EPLNOTFOUND"}
    assert "Rejected" in seen["error_text"]


def test_the_command_is_installed_and_found_by_diracs_script(seen: dict[str, Any], environment: Path) -> None:
    for word in ("config", "download", "list", "search", "show", "status"):
        assert (environment / "bin" / f"dirac-pilot-logs-{word}").exists()
    assert _is_ours(seen["script"])
    assert "Show the logs of pilots" in seen["script_help"]


def test_diracs_client_has_our_methods(seen: dict[str, Any]) -> None:
    """``createClient`` reads them from our handler's source."""
    assert {
        "sendMessage",
        "finaliseLogs",
        "getMetadata",
        "getLogs",
        "appendLog",
        "readLog",
        "listLogs",
        "listValues",
        "countLogs",
        "outlineLog",
        "readLines",
        "findLines",
        "searchLogs",
        "getStatistics",
    } <= set(seen["client_methods"])

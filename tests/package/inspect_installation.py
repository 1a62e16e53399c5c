# SPDX-License-Identifier: GPL-3.0-only
"""Runs in the environment that has the wheel: asks DIRAC's own loaders, prints one line of JSON."""

import importlib.util
import json
import pkgutil
import subprocess
import sys
from importlib import metadata


def main() -> None:
    """Print what DIRAC finds."""
    import DIRAC  # noqa: F401
    from DIRAC.ConfigurationSystem.Client import PathFinder
    from DIRAC.Core.Base.private.ModuleLoader import ModuleLoader
    from DIRAC.Core.Utilities import DErrno
    from DIRAC.Core.Utilities.Extensions import extensionsByPriority, findDatabases
    from DIRAC.Core.Utilities.ObjectLoader import ObjectLoader

    _let_tornado_run()
    seen: dict = {"extensions": extensionsByPriority(), "path": sys.path}
    seen["sql"] = findDatabases("PilotLoggingDIRAC")
    seen["distributions"] = sorted(d.metadata["Name"].lower() for d in metadata.distributions())

    package = "WorkloadManagementSystem.Client.PilotLoggingPlugins"
    seen["plugins"] = {}
    for name in ("LocalDirectoryPlugin", "StorageElementPlugin", "FileCacheDownloadPlugin", "FileCacheLoggingPlugin"):
        result = ObjectLoader().loadObject(f"{package}.{name}", name)
        seen["plugins"][name] = result["Value"].__module__ if result["OK"] else result["Message"]

    services = ModuleLoader("Service", PathFinder.getServiceSection, moduleSuffix="Handler")
    seen["service"] = _loaded(services, "WorkloadManagement/TornadoPilotLogging")
    agents = ModuleLoader("Agent", PathFinder.getAgentSection)
    seen["agent"] = _loaded(agents, "WorkloadManagement/PilotLoggingAgent")

    from DIRAC.FrameworkSystem.Client.ComponentInstaller import ComponentInstaller

    installer = ComponentInstaller()
    installer.exitOnError = False
    ours = ["PilotLoggingDIRAC"]
    seen["components"] = installer.getSoftwareComponents(ours)["Value"]
    seen["databases"] = installer.getAvailableDatabases(extensionsByPriority())["Value"]
    # As dirac-install-component does: all extensions, in their order.
    seen["template"] = {}
    for kind, name in (("service", "TornadoPilotLogging"), ("agent", "PilotLoggingAgent")):
        result = installer.getComponentCfg(kind, "WorkloadManagement", name, extensionsByPriority())
        section = {"service": "Services", "agent": "Agents"}[kind]
        path = f"Systems/WorkloadManagement/{section}/{name}"
        cfg = result["Value"].getAsDict(path) or result["Value"].getAsDict()
        seen["template"][kind] = cfg

    DErrno.includeExtensionErrors()
    seen["errors"] = {str(number): DErrno.dErrorCode.get(number) for number in (3401, 3402, 3403)}
    seen["error_text"] = DErrno.strerror(3401)

    from DIRAC.WorkloadManagementSystem.Client.TornadoPilotLoggingClient import TornadoPilotLoggingClient

    seen["client_methods"] = [name for name in dir(TornadoPilotLoggingClient) if not name.startswith("_")]

    (entry,) = metadata.entry_points(group="console_scripts", name="dirac-pilot-logs-show")
    seen["script"] = entry.load().__globals__["__name__"] if hasattr(entry.load(), "__globals__") else entry.module
    help_text = subprocess.run(["dirac-pilot-logs-show", "--help"], capture_output=True, text=True, check=False)
    seen["script_help"] = help_text.stdout + help_text.stderr

    import PilotLoggingDIRAC

    seen["package"] = PilotLoggingDIRAC.__file__
    seen["version"] = PilotLoggingDIRAC.__version__
    seen["distribution_version"] = metadata.version("PilotLoggingDIRAC")
    seen["imported_distributions"] = _imported_distributions()
    print("SEEN", json.dumps(seen, default=str))


def _let_tornado_run() -> None:
    """PyPI's tornado 5.1 was written before Python 3.10. DIRACOS has a patched one."""
    import collections
    import collections.abc

    if not hasattr(collections, "MutableMapping"):
        collections.MutableMapping = collections.abc.MutableMapping  # type: ignore[attr-defined]


def _loaded(loader, component: str) -> str:  # type: ignore[no-untyped-def]
    result = loader.loadModule(component, hideExceptions=False)
    if not result["OK"]:
        return str(result["Message"])
    return str(loader.getModules()[component]["classObj"].__module__)


def _imported_distributions() -> list[str]:
    """Distributions whose modules our own source names in an import."""
    import ast
    from pathlib import Path

    import PilotLoggingDIRAC

    names = set()
    for module in pkgutil.walk_packages(PilotLoggingDIRAC.__path__, "PilotLoggingDIRAC."):
        spec = importlib.util.find_spec(module.name)
        if spec is None or spec.origin is None:
            continue
        for node in ast.walk(ast.parse(Path(spec.origin).read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    names -= set(sys.stdlib_module_names) | {"PilotLoggingDIRAC"}
    owners = metadata.packages_distributions()
    return sorted({owner.lower() for name in names for owner in owners.get(name, [name])})


if __name__ == "__main__":
    main()

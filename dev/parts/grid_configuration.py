# SPDX-License-Identifier: GPL-3.0-only
"""The configuration of a grid stack: what stands in its CS, and the few lines that every process has locally."""

from . import brokers, configuration, portal_configuration
from .configuration import SITE, Tree
from .identities import HOST, VOS
from .state import SERVICE, Stack

CS_NAME = "Loopback"
"""Of the configuration; the CS keeps its content in a file of this name."""

CS_SERVICE = "Configuration/Server"
GRID_SERVICES = (
    "DataManagement/TornadoFileCatalog",
    "Framework/TornadoComponentMonitoring",
    "Framework/TornadoProxyManager",
    "ResourceStatus/TornadoResourceStatus",
)
DATABASES = ("FileCatalogDB", "InstalledComponentsDB", "ProxyDB", "ResourceStatusDB")
DATABASE_USER = "Dirac"

SHIFTERS = {"alpha": "alpha_user", "beta": "beta_user"}
STORAGE_ELEMENTS = {"alpha": "SE-XROOT", "beta": "SE-S3"}
"""Where each community's logs go."""

CES = ("ce1.loopback.org", "ce2.loopback.org")
"""Computing elements that exist in the CS only."""

BUCKET = "pilotlogs"
S3_USER = "pilotlogs"

_FOLLOW_THE_CS = 5
"""Seconds until a process sees a change of the CS; 300 in the wild."""

_NONE = ""
"""An empty list of monitoring backends. Otherwise each transfer tries Accounting, which is not here, for seconds."""


def upload_path(vo: str) -> str:
    """The LFN of the directory for a community's logs."""
    return f"/{vo}/pilotlogs"


def switched_off(service: str) -> str:
    """The local option that keeps a process from serving what the CS tells all of them to serve."""
    system, name = service.split("/")
    return f"/Systems/{system}/Services/{name}/Protocol=none"


def write_all(stack: Stack) -> None:
    """Write the CS's content and the local files; only the CS knows the rest.

    The ``--option`` arguments go to the CS, where a process reads them like everything else, except /DIRAC/... .
    """
    layout = stack.layout
    content = _content(stack)
    local = _local(stack)
    for path, value in configuration.overrides(stack):
        configuration.put(local if path.startswith("/DIRAC/") else content, path, value)

    configuration.write(content, layout.home("cs") / "etc" / f"{CS_NAME}.cfg")
    configuration.write(local, layout.configuration)
    configuration.write(local | {"Systems": _own_systems(stack)}, layout.home("services") / "etc" / "dirac.cfg")

    master = _local(stack)
    master["DIRAC"]["Configuration"] |= {"Name": CS_NAME, "Master": "yes", "AutoPublish": "no"}
    configuration.write(master | {"Systems": _cs_system(stack)}, layout.home("cs") / "etc" / "dirac.cfg")


def _local(stack: Stack) -> Tree:
    """What a process must know to find the CS."""
    cs = {"Servers": stack.url("cs", CS_SERVICE), "RefreshTime": _FOLLOW_THE_CS}
    return {
        "DIRAC": {"Configuration": cs, "Security": configuration.security(stack)},
        "LocalSite": {"Site": SITE},
        "Resources": brokers.passwords(stack),
    }


def _own_systems(stack: Stack) -> Tree:
    """The databases' password and the port, for the process of the grid services alone."""
    own: Tree = {
        "Databases": {
            "User": DATABASE_USER,
            "Password": stack.passwords[DATABASE_USER],
            "Host": "127.0.0.1",
            "Port": stack.ports["mariadb"],
        },
        "Tornado": {"Port": stack.ports["services"]},
    }
    path, value = switched_off(SERVICE).split("=")
    configuration.put(own, path.removeprefix("/Systems"), value)
    return own


def _content(stack: Stack) -> Tree:
    cs = stack.url("cs", CS_SERVICE)
    systems = configuration.systems(stack)["Systems"] | _grid_systems(stack) | _cs_system(stack)
    content = {
        "DIRAC": {"Configuration": {"Name": CS_NAME, "Version": "1", "Servers": cs, "MasterServer": cs}},
        "DiracX": {"DisabledVOs": VOS},
        **configuration.registry(),
        **_operations(stack),
        "Resources": _resources(stack),
        "Systems": systems,
    }
    if stack.plan.portal:
        configuration.add(content, portal_configuration.content(stack))
    return content


def _operations(stack: Stack) -> Tree:
    tree = configuration.operations(stack)
    operations = tree["Operations"]
    operations["Defaults"] |= {
        "DataManagement": {
            "AccessProtocols": ("root", "s3"),
            "WriteProtocols": ("root", "s3"),
            "RegistrationProtocols": ("root", "s3"),
        },
        "MonitoringBackends": {"Default": _NONE},
        "ResourceStatus": {"Config": {"Cache": 60, "StatusTypes": {"default": "all"}}},
        "Services": {"Catalogs": {"CatalogList": "FileCatalog"}},
    }
    for vo in VOS:
        shifter = SHIFTERS[vo]
        operations[vo]["Shifter"] = {"DataManager": {"User": shifter, "Group": shifter}}
        operations[vo]["Pilot"] |= {
            "LoggingPlugins": "StorageElement",
            "UploadSE": STORAGE_ELEMENTS[vo],
            "UploadPath": upload_path(vo),
        }
    return tree


def _resources(stack: Stack) -> Tree:
    return brokers.services(stack) | {
        "FileCatalogs": {"FileCatalog": {"AccessType": "Read-Write", "Status": "Active", "Master": True}},
        "Sites": {
            "DIRAC": {
                SITE: {
                    "SE": tuple(STORAGE_ELEMENTS.values()),
                    "CEs": {ce: {"CEType": "HTCondorCE", "Queues": {"long": {"maxCPUTime": 1000}}} for ce in CES},
                }
            }
        },
        "StorageElements": {
            "ChecksumType": "ADLER32",
            "SE-XROOT": {
                "BackendType": "xrootd",
                "XROOT": {
                    "PluginName": "GFAL2_XROOT",
                    "Protocol": "root",
                    "Host": HOST,
                    "Port": stack.ports["xrootd"],
                    "Path": "/store",
                    "Access": "remote",
                },
            },
            "SE-S3": {
                "BackendType": "s3",
                "S3": {
                    "PluginName": "S3",
                    "Protocol": "s3",
                    "Host": HOST,
                    "Port": stack.ports["s3"],
                    "Path": BUCKET,
                    "Access": "remote",
                    "SecureConnection": False,
                    "Aws_access_key_id": S3_USER,
                    "Aws_secret_access_key": stack.passwords[S3_USER],
                },
            },
        },
    }


def _grid_systems(stack: Stack) -> Tree:
    def url(service: str) -> str:
        return stack.url("services", service)

    return {
        "DataManagement": {
            "Databases": {"FileCatalogDB": {"DBName": "FileCatalogDB"}},
            "Services": {
                "TornadoFileCatalog": {
                    "Protocol": "https",
                    "UserGroupManager": "UserAndGroupManagerDB",
                    "SEManager": "SEManagerDB",
                    "SecurityManager": "VOMSSecurityManager",
                    "DirectoryManager": "DirectoryClosure",
                    "FileManager": "FileManagerPs",
                    "UniqueGUID": True,
                    "GlobalReadAccess": True,
                    "LFNPFNConvention": "Strong",
                    "ResolvePFN": True,
                    "DefaultUmask": 0o775,
                    "VisibleStatus": "AprioriGood",
                    "Authorization": {"Default": "authenticated"},
                }
            },
            "URLs": {"FileCatalog": url("DataManagement/TornadoFileCatalog")},
        },
        "Framework": {
            "Databases": {
                "InstalledComponentsDB": {"DBName": "InstalledComponentsDB"},
                "ProxyDB": {"DBName": "ProxyDB"},
            },
            "Services": {
                # dirac-install-component ends by telling it
                "TornadoComponentMonitoring": {"Protocol": "https", "Authorization": {"Default": "authenticated"}},
                "TornadoProxyManager": {
                    "Protocol": "https",
                    "Authorization": {
                        "Default": "authenticated",
                        "getProxy": ("FullDelegation", "LimitedDelegation", "PrivateLimitedDelegation"),
                        "getVOMSProxy": ("FullDelegation", "LimitedDelegation", "PrivateLimitedDelegation"),
                        "getLogContents": "ProxyManagement",
                    },
                },
            },
            "URLs": {
                "ComponentMonitoring": url("Framework/TornadoComponentMonitoring"),
                "ProxyManager": url("Framework/TornadoProxyManager"),
            },
        },
        "ResourceStatus": {
            "Databases": {"ResourceStatusDB": {"DBName": "ResourceStatusDB"}},
            "Services": {
                "TornadoResourceStatus": {
                    "Protocol": "https",
                    "Authorization": {"Default": "SiteManager", "select": "all"},
                }
            },
            "URLs": {"ResourceStatus": url("ResourceStatus/TornadoResourceStatus")},
        },
    }


def _cs_system(stack: Stack) -> Tree:
    server = {
        "HandlerPath": "DIRAC/ConfigurationSystem/Service/TornadoConfigurationHandler.py",
        "Port": stack.ports["cs"],
        "Authorization": {
            "Default": "authenticated",
            "commitNewData": "CSAdministrator",
            "rollbackToVersion": "CSAdministrator",
            "getVersionContents": ("ServiceAdministrator", "CSAdministrator"),
            "forceGlobalConfigurationUpdate": "CSAdministrator",
            "publishSlaveServer": "TrustedHost",
        },
    }
    return {"Configuration": {"Services": {"Server": server}, "URLs": {"Server": stack.url("cs", CS_SERVICE)}}}

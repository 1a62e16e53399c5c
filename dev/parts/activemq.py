# SPDX-License-Identifier: GPL-3.0-only
"""A real ActiveMQ: STOMP with passwords, and STOMP over TLS with client certificates, on loopback."""

import shutil
from pathlib import Path
from xml.sax.saxutils import quoteattr

from . import environment, keystores, processes
from .brokers import FULL, LARGEST_MESSAGE, QUEUES, READER, WRITER, tls_port
from .failure import Failure
from .identities import HOST, ORGANISATION
from .state import Stack
from .xrootd import takes_connections

ACTIVEMQ = "activemq"

_JARS = (
    "activemq-broker",
    "activemq-client",
    "activemq-console",
    "activemq-jaas",
    "activemq-kahadb-store",
    "activemq-protobuf",
    "activemq-spring",
    "activemq-stomp",
    "geronimo-j2ee-management-1.1-spec",
    "geronimo-jms_1.1_spec",
    "hawtbuf",
    "jasypt",
    "jcl-over-slf4j",
    "log4j-1.2",
    "slf4j-api",
    "slf4j-log4j12",
    "spring3-beans",
    "spring3-context",
    "spring3-core",
    "spring3-expression",
    "xbean-spring",
)
_STORE = "2 gb"
_KEYSTORE_PASSWORD = "only on this stack"

_LOGIN = """\
users { org.apache.activemq.jaas.PropertiesLoginModule required
    org.apache.activemq.jaas.properties.user="users.properties"
    org.apache.activemq.jaas.properties.group="groups.properties"; };
certificates { org.apache.activemq.jaas.TextFileCertificateLoginModule required
    org.apache.activemq.jaas.textfiledn.user="certificates.properties"
    org.apache.activemq.jaas.textfiledn.group="groups.properties"; };
"""
_LOGGING = """\
log4j.rootLogger=INFO, out
log4j.appender.out=org.apache.log4j.ConsoleAppender
log4j.appender.out.layout=org.apache.log4j.PatternLayout
log4j.appender.out.layout.ConversionPattern=%d %-5p %c{1} %m%n
"""


def start(stack: Stack) -> None:
    """Start the broker; wait_for() tells when it serves."""
    java = shutil.which("java")
    if java is None:
        raise Failure("ActiveMQ needs Java: run dev/install test")
    layout = stack.layout
    home = layout.home(ACTIVEMQ)
    _write_configuration(stack, home)
    classes = [home, *(environment.DAEMONS / "share" / "java" / f"{name}.jar" for name in _JARS)]
    command = [
        java,
        "-Xms64m",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        f"-Djava.security.auth.login.config={home / 'login.config'}",
        f"-Djava.io.tmpdir={home}",
        *(f"-Dactivemq.{name}={home}" for name in ("home", "base", "conf", "data")),
        "-cp",
        ":".join(str(path) for path in classes),
        "org.apache.activemq.console.Main",
        "start",
        f"xbean:file:{home / 'activemq.xml'}",
    ]
    own = environment.of_component(layout, ACTIVEMQ)
    stack.add(processes.start(ACTIVEMQ, command, own, log=layout.log(ACTIVEMQ), directory=home))


def wait_for(stack: Stack) -> None:
    """Wait until it takes connections; its door with TLS opens last."""
    processes.wait_until(stack.processes[ACTIVEMQ], lambda: takes_connections(tls_port(stack, ACTIVEMQ)))


def _write_configuration(stack: Stack, home: Path) -> None:
    passwords = {user: stack.passwords[user] for user in (WRITER, READER)}
    keystores.write(stack.layout, home, _KEYSTORE_PASSWORD)
    for name, content in {
        "login.config": _LOGIN,
        "log4j.properties": _LOGGING,
        "users.properties": "".join(f"{user}={password}\n" for user, password in passwords.items()),
        # The host's certificate, as ActiveMQ spells it
        "certificates.properties": f"host=CN={HOST}, O={ORGANISATION}\n",
        "groups.properties": f"writers={WRITER},host\nreaders={READER}\n",
        "activemq.xml": _broker(stack, home),
    }.items():
        file = home / name
        file.touch(mode=0o600)
        file.write_text(content)


def _broker(stack: Stack, home: Path) -> str:
    def address(scheme: str, port: int, options: str = "") -> str:
        limits = f"wireFormat.maxDataLength={LARGEST_MESSAGE}&maximumConnections=200"
        return quoteattr(f"{scheme}://127.0.0.1:{port}?{limits}{options}")

    return f"""\
<beans xmlns="http://www.springframework.org/schema/beans" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xsi:schemaLocation="http://www.springframework.org/schema/beans http://www.springframework.org/schema/beans/spring-beans-2.0.xsd
  http://activemq.apache.org/schema/core http://activemq.apache.org/schema/core/activemq-core.xsd">
 <broker xmlns="http://activemq.apache.org/schema/core" brokerName="stack" useJmx="false" dataDirectory="{home}">
  <persistenceAdapter>
   <kahaDB directory="{home / "messages"}" journalDiskSyncStrategy="always" journalMaxFileLength="4mb"
     cleanupInterval="500"/>
  </persistenceAdapter>
  <destinationPolicy><policyMap><policyEntries>
   <policyEntry queue="{FULL}" storeUsageHighWaterMark="1"/>
  </policyEntries></policyMap></destinationPolicy>
  <plugins>
   <jaasDualAuthenticationPlugin configuration="users" sslConfiguration="certificates"/>
   <authorizationPlugin><map><authorizationMap><authorizationEntries>
    <authorizationEntry queue="{QUEUES}.&gt;" read="readers" write="writers" admin="writers,readers"/>
    <authorizationEntry topic="{QUEUES}.&gt;" read="readers" write="writers" admin="writers,readers"/>
    <authorizationEntry topic="ActiveMQ.Advisory.&gt;" read="writers,readers" write="writers,readers"
      admin="writers,readers"/>
   </authorizationEntries></authorizationMap></map></authorizationPlugin>
  </plugins>
  <sslContext>
   <sslContext keyStore="file:{home / keystores.KEYS}" keyStoreType="PKCS12" keyStorePassword="{_KEYSTORE_PASSWORD}"
     trustStore="file:{home / keystores.TRUSTED}" trustStoreType="PKCS12" trustStorePassword="{_KEYSTORE_PASSWORD}"/>
  </sslContext>
  <systemUsage><systemUsage>
   <memoryUsage><memoryUsage limit="64 mb"/></memoryUsage>
   <storeUsage><storeUsage limit="{_STORE}"/></storeUsage>
   <tempUsage><tempUsage limit="512 mb"/></tempUsage>
  </systemUsage></systemUsage>
  <transportConnectors>
   <transportConnector name="stomp" uri={address("stomp+nio", stack.ports[ACTIVEMQ])}/>
   <transportConnector name="stomps" uri={address("stomp+ssl", tls_port(stack, ACTIVEMQ), "&needClientAuth=true")}/>
  </transportConnectors>
 </broker>
</beans>
"""

"""A registrar and proxy that somebody else wrote, for calls between two of our phones."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

INSTALLED = shutil.which("kamailio") is not None
REALM = "ccmsipline"

_CONFIG = """#!KAMAILIO
debug=1
log_stderror=yes
fork=yes
children=1
auto_aliases=no
listen=udp:{host}:{port}
listen=tcp:{host}:{port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/:/usr/lib/kamailio/modules/"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "max_contacts", 1)
modparam("registrar", "max_expires", 120)
modparam("auth", "qop", "auth")
request_route {{
  mf_process_maxfwd_header("10");
  if (has_totag()) {{
    if (loose_route() || is_method("ACK")) {{ t_relay(); exit; }}
    sl_send_reply("404", "Not here"); exit;
  }}
  if (is_method("CANCEL")) {{ if (t_check_trans()) {{ t_relay(); }} exit; }}
  t_check_trans();
  if (is_method("REGISTER")) {{
    if (!pv_www_authenticate("{realm}", "{password}", "0")) {{ www_challenge("{realm}", "1"); exit; }}
    save("location"); exit;
  }}
  if (is_method("INVITE")) {{
    if (!pv_proxy_authenticate("{realm}", "{password}", "0")) {{ proxy_challenge("{realm}", "1"); exit; }}
    consume_credentials();
    record_route();
  }}
  if (!lookup("location")) {{ sl_send_reply("404", "Nobody there"); exit; }}
  t_relay();
}}
"""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", 0))
        return int(udp.getsockname()[1])


@contextlib.asynccontextmanager
async def running(directory: Path, password: str) -> AsyncIterator[int]:
    """Yields the port, UDP and TCP. Everybody's password is `password`."""
    port = free_port()
    config = directory / "kamailio.cfg"
    config.write_text(_CONFIG.format(host="127.0.0.1", port=port, realm=REALM, password=password))
    process = await asyncio.create_subprocess_exec(
        "kamailio", "-f", str(config), "-DD", "-E", "-Y", str(directory), "-w", str(directory), "-m", "32", "-M", "8",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    break
                await asyncio.sleep(0.05)  # waits for another program to open its port; it tells nobody
        yield port
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()

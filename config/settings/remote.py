"""What the actions std.email, std.ssh, std.ssh_proxied and std.javascript may do.

They are off until LEVANTE_ENABLED_ACTIONS names them.
"""

from __future__ import annotations

from config.readers import env_bool, env_int, env_list, env_seconds, env_text

# --- Mail -----------------------------------------------------------------------------------------

# Networks of mail servers that may be reached beside the public Internet; hosts and ports that may
# be reached, all if none is listed; as for HTTP. Defaults: none.
LEVANTE_EMAIL_ALLOWED_NETWORKS = env_list("LEVANTE_EMAIL_ALLOWED_NETWORKS", [])
LEVANTE_EMAIL_ALLOWED_HOSTS = env_list("LEVANTE_EMAIL_ALLOWED_HOSTS", [])
LEVANTE_EMAIL_ALLOWED_PORTS = env_list("LEVANTE_EMAIL_ALLOWED_PORTS", [])
# Seconds for the whole way of one message to the server. Default: 60.
LEVANTE_EMAIL_SECONDS = env_seconds("LEVANTE_EMAIL_SECONDS", 60, minimum=0.1)
# Addresses that one message may go to. Default: 100.
LEVANTE_EMAIL_MAX_RECIPIENTS = env_int("LEVANTE_EMAIL_MAX_RECIPIENTS", 100, minimum=1)

# --- SSH ------------------------------------------------------------------------------------------

# The same for hosts that are reached over SSH. Defaults: none.
LEVANTE_SSH_ALLOWED_NETWORKS = env_list("LEVANTE_SSH_ALLOWED_NETWORKS", [])
LEVANTE_SSH_ALLOWED_HOSTS = env_list("LEVANTE_SSH_ALLOWED_HOSTS", [])
LEVANTE_SSH_ALLOWED_PORTS = env_list("LEVANTE_SSH_ALLOWED_PORTS", [])
# File with the keys of known hosts, as OpenSSH has it. Default: none, so that no host is known.
LEVANTE_SSH_KNOWN_HOSTS = env_text("LEVANTE_SSH_KNOWN_HOSTS", "")
# The key of a host is compared with that file. Default: on.
LEVANTE_SSH_CHECK_HOSTS = env_bool("LEVANTE_SSH_CHECK_HOSTS", default=True)
# Folder with private keys. A name is looked for in its subfolder named like the id of the project,
# then in the folder itself, whose keys are for all projects. Default: none.
LEVANTE_SSH_KEY_DIRECTORY = env_text("LEVANTE_SSH_KEY_DIRECTORY", "")
# Seconds to connect to one host and to log in. Default: 20.
LEVANTE_SSH_CONNECT_SECONDS = env_seconds("LEVANTE_SSH_CONNECT_SECONDS", 20, minimum=0.1)
# Seconds for all hosts of one action. Default: 1 hour.
LEVANTE_SSH_SECONDS = env_seconds("LEVANTE_SSH_SECONDS", 3_600, minimum=0.1)
# Bytes that a command may write, to each of its two outputs. Default: 1 MB.
LEVANTE_SSH_MAX_BYTES = env_int("LEVANTE_SSH_MAX_BYTES", 1_000_000, minimum=1)
# Hosts of one action. Default: 100.
LEVANTE_SSH_MAX_HOSTS = env_int("LEVANTE_SSH_MAX_HOSTS", 100, minimum=1)

# --- JavaScript -----------------------------------------------------------------------------------

# Seconds that one script may run, and seconds for the start and the end of its process on top of
# that. Defaults: 10 and 10.
LEVANTE_JAVASCRIPT_SECONDS = env_seconds("LEVANTE_JAVASCRIPT_SECONDS", 10, minimum=0.01)
LEVANTE_JAVASCRIPT_START_SECONDS = env_seconds("LEVANTE_JAVASCRIPT_START_SECONDS", 10, minimum=1)
# Megabytes of objects that one script may hold. Default: 64.
LEVANTE_JAVASCRIPT_MEGABYTES = env_int("LEVANTE_JAVASCRIPT_MEGABYTES", 64, minimum=8)

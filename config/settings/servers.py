"""The data directory, PostgreSQL and Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from config.readers import database_from_url, env_int, env_secret, env_text
from workflows.embedded.state import read_state

BASE_DIR = Path(__file__).resolve().parents[2]

# Folder of the embedded servers and of generated secrets. Default: .data beside manage.py.
LEVANTE_DATA_DIR = Path(env_text("LEVANTE_DATA_DIR", str(BASE_DIR / ".data"))).resolve()
_servers = read_state(LEVANTE_DATA_DIR)

# PostgreSQL: from DATABASE_URL, or the embedded server that `manage.py up` runs. The last name is
# never found, and says in the error message what to do.
_database_url = (
    env_secret("DATABASE_URL")
    or (_servers.database_url if _servers else "")
    or "postgresql:///levante?host=/no-database-start-manage.py-up-or-set-DATABASE_URL"
)

# Redis: from REDIS_URL, or the embedded server; empty if there is none.
REDIS_URL = env_secret("REDIS_URL") or (_servers.redis_url if _servers else "")
# The broker of the messages, if it is not that Redis: amqp://user:password@host/ for RabbitMQ, or
# sentinel://:password@one:26379;sentinel://:password@two:26379/0. Default: REDIS_URL.
LEVANTE_BROKER_URL = (
    env_secret("LEVANTE_BROKER_URL")
    or REDIS_URL
    or "redis://no-redis-start-manage.py-up-or-set-REDIS_URL:6379/0"
)
# The name of the group of servers that Redis Sentinel looks after. Default: mymaster.
LEVANTE_SENTINEL_MASTER = env_text("LEVANTE_SENTINEL_MASTER", "mymaster")

# Milliseconds that one statement may take; 0 is no limit, for long migrations. Default: 30 seconds.
LEVANTE_STATEMENT_TIMEOUT = env_int("LEVANTE_STATEMENT_TIMEOUT", 30_000)
# Milliseconds to wait for a lock. Default: 5 seconds.
LEVANTE_LOCK_TIMEOUT = env_int("LEVANTE_LOCK_TIMEOUT", 5_000)
# Milliseconds after which an idle transaction is ended, so that no dead holder blocks others.
# Default: 60 seconds.
LEVANTE_IDLE_TRANSACTION_TIMEOUT = env_int("LEVANTE_IDLE_TRANSACTION_TIMEOUT", 60_000)
# Seconds without an answer of the network after which a connection counts as broken, at both ends.
# Default: 30.
LEVANTE_DATABASE_SILENCE = env_int("LEVANTE_DATABASE_SILENCE", 30, minimum=3)
# What the process is, shown in PostgreSQL's list of sessions. `manage.py up` sets it for each of
# its processes.
LEVANTE_PROCESS_NAME = env_text("LEVANTE_PROCESS_NAME", "manage")

_database: dict[str, Any] = database_from_url(_database_url)
_database["OPTIONS"] |= {
    "application_name": f"levante-{LEVANTE_PROCESS_NAME}",
    "connect_timeout": LEVANTE_DATABASE_SILENCE,
    "keepalives_idle": LEVANTE_DATABASE_SILENCE // 3,
    "keepalives_interval": LEVANTE_DATABASE_SILENCE // 3,
    "keepalives_count": 2,
    "tcp_user_timeout": LEVANTE_DATABASE_SILENCE * 1000,
    "prepare_threshold": 0,  # for the statements that ask for it, see workflows/database
    "options": (
        f"-c statement_timeout={LEVANTE_STATEMENT_TIMEOUT}"
        f" -c lock_timeout={LEVANTE_LOCK_TIMEOUT}"
        f" -c idle_in_transaction_session_timeout={LEVANTE_IDLE_TRANSACTION_TIMEOUT}"
        f" -c tcp_keepalives_idle={LEVANTE_DATABASE_SILENCE // 3}"
        f" -c tcp_keepalives_interval={LEVANTE_DATABASE_SILENCE // 3}"
        " -c tcp_keepalives_count=2"
        f" -c tcp_user_timeout={LEVANTE_DATABASE_SILENCE * 1000}"
    ),
}
_database |= {
    "ATOMIC_REQUESTS": False,
    # Seconds a connection is kept; it is looked at before it is used again, see workflows/database.
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
}
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

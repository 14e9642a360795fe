# The same base twice: the environment is built in one and runs in the other, with the same Python at the same path.
FROM python:3.12-slim AS build

ENV UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app

# What others wrote, in the versions of uv.lock: built again only when one of these files changes.
# The compose stack has a Redis of its own, so [demo] is left out: the sandbox needs tornado alone, which Flower brings.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --extra worker --extra flower --extra intake --extra web --no-install-project

COPY . .
# compiled here: the files of a container are read-only, and each health check starts a Python
RUN uv sync --locked --no-dev --extra worker --extra flower --extra intake --extra web \
    && python -m compileall -q celeryconfig.py notifier services tasks


FROM python:3.12-slim

# what the volumes of compose.yaml lie on: a new one takes its owner from here
RUN useradd --no-create-home --uid 1000 notifier \
    && mkdir -p /app/logs /var/lib/flower /var/spool/notifier /run/notifier \
    && chown notifier /app/logs /var/lib/flower /var/spool/notifier
COPY --from=build /app /app
WORKDIR /app
# Each of glibc's arenas keeps what its threads have freed: with the default of eight for each core, a worker that has sent
# large alerts holds about twice as much.
ENV PATH=/app/.venv/bin:$PATH MALLOC_ARENA_MAX=2
USER notifier

CMD ["celery", "-A", "tasks", "worker", "--loglevel", "INFO"]

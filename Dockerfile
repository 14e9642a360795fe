FROM python:3.12-slim

WORKDIR /app
COPY . .
RUN pip install --no-cache-dir . && useradd notifier && mkdir logs && chown notifier logs
USER notifier

CMD ["celery", "-A", "tasks", "worker", "--loglevel", "INFO"]

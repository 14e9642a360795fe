"""Celery's settings. Every process that touches the queues uses these: workers, applications, Flower."""

from kombu import Exchange, Queue

from notifier.gate.gate import lease_seconds
from notifier.routing import ROUTES, WAKE_UP_TASK
from notifier.settings import settings
from notifier.storage.keys import Keys
from notifier.storage.url import BrokerUrl, read_redis_url

_settings = settings()

_limit = _settings.publish_timeout_seconds
_results = read_redis_url("REDIS_URL", _settings.redis_url.get_secret_value())
_broker = BrokerUrl((_settings.broker_url or _settings.redis_url).get_secret_value())
_keys = Keys(_settings.key_prefix)

broker_url = _broker.celery_url
broker_use_ssl = _broker.use_ssl
result_backend = _results.celery_url
result_backend_transport_options = _results.result_transport_options(_limit)
if _keys.own_prefix:
    result_backend_transport_options["global_keyprefix"] = _keys.own_prefix
globals().update(_results.backend_settings())  # redis_…: TLS, timeouts and the options that REDIS_URL names

task_serializer = result_serializer = "json"
accept_content = result_accept_content = ["json"]
enable_utc = True

# each queue by its own key: under Celery's defaults, what one application publishes for one type reaches all six
_exchange = Exchange(_keys.task_exchange, type="direct")
task_queues = [
    Queue(name, _exchange, routing_key=name, alias=route.queue)
    for name, route in ((_keys.queue(alert_type), route) for alert_type, route in ROUTES.items())
]
task_routes = {route.task: {"queue": _keys.queue(alert_type)} for alert_type, route in ROUTES.items()}
task_default_queue = task_default_routing_key = _keys.queue(next(iter(ROUTES)))
task_default_exchange = _keys.task_exchange
task_create_missing_queues = False  # a misspelt queue is an error, not a queue that nobody reads

# Under Celery's own names, a neighbour on this Redis would answer our `inspect`, and obey our `shutdown`.
control_exchange = _keys.control_exchange
event_exchange = event_queue_prefix = _keys.event_exchange

# The outbox is the authority and a task only a trigger, so running one twice is safe and losing one harmless.
task_acks_late = True
task_reject_on_worker_lost = True
# delivery tasks are short, and a worker whose slots are all taken looks for the next one only once a second
worker_prefetch_multiplier = 4
worker_deduplicate_successful_tasks = True
# after a reconnection Celery would raise the count again from the pool's threads, over an AMQP channel that is no
# thread's but the main one's: seen to block a worker for ever when RabbitMQ had restarted
worker_enable_prefetch_count_reduction = False

# A worker waits for HTTP and runs at most one request per alert type; two more threads answer the other dispatches.
worker_pool = "threads"
worker_concurrency = len(ROUTES) + 2
worker_send_task_events = True
worker_hijack_root_logger = True

# Per worker and task name, so it cannot be Discord's limit: that one is in Redis, for the whole fleet. This one stops
# a runaway only: a hundred times a full outbox a second. It must not come near a real burst, for a worker that waits
# for a token looks again only once a second (measured: at 100/s, 100 alerts took over 20 s; at 1,000/s half a second).
_dispatches_per_second = 100 * max(100, _settings.queue_size)
task_annotations = {
    name: {"rate_limit": f"{_dispatches_per_second}/s"}
    for name in [*(route.task for route in ROUTES.values()), WAKE_UP_TASK]
}

result_expires = round(_settings.history_days * 86_400)
# Celery's own would wait in an application as long as Redis is away, and lose a worker's slot if it is away for long
override_backends = dict.fromkeys(("redis", "rediss"), "notifier.storage.result_backend:ResultBackend") | {
    "sentinel": "notifier.storage.result_backend:SentinelResultBackend"
}

broker_connection_retry_on_startup = True
broker_connection_max_retries = None
broker_channel_error_retry = True
broker_connection_timeout = _limit
broker_heartbeat = 20  # seconds; of RabbitMQ: a silent connection is given up after two
broker_transport_options = _broker.transport_options(_limit) | {
    # Longer than any countdown and any request; what a dead worker held is carried by others long before.
    "visibility_timeout": max(300, 2 * round(max(lease_seconds(_settings), _settings.retry_backoff_max_seconds))),
    # Under Celery's own names, the worker with the shortest timeout puts back what every other one holds.
    "unacked_key": _keys.unacked,
    "unacked_index_key": f"{_keys.unacked}_index",
    "unacked_mutex_key": f"{_keys.unacked}_mutex",
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
}
task_publish_retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}

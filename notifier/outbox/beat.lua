-- The heartbeat of a process that delivers.
-- KEYS: 1 worker, 2 run, 3 fleet
-- ARGV: 1 process id, 2 its life (ms), 3 name and version of the worker
-- Returns the id of the server's run, '' if it is the first that has these data: if it is another than before, the
-- last steps of this process may be forgotten.
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('ZADD', KEYS[3], now_us(), ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now_us() - 86400 * SECOND)
redis.call('PEXPIRE', KEYS[3], LIFE_MS)
redis.call('PEXPIRE', KEYS[2], LIFE_MS)
return redis.call('HGET', KEYS[2], 'id') or ''

-- Lease what is to be called of notifications that have ended, and that nobody has called in time.
-- KEYS: 1 callbacks
-- ARGV: 1 notification_prefix, 2 lease (microseconds), 3 how many at most
-- Returns id and callbacks (JSON) of each, in turn.
local now = now_us()
local taken = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local text = redis.call('HGET', ARGV[1] .. id, 'callbacks')
  if text then
    redis.call('ZADD', KEYS[1], now + ARGV[2], id)
    table.insert(taken, id)
    table.insert(taken, text)
  else
    redis.call('ZREM', KEYS[1], id)
  end
end
return taken

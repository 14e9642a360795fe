-- Lease what is to be called of notifications that have ended, and that nobody has called in time. Those that have not
-- ended yet are looked at again later: a worker of version 0.2 ends a notification and knows of no callbacks.
-- KEYS: 1 callbacks
-- ARGV: 1 notification_prefix, 2 lease, 3 until one that has not ended is looked at again (microseconds),
--       4 how many at most
-- Returns id and callbacks (JSON) of each, in turn.
local LEASE, AGAIN, MAX = ARGV[2], ARGV[3], tonumber(ARGV[4])
local now = now_us()
local taken = {}

local function look_at(id)
  local text, finished_at, refused = unpack(redis.call('HMGET', ARGV[1] .. id, 'callbacks', 'finished_at', 'refused'))
  if not text then return redis.call('ZREM', KEYS[1], id) end
  if not finished_at and not refused then return redis.call('ZADD', KEYS[1], now + AGAIN, id) end
  redis.call('ZADD', KEYS[1], now + LEASE, id)
  table.insert(taken, id)
  table.insert(taken, text)
end

redate_set(KEYS[1], now + AGAIN, now + LEASE) -- longer nobody puts them off: Redis' clock has stepped back
repeat
  local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, MAX)
  for _, id in ipairs(due) do look_at(id) end
until #due < MAX or #taken >= 2 * MAX
return taken

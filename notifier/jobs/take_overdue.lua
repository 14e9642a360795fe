-- Lease jobs that were not started in time, and of which nobody has told. Whoever takes one tells it, and says so
-- (told.lua); if not, it is due again after the lease.
-- KEYS: 1 jobs that are due
-- ARGV: 1 job_prefix, 2 lease (microseconds), 3 how many at most
-- Returns name and time at which it was due, in turn.
local DUE = KEYS[1]
local now = now_us()
local taken = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local due_at = redis.call('HGET', ARGV[1] .. name, 'due_at')
  if due_at then
    redis.call('ZADD', DUE, now + tonumber(ARGV[2]), name)
    table.insert(taken, name)
    table.insert(taken, due_at)
  else
    redis.call('ZREM', DUE, name)
  end
end
return taken

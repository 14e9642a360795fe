-- Fold an alert that meets a full outbox into the digest of its type, and end its story: once per id.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 digest, 6 history, 7 unrecorded, 8 watch, 9 folded
-- ARGV: 1 id, 2 record (JSON), 3 title, 4 capacity, 5 history_life (seconds), 6 folded_max, 7 alert type, 8 titles_max,
--       9 notification_prefix
-- Returns 'folded', 'known' (this id was admitted or folded before), or 'room' (there is room by now: admit it).
if redis.call('EXISTS', KEYS[1]) == 1 then return 'known' end
local held = redis.call('ZCARD', KEYS[2]) + redis.call('ZCARD', KEYS[3]) + redis.call('ZCARD', KEYS[4])
if held < tonumber(ARGV[4]) then return 'room' end
local now = now_us()

redis.call('HINCRBY', KEYS[5], 'count', 1)
redis.call('HSETNX', KEYS[5], 'first_at', now)
redis.call('HSET', KEYS[5], 'last_at', now)
local title = 'title:' .. ARGV[3]
if redis.call('HEXISTS', KEYS[5], title) == 0 and redis.call('HLEN', KEYS[5]) > tonumber(ARGV[8]) then title = 'others' end
redis.call('HINCRBY', KEYS[5], title, 1)
redis.call('PEXPIRE', KEYS[5], LIFE_MS)

redis.call('HSET', KEYS[1], 'record', ARGV[2], 'finished_at', now, 'status', 'folded', 'sequence', 0, 'attempts', 0,
  'admitted_at', now)
for _, key in ipairs({ KEYS[6], KEYS[7], KEYS[9] }) do
  redis.call('ZADD', key, now, ARGV[1])
  redis.call('EXPIRE', key, ARGV[5])
end
redis.call('EXPIRE', KEYS[1], ARGV[5])
local oldest = redis.call('ZRANGE', KEYS[9], 0, -tonumber(ARGV[6]) - 1) -- a flood must not fill Redis
for _, id in ipairs(oldest) do
  for key = 6, 9 do
    if key ~= 8 then redis.call('ZREM', KEYS[key], id) end
  end
  redis.call('DEL', ARGV[9] .. id)
end
tell(KEYS[8], 'folded', ARGV[7])
return 'folded'

-- Keep an entry of a queue that is no message of a task: a bounded number of them, and of their bytes.
-- KEYS: 1 unreadable (sorted set by time; a member is the bytes set aside so far, a space, and the entry), 2 troubles
-- ARGV: 1 entry (JSON), 2 unreadable_max, 3 bytes_max, 4 life (seconds), 5 alert type of its queue or '', 6 reason
-- Returns how many older ones were dropped for it.
local MAX, BYTES_MAX = tonumber(ARGV[2]), tonumber(ARGV[3])

local function bytes_until(rank)
  local member = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
  return member and tonumber(string.match(member, '^%d+')) or 0
end

local bytes = bytes_until(-1) + #ARGV[1]
redis.call('ZADD', KEYS[1], now_us(), string.format('%d', bytes) .. ' ' .. ARGV[1])
redis.call('EXPIRE', KEYS[1], ARGV[4])
report_trouble(KEYS[2], 'unreadable', ARGV[5], ARGV[6])
local dropped = 0
while redis.call('ZCARD', KEYS[1]) > MAX or (redis.call('ZCARD', KEYS[1]) > 1 and bytes - bytes_until(0) > BYTES_MAX) do
  redis.call('ZREM', KEYS[1], redis.call('ZRANGE', KEYS[1], 0, 0)[1])
  dropped = dropped + 1
end
return dropped

-- Keep an entry of a queue that is no message of a task: a bounded number of them, and of their bytes.
-- KEYS: 1 unreadable (sorted set by time; a member: where the entry begins in all that was set aside, space, entry),
--       2 troubles
-- ARGV: 1 entry (JSON), 2 unreadable_max, 3 bytes_max, 4 life (seconds), 5 alert type of its queue or '', 6 reason
-- Returns how many older ones were dropped for it.
local ENTRY, MAX, BYTES_MAX = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

-- Where the entry of this rank begins and ends, in bytes.
local function place(rank)
  local member = redis.call('ZRANGE', KEYS[1], rank, rank)[1]
  if not member then return 0, 0 end
  local from, entry = string.match(member, '^(%d+) (.*)$')
  return tonumber(from), from + #entry
end

local _, from = place(-1)
add_by_time(KEYS[1], now_us(), string.format('%.0f ', from) .. ENTRY)
redis.call('EXPIRE', KEYS[1], ARGV[4])
report_trouble(KEYS[2], 'unreadable', ARGV[5], ARGV[6])
local count, dropped = redis.call('ZCARD', KEYS[1]), 0
while count - dropped > 1 and (count - dropped > MAX or from + #ENTRY - place(0) > BYTES_MAX) do
  redis.call('ZREM', KEYS[1], redis.call('ZRANGE', KEYS[1], 0, 0)[1])
  dropped = dropped + 1
end
return dropped

-- Fold an alert that meets a full outbox into the digest of its type, and store its record: once per id.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 digest, 6 result, 7 history, 8 troubles, 9 folded,
--       10 refused, 11 callbacks, 12 dead_letters, 13 memory
-- ARGV: 1 id, 2 result (JSON), 3 stamp (stands in it for the time), 4 title, 5 capacity,
--       6 history_life (seconds), 7 folded_max, 8 alert type, 9 titles_max, 10 notification_prefix, 11 result_prefix,
--       12 callbacks (JSON; ''), 13 bytes of its message and these, 14 roomy, 15 args (of memory.lua)
-- Returns 'folded', 'known' (this id was admitted or folded before), or 'room' (there is room by now: admit it).
local NOTIFICATION, DIGEST, RESULT, HISTORY, TROUBLES, FOLDED = KEYS[1], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9]
local ID, TYPE, LIFE = ARGV[1], ARGV[8], ARGV[6]
if is_admitted(NOTIFICATION, KEYS[12], ID) then return 'known' end
local now = now_us()
if outbox_size(KEYS[2], KEYS[3], KEYS[4]) < tonumber(ARGV[5])
  and memory_has_room(KEYS[13], now, ARGV[13], ARGV[14], ARGV[15]) then return 'room' end

local function count_in_digest(title)
  local field = 'title:' .. title
  local is_new = redis.call('HEXISTS', DIGEST, field) == 0
  if is_new and redis.call('HLEN', DIGEST) > tonumber(ARGV[9]) then field = 'others' end
  redis.call('HINCRBY', DIGEST, field, 1)
  redis.call('HINCRBY', DIGEST, 'count', 1)
  redis.call('HSETNX', DIGEST, 'first_at', now)
  redis.call('HSET', DIGEST, 'last_at', now)
  redis.call('PEXPIRE', DIGEST, LIFE_MS)
end

-- A flood must not fill Redis: only the newest records of folded alerts are kept.
local function forget_oldest_folded()
  for _, id in ipairs(redis.call('ZRANGE', FOLDED, 0, -tonumber(ARGV[7]) - 1)) do
    redis.call('ZREM', FOLDED, id)
    forget_record(ARGV[11] .. id, HISTORY, id)
    redis.call('DEL', ARGV[10] .. id)
  end
end

count_in_digest(ARGV[4])
redis.call('HSET', NOTIFICATION, 'finished_at', now, 'status', 'folded', 'sequence', 0, 'attempts', 0,
  'admitted_at', now)
if ARGV[12] ~= '' then redis.call('HSET', NOTIFICATION, 'callbacks', ARGV[12]) end
redis.call('EXPIRE', NOTIFICATION, LIFE)
await_callbacks(KEYS[11], NOTIFICATION, ID, now, 0, LIFE) -- a caller calls none: a sweep does
forget_record(RESULT, HISTORY, ID) -- it may have been refused before
redis.call('ZREM', KEYS[10], ID)
store_record(RESULT, ARGV[2], ARGV[3], now, LIFE)
index_record(HISTORY, 'folded', ID, now, LIFE)
add_by_time(FOLDED, now, ID)
redis.call('EXPIRE', FOLDED, LIFE)
forget_oldest_folded()
report_trouble(TROUBLES, 'folded', TYPE)
return 'folded'

-- Fold an alert that meets a full outbox into the digest of its type, and store its record: once per id.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 digest, 6 result, 7 history, 8 troubles, 9 folded,
--       10 refused, 11 callbacks, 12 dead_letters, 13 memory
-- ARGV: 1 id, 2 result (JSON), 3 stamp (stands in it for the time), 4 title, 5 capacity,
--       6 history_life (seconds), 7 folded_max, 8 alert type, 9 titles_max, 10 notification_prefix, 11 result_prefix,
--       12 callbacks (JSON; ''), 13 bytes of its message and these, 14 roomy, 15 args (of memory.lua),
--       16 counters (JSON: names of counters.lua), 17 id of the digest, if this is its first (it stands in the result)
-- Returns 'folded', 'known' (this id was admitted or folded before), or 'room' (there is room by now: admit it).
local NOTIFICATION, DIGEST, TROUBLES, ID, TYPE = KEYS[1], KEYS[5], KEYS[8], ARGV[1], ARGV[8]
if is_admitted(NOTIFICATION, KEYS[12], ID) then return 'known' end
local now = now_us()
if outbox_size(KEYS[2], KEYS[3], KEYS[4]) < tonumber(ARGV[5])
  and memory_has_room(KEYS[13], now, ARGV[13], ARGV[14], ARGV[15]) then return 'room' end

-- Returns the id of the digest.
local function count_in_digest(title)
  local field = 'title:' .. title
  local is_known, digest = unpack(redis.call('HMGET', DIGEST, field, 'id'))
  if not digest then
    digest = ARGV[17]
    redis.call('HSET', DIGEST, 'id', digest)
  end
  if not is_known and redis.call('HLEN', DIGEST) > tonumber(ARGV[9]) then field = 'others' end
  redis.call('HINCRBY', DIGEST, field, 1)
  redis.call('HINCRBY', DIGEST, 'count', 1)
  redis.call('HSETNX', DIGEST, 'first_at', now)
  redis.call('HSET', DIGEST, 'last_at', now)
  redis.call('PEXPIRE', DIGEST, LIFE_MS)
  return digest
end

local result = filled_in(ARGV[2], ARGV[17], count_in_digest(ARGV[4]))
end_counted({ notification = NOTIFICATION, result = KEYS[6], history = KEYS[7], counted = KEYS[9], refused = KEYS[10],
  callbacks = KEYS[11] }, { id = ID, result = result, stamp = ARGV[3], status = 'folded', life = ARGV[6],
  kept_max = ARGV[7], callbacks = ARGV[12], notification_prefix = ARGV[10], result_prefix = ARGV[11], type = TYPE,
  counters = cjson.decode(ARGV[16]) }, now)
report_trouble(TROUBLES, 'folded', TYPE)
return 'folded'

-- Take a notification into its outbox: once, and only while there is room.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 sequence, 6 result, 7 history, 8 refused,
--       9 dead_letters, 10 state, 11 callbacks, 12 memory
-- ARGV: 1 id, 2 message (JSON), 3 batch key ('': it is sent alone), 4 characters, 5 capacity, 6 life (ms),
--       7 spooled (microseconds that it waited on the caller's disk; 0),
--       8 unknown (reason: it may have been posted; or ''),
--       9 after (microseconds from now before which it is not posted; 0), 10 expires (likewise: after which; or ''),
--       11 callbacks (JSON; ''), 12 if it has some: microseconds until a sweep looks whether it is final,
--       13 alert type, 14 roomy, 15 args (of memory.lua), 16 version (of what the message holds),
--       17 progress (JSON: what is settled of it already; '')
-- Returns 'admitted', 'known' (this id was admitted before: nothing is done), 'full' or 'memory_full'.
if is_admitted(KEYS[1], KEYS[9], ARGV[1]) then return 'known' end
if outbox_size(KEYS[2], KEYS[3], KEYS[4]) >= tonumber(ARGV[5]) then return 'full' end
local now, bytes = now_us(), #ARGV[2] + #ARGV[11]
if not memory_has_room(KEYS[12], now, bytes, ARGV[14], ARGV[15]) then return 'memory_full' end
local sequence = next_sequence(KEYS[5], now)
-- the other keys first: if one is broken, the step ends there, and a repeat must not find the alert known
if ARGV[10] ~= '' then note_expiry(KEYS[10], now + ARGV[10]) end
if ARGV[11] ~= '' then
  redis.call('ZADD', KEYS[11], now + ARGV[12], ARGV[1])
  redis.call('PEXPIRE', KEYS[11], ARGV[6])
end
if ARGV[9] == '0' then
  redis.call('ZADD', KEYS[2], sequence, ARGV[1])
else
  redis.call('ZADD', KEYS[3], now + ARGV[9], ARGV[1])
end
redis.call('HSET', KEYS[1], 'message', ARGV[2], 'share', ARGV[3], 'characters', ARGV[4], 'sequence', sequence,
  'attempts', 0, 'admitted_at', now - ARGV[7], 'version', ARGV[16])
memory_add(KEYS[12], bytes, ARGV[13])
if ARGV[7] ~= '0' then redis.call('HSET', KEYS[1], 'spooled', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'unknown', ARGV[8]) end
if ARGV[9] ~= '0' then redis.call('HSET', KEYS[1], 'not_before', now + ARGV[9]) end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'expires_at', now + ARGV[10]) end
if ARGV[11] ~= '' then redis.call('HSET', KEYS[1], 'callbacks', ARGV[11]) end
if ARGV[17] ~= '' then
  redis.call('HSET', KEYS[1], 'progress', ARGV[17])
  add_event(KEYS[1], { at = now, step = 'resumed', detail = cjson.decode(ARGV[17]).part })
end
for _, key in ipairs({ KEYS[1], KEYS[2], KEYS[3], KEYS[5], KEYS[10] }) do redis.call('PEXPIRE', key, ARGV[6]) end

-- If this id was refused before, that record is removed: the alert is queued now. An event keeps the fact.
local refused = stored_record(KEYS[6])
if refused then
  local at = redis.call('ZSCORE', KEYS[8], ARGV[1])
  add_event(KEYS[1], { at = tonumber(at or now), step = 'refused', reason = refused.reason })
  forget_record(KEYS[6], KEYS[7], ARGV[1])
  redis.call('ZREM', KEYS[8], ARGV[1])
end
return 'admitted'

-- End a notification that waits: it is not sent any more. One that is under way is sent all the same, and says so.
-- KEYS: 1 notification, 2 result, 3 history (of its type), 4 callbacks, 5 unannounced, 6 and on: waiting and delayed of
--       every outbox, for it may have moved
-- ARGV: 1 id, 2 result (JSON), 3 stamp (stands in it and in the record for the time), 4 status, 5 reason,
--       6 life (seconds), 7 record (JSON: it is not in the result), 8 type, 9 counters (JSON: names of counters.lua)
-- Returns 'withdrawn', 'too_late' (it is under way), 'already_withdrawn', 'completed' (it has another record) or
-- 'not_found'.
local NOTIFICATION, ID, STATUS, REASON, LIFE = KEYS[1], ARGV[1], ARGV[4], ARGV[5], ARGV[6]
local exists, finished_at, status = unpack(redis.call('HMGET', NOTIFICATION, 'sequence', 'finished_at', 'status'))
if finished_at then return status == STATUS and 'already_withdrawn' or 'completed' end
if not exists then return 'not_found' end
local now = now_us()

local function take_out()
  local removed = 0
  for place = 6, #KEYS do removed = removed + redis.call('ZREM', KEYS[place], ID) end
  return removed > 0
end

-- A part of it is posted, and the rest follows at once: that is under way too.
local function has_begun()
  local progress = redis.call('HGET', NOTIFICATION, 'progress')
  return progress and progress ~= '' and cjson.decode(progress).part > 0
end

-- Others were raised since, and it shows them too.
local function shows_others()
  return redis.call('HEXISTS', NOTIFICATION, 'joined_at') == 1
end

if has_begun() or shows_others() or not take_out() then
  if redis.call('HSETNX', NOTIFICATION, 'revoke', 'too_late') == 1 then
    add_event(NOTIFICATION, { at = now, step = 'complete', status = 'not withdrawn', reason = 'in_flight' })
  end
  return 'too_late'
end
add_event(NOTIFICATION, { at = now, step = 'complete', status = STATUS, reason = REASON })
store_record(KEYS[2], ARGV[2], ARGV[3], now, LIFE)
redis.call('HSET', NOTIFICATION, 'finished_at', now, 'status', STATUS, 'record', dated(ARGV[7], ARGV[3], now))
local incident, message = unpack(redis.call('HMGET', NOTIFICATION, 'incident', 'message'))
if incident and message then leave_incident(incident, ID, message) end
redis.call('HDEL', NOTIFICATION, 'message')
redis.call('EXPIRE', NOTIFICATION, LIFE)
index_record(KEYS[3], STATUS, ID, now, LIFE)
count_ended(cjson.decode(ARGV[9]), now, ARGV[8], STATUS, REASON)
await_callbacks(KEYS[4], NOTIFICATION, ID, now, 0, LIFE) -- whoever withdraws calls none: a sweep does
await_announcement(KEYS[5], ID, now)
return 'withdrawn'

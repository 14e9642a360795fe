-- Take a notification into its outbox: once, and only while there is room. One that belongs to an incident may be
-- counted in the message of another instead.
-- KEYS: 1 notification, 2 waiting, 3 delayed, 4 in_flight, 5 sequence, 6 result, 7 history, 8 refused,
--       9 dead_letters, 10 state, 11 callbacks, 12 memory, 13 silences,
--       14 incident, 15 incidents (incident.lua), 16 repeated
-- ARGV: 1 id, 2 message (JSON), 3 batch key ('': it is sent alone), 4 characters, 5 capacity, 6 life (ms),
--       7 spooled (microseconds that it waited on the caller's disk; 0),
--       8 unknown (reason: it may have been posted; or ''),
--       9 after (microseconds from now before which it is not posted; 0), 10 expires (likewise: after which; or ''),
--       11 callbacks (JSON; ''), 12 if it has some: microseconds until a sweep looks whether it is final,
--       13 alert type, 14 roomy, 15 args (of memory.lua), 16 version (of what the message holds),
--       17 progress (JSON: what is settled of it already; ''),
--       18 of an incident (JSON; ''): args (of incident.lua) and, if it is only counted, result (JSON),
--         stamp (stands in it for the time, and behind 'message-', 'channel-' and 'link-' for those of the incident),
--         history_life (seconds), counted_max, notification_prefix, result_prefix;
--       19 if it is collected with others (JSON; ''): args of collected.lua
-- The functions of incident.lua and counted.lua are there only for an alert that has an incident, those of
-- collected.lua for one that is collected.
-- Returns 'admitted', 'counted' (its record is stored), 'known' (this id was admitted before: nothing is done),
-- 'silenced' (a silence matches it: call silence.lua), 'full' or 'memory_full'.
local EDIT = 2 ^ 52 -- added to the sequence of what changes a message that is there: new alerts go before it
-- of these few alerts have any: all three are asked for at once
local has_more = redis.call('EXISTS', KEYS[1], KEYS[6], KEYS[13]) > 0
if has_more and is_admitted(KEYS[1], KEYS[9], ARGV[1]) then return 'known' end
local now, bytes = now_us(), #ARGV[2] + #ARGV[11]
local incident, meeting, waiting = ARGV[18] ~= '' and cjson.decode(ARGV[18]), nil, nil
if incident then
  incident.message = ARGV[2]
  meeting, waiting = meet_incident(KEYS[14], incident.notification_prefix, incident, now)
  if meeting == 'alone' then incident = nil end
end
-- what changes a message that is there, or ends it, is heard by nobody
local is_change = incident and incident.kind ~= 'repeat' and meeting ~= 'open'
if has_more and not is_change and silenced_by(KEYS[13], ARGV[13], ARGV[2], now) then return 'silenced' end

local function count()
  local status, known = 'not_open', {}
  if meeting ~= 'not_open' then
    status = 'repeated'
    note_incident(KEYS[14], KEYS[15], 'count', ARGV[1], incident, now)
    known = redis.call('HMGET', KEYS[14], 'message_id', 'channel_id', 'link')
  end
  local result = string.gsub(incident.result, '"status": "repeated"', '"status": "' .. status .. '"', 1)
  for place, name in ipairs({ 'message', 'channel', 'link' }) do
    local value = known[place] and cjson.encode(known[place]) or 'null'
    result = string.gsub(result, '"' .. name .. '%-' .. incident.stamp .. '"', function() return value end)
  end
  end_counted({ notification = KEYS[1], result = KEYS[6], history = KEYS[7], counted = KEYS[16], refused = KEYS[8],
    callbacks = KEYS[11] }, { id = ARGV[1], result = result, stamp = incident.stamp, status = status,
    life = incident.history_life, kept_max = incident.counted_max, callbacks = ARGV[11],
    notification_prefix = incident.notification_prefix, result_prefix = incident.result_prefix }, now)
  return 'counted'
end

if meeting == 'not_open' then return count() end
if meeting == 'count' then
  join_waiting(incident.notification_prefix .. waiting, KEYS[3], waiting, incident, now)
  return count()
end
local size, wait = outbox_size(KEYS[2], KEYS[3], KEYS[4])
local is_full = size >= tonumber(ARGV[5])
local is_last = incident and (incident.kind == 'resolve' or incident.is_heard)
if meeting == 'edit' and is_full and not is_last then return count() end -- the next one shows it
if meeting ~= 'edit' and is_full then return 'full' end
if not memory_has_room(KEYS[12], now, bytes, ARGV[14], ARGV[15]) then return 'memory_full' end
local sequence, after = next_sequence(KEYS[5], now), tonumber(ARGV[9])
if incident then
  note_incident(KEYS[14], KEYS[15], meeting, ARGV[1], incident, now)
  redis.call('HSET', KEYS[1], 'incident', KEYS[14])
  if meeting == 'edit' then
    if not is_last then sequence = sequence + EDIT end
    after = math.max(after, edit_due(KEYS[14], incident, now))
    if incident.kind ~= 'repeat' then say(KEYS[1], incident.said) end
  end
end
local collected_for
if ARGV[19] ~= '' then
  local due_at
  due_at, collected_for = collect(KEYS[10], KEYS[3], bytes, tonumber(ARGV[10]), cjson.decode(ARGV[19]), now)
  after = due_at - now
end
-- the other keys first: if one is broken, the step ends there, and a repeat must not find the alert known
if ARGV[10] ~= '' then note_expiry(KEYS[10], now + ARGV[10]) end
if ARGV[11] ~= '' then
  redis.call('ZADD', KEYS[11], now + ARGV[12], ARGV[1])
  redis.call('PEXPIRE', KEYS[11], ARGV[6])
end
if after == 0 then
  redis.call('ZADD', KEYS[2], sequence, ARGV[1])
else
  redis.call('ZADD', KEYS[3], now + after, ARGV[1])
end
redis.call('HSET', KEYS[1], 'message', ARGV[2], 'share', ARGV[3], 'characters', ARGV[4], 'sequence', sequence,
  'attempts', 0, 'admitted_at', now - ARGV[7], 'version', ARGV[16])
memory_add(KEYS[12], bytes, ARGV[13])
if ARGV[7] ~= '0' then redis.call('HSET', KEYS[1], 'spooled', ARGV[7]) end
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'unknown', ARGV[8]) end
if after ~= 0 then redis.call('HSET', KEYS[1], 'not_before', now + after) end
if collected_for then redis.call('HSET', KEYS[1], 'collected_for', collected_for) end
if ARGV[10] ~= '' then redis.call('HSET', KEYS[1], 'expires_at', now + ARGV[10]) end
if ARGV[11] ~= '' then redis.call('HSET', KEYS[1], 'callbacks', ARGV[11]) end
if ARGV[17] ~= '' then
  redis.call('HSET', KEYS[1], 'progress', ARGV[17])
  add_event(KEYS[1], { at = now, step = 'resumed', detail = cjson.decode(ARGV[17]).part })
end
redis.call('PEXPIRE', KEYS[1], ARGV[6])
if wait == 0 then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
if after ~= 0 or ARGV[10] ~= '' or redis.call('HSETNX', KEYS[12], 'renewed:' .. ARGV[13], now) == 1 then
  -- their lives are of days: renewed where this step may have made one, else once in the life of that field, a minute
  for _, key in ipairs({ KEYS[2], KEYS[3], KEYS[5], KEYS[10] }) do redis.call('PEXPIRE', key, ARGV[6]) end
end

-- If this id was refused before, that record is removed: the alert is queued now. An event keeps the fact.
local refused = has_more and stored_record(KEYS[6])
if refused then
  local at = redis.call('ZSCORE', KEYS[8], ARGV[1])
  add_event(KEYS[1], { at = tonumber(at or now), step = 'refused', reason = refused.reason })
  forget_record(KEYS[6], KEYS[7], ARGV[1])
  redis.call('ZREM', KEYS[8], ARGV[1])
end
return 'admitted'

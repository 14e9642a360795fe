-- Take a notification into its outbox: once, and only while there is room. One that belongs to an incident may be
-- counted in the message of another instead.
-- KEYS: 1 notification, 2 result, 3 incident, 4 incidents (incident.lua), 5 repeated
-- ARGV: 1 of its type (JSON), the same for all its alerts: admission.py makes it a part of the script. Keys:
--         waiting, delayed, in_flight, state, sequence, history,
--         refused, dead_letters, callbacks, memory, silences, partitions. Others: of_partition (partition.lua), type,
--         capacity, life (ms), look (microseconds until a sweep looks whether an alert with callbacks is final),
--         roomy, memory_args (of memory.lua)
--       2 id, 3 message (JSON), 4 batch key ('': it is sent alone), 5 characters, 6 version (of the message),
--       7 what few alerts have (JSON; ''): spooled (microseconds that it waited on the caller's disk), unknown (reason:
--         it may have been posted), after (microseconds from now before which it is not posted), expires (likewise:
--         after which), callbacks (JSON), progress (JSON: what is settled of it already), collect (JSON: args of
--         collected.lua, if it is collected with others), capacity (if it finds more room than others),
--         partition (the one that takes it, if it is not to be spread),
--         trace (JSON: the context of the call that raised it, tracing.py)
--       8 of an incident (JSON; ''): args (of incident.lua) and, if it is only counted, result (JSON),
--         stamp (stands in it for the time, and behind 'message-', 'channel-' and 'link-' for those of the incident),
--         history_life (seconds), counted_max, notification_prefix, result_prefix, counters (of counters.lua)
--       9, 10, 11 its delivery task, where the broker is this Redis: the key of its queue, what is to lie there, in
--         which numbers of 32 digits stand for 1 its id, 2 what is shown of its arguments, 3 a tag that no other has;
--         and what is shown
-- The functions of incident.lua and counted.lua are there only for an alert that has an incident, those of
-- collected.lua for one that is collected.
-- Returns 'admitted', 'carried' (so it is, and a delivery task that is under way will look for it),
-- 'counted' (its record is stored), 'hastened' (so it is, and a task of its own is to come for what
-- counts it, which is due earlier now), 'known' (this id was admitted before: nothing is done),
-- 'silenced' (a silence matches it: call silence.lua), 'full' and the partition that is, or 'memory_full'.
local EDIT = 2 ^ 52 -- added to the sequence of what changes a message that is there: new alerts go before it
local NOTIFICATION, RESULT, INCIDENT, INCIDENTS = unpack(KEYS, 1, 4)
local ID, MESSAGE, OWN, RARE = ARGV[2], ARGV[3], cjson.decode(ARGV[1]), ARGV[7] == '' and {} or cjson.decode(ARGV[7])
local CALLBACKS = RARE.callbacks or ''
-- Of these few alerts have any: all are asked for at once. Redis counts a key as often as it is named, so whether the
-- answer is odd tells of `waiting`.
local there = redis.call('EXISTS', OWN.waiting, NOTIFICATION, NOTIFICATION, RESULT, RESULT, OWN.silences, OWN.silences,
  OWN.partitions, OWN.partitions)
local has_more, others_wait = there > 1, there % 2 == 1
if has_more and is_admitted(NOTIFICATION, OWN.dead_letters, ID) then return 'known' end
local partition = has_more and take_partition(OWN, ID, MESSAGE, INCIDENT, RARE.partition) or 0
if partition > 0 then others_wait = redis.call('EXISTS', OWN.waiting) == 1 end
local now, bytes = now_us(), #MESSAGE + #CALLBACKS
local incident, meeting, waiting = ARGV[8] ~= '' and cjson.decode(ARGV[8]), nil, nil
if incident then
  incident.message, incident.at = MESSAGE, now - (RARE.spooled or 0)
  meeting, waiting = meet_incident(INCIDENT, incident.notification_prefix, incident, now)
  if meeting == 'alone' then incident = nil end
end
-- what changes a message that is there, or ends it, is heard by nobody
local is_change = incident and incident.kind ~= 'repeat' and meeting ~= 'open'
if has_more and not is_change and silenced_by(OWN.silences, OWN.type, MESSAGE, now) then return 'silenced' end

local function count()
  local status, known = 'not_open', {}
  if meeting ~= 'not_open' then
    status = 'repeated'
    note_incident(INCIDENT, INCIDENTS, 'count', ID, incident, now)
    known = redis.call('HMGET', INCIDENT, 'message_id', 'channel_id', 'link')
  end
  local result = string.gsub(incident.result, '"status":"repeated"', '"status":"' .. status .. '"', 1)
  local ended_nothing = '"detail":"no incident was open"'
  if status == 'not_open' then result = string.gsub(result, '"detail":"[^"]*"', ended_nothing, 1) end
  for place, name in ipairs({ 'message', 'channel', 'link' }) do
    local value = known[place] and cjson.encode(known[place]) or 'null'
    result = string.gsub(result, '"' .. name .. '%-' .. incident.stamp .. '"', function() return value end)
  end
  end_counted({ notification = NOTIFICATION, result = RESULT, history = OWN.history, counted = KEYS[5],
    refused = OWN.refused, callbacks = OWN.callbacks }, { id = ID, result = result, stamp = incident.stamp,
    status = status, life = incident.history_life, kept_max = incident.counted_max, callbacks = CALLBACKS,
    notification_prefix = incident.notification_prefix, result_prefix = incident.result_prefix, type = OWN.type,
    counters = incident.counters }, now)
  return 'counted'
end

if meeting == 'not_open' then return count() end
if meeting == 'count' then
  incident.after, incident.expires, incident.version = RARE.after, RARE.expires, tonumber(ARGV[6])
  incident.has_room = memory_has_room(OWN.memory, now, bytes, OWN.roomy, OWN.memory_args)
  local due_at = redis.call('ZSCORE', OWN.delayed, waiting)
  join_waiting(INCIDENT, incident.notification_prefix .. waiting, OWN.delayed, waiting, incident, now)
  memory_add(OWN.memory, bytes, OWN.type)
  count()
  if not due_at or redis.call('ZSCORE', OWN.delayed, waiting) == due_at then return 'counted' end
  redis.call('HSET', NOTIFICATION, 'hastens', 1)
  if partition > 0 then redis.call('HSET', NOTIFICATION, 'partition', partition) end
  return 'hastened'
end
local room = memory_room(OWN.memory, OWN.type, partition)
local size, places = room.size, RARE.capacity or OWN.capacity
if size >= places then size = outbox_size(OWN.waiting, OWN.delayed, OWN.in_flight) end
local is_full = size >= places
local is_last = incident and (incident.kind == 'resolve' or incident.is_heard)
if meeting == 'edit' and is_full and not is_last then return count() end -- the next one shows it
if meeting ~= 'edit' and is_full then return 'full ' .. partition end
if room.total + bytes > OWN.roomy then
  if not memory_has_room(OWN.memory, now, bytes, OWN.roomy, OWN.memory_args) then return 'memory_full' end
  room = memory_room(OWN.memory, OWN.type, partition) -- it may have been counted anew
end
local sequence, after = next_sequence(OWN.sequence, now), RARE.after or 0
if incident then
  note_incident(INCIDENT, INCIDENTS, meeting, ID, incident, now)
  redis.call('HSET', NOTIFICATION, 'incident', INCIDENT)
  if partition > 0 then redis.call('HSET', INCIDENT, 'partition', partition) end
  if meeting == 'edit' then
    if not is_last then sequence = sequence + EDIT end
    after = math.max(after, edit_due(INCIDENT, incident, now))
    if incident.kind ~= 'repeat' then say(NOTIFICATION, incident.said) end
  end
end
local collected_for
if RARE.collect then
  local due_at
  due_at, collected_for = collect(OWN.state, OWN.delayed, bytes, RARE.expires, cjson.decode(RARE.collect), now)
  after = due_at - now
end
-- Whether a delivery task is to come for it. None need come while a batch is under way, whose commit looks on, or while
-- one is under way that will look in time for what waits here.
local function is_task_wanted()
  local batch, look_at, dated_at = unpack(redis.call('HMGET', OWN.state, 'batch', 'look_at', 'dated_at'))
  local will_look = batch or others_wait and task_is_coming(tonumber(look_at), now)
  local is_wanted = after ~= 0 or not will_look -- one that is due later has a task that sees to that
  if not (is_wanted or RARE.expires) then return false end
  -- by this date follow_clock sees a step back: one that is later still tells of a step that nobody has seen
  redis.call('HSET', OWN.state, 'dated_at', math.max(tonumber(dated_at) or 0, now))
  if is_wanted and after == 0 then redis.call('HSET', OWN.state, 'look_at', now) end
  redis.call('PEXPIRE', OWN.state, OWN.life)
  return is_wanted
end

local is_wanted = is_task_wanted()
-- the other keys first: if one is broken, the step ends there, and a repeat must not find the alert known
if RARE.expires then note_expiry(OWN.state, now + RARE.expires) end
if CALLBACKS ~= '' then
  redis.call('ZADD', OWN.callbacks, now + OWN.look, ID)
  redis.call('PEXPIRE', OWN.callbacks, OWN.life)
end
if after == 0 then
  redis.call('ZADD', OWN.waiting, sequence, ID)
else
  redis.call('ZADD', OWN.delayed, now + after, ID)
end
redis.call('HSET', NOTIFICATION, 'message', MESSAGE, 'share', ARGV[4], 'characters', ARGV[5], 'sequence', sequence,
  'attempts', 0, 'admitted_at', now - (RARE.spooled or 0))
if ARGV[6] ~= '1' then redis.call('HSET', NOTIFICATION, 'version', ARGV[6]) end
memory_take(OWN.memory, room, bytes, size, now)
if partition > 0 then redis.call('HSET', NOTIFICATION, 'partition', partition) end
if RARE.spooled then redis.call('HSET', NOTIFICATION, 'spooled', RARE.spooled) end
if RARE.unknown then redis.call('HSET', NOTIFICATION, 'unknown', RARE.unknown) end
if after ~= 0 then redis.call('HSET', NOTIFICATION, 'not_before', now + after) end
if collected_for then redis.call('HSET', NOTIFICATION, 'collected_for', collected_for) end
if RARE.trace then redis.call('HSET', NOTIFICATION, 'trace', RARE.trace) end
if RARE.expires then redis.call('HSET', NOTIFICATION, 'expires_at', now + RARE.expires) end
if CALLBACKS ~= '' then redis.call('HSET', NOTIFICATION, 'callbacks', CALLBACKS) end
if RARE.progress then
  redis.call('HSET', NOTIFICATION, 'progress', RARE.progress)
  add_event(NOTIFICATION, { at = now, step = 'resumed', detail = cjson.decode(RARE.progress).part })
end
redis.call('PEXPIRE', NOTIFICATION, OWN.life)
if not others_wait then redis.call('PEXPIRE', OWN.waiting, OWN.life) end
if after ~= 0 or RARE.expires or not room.renewed then
  -- their lives are of days: renewed where this step may have made one, else once in the life of that field, a minute
  for _, name in ipairs({ 'waiting', 'delayed', 'sequence', 'state' }) do redis.call('PEXPIRE', OWN[name], OWN.life) end
end

-- If this id was refused before, that record is removed: the alert is queued now. An event keeps the fact.
local refused = has_more and stored_record(RESULT)
if refused then
  local at = redis.call('ZSCORE', OWN.refused, ID)
  add_event(NOTIFICATION, { at = tonumber(at or now), step = 'refused', reason = refused.reason })
  forget_record(RESULT, OWN.history, ID)
  redis.call('ZREM', OWN.refused, ID)
end
-- last, and whatever comes of it: the alert is here, and a task that the queue does not take is sent again
if is_wanted and ARGV[9] then
  local own = {}
  for number, text in ipairs({ ID, ARGV[11], redis.sha1hex(ID .. now) }) do
    own[string.format('%032d', number)] = string.sub(cjson.encode(text), 2, -2)
  end
  local task = string.gsub(ARGV[10], '%x+', own)
  if type(redis.pcall('LPUSH', ARGV[9], task)) == 'number' then is_wanted = false end
end
return is_wanted and 'admitted' or 'carried'

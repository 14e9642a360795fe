-- Lease incidents for which something is to be done. Whoever takes one does it, and says so (reminded.lua); if not, it
-- is due again after the lease. Of one that is silenced, that is not shown yet, or of which the last reminder still
-- waits, another look is taken later.
-- KEYS: 1 reminders, 2 silences
-- ARGV: 1 lease, 2 later (microseconds), 3 how many at most, 4 notification_prefix
-- Returns of each: the incident, what is due ('remind', 'escalate', or 'end': what waits is taken back), what
-- whoever it is escalated to is to be told of its end (untold_end; ''), and the incident's hash (JSON).
local REMINDERS, SILENCES = KEYS[1], KEYS[2]
local now = now_us()

local function is_waiting(id)
  return id and redis.call('HEXISTS', ARGV[4] .. id, 'message') == 1
end

local function is_expired(found)
  return not found.state or now - found.seen_at >= tonumber(found.seconds)
end

local function is_silenced(found)
  local message = found.message and found.message ~= '' and found.message
    or cjson.encode({ title = found.title, dedup_key = found.key })
  return silenced_by(SILENCES, found.type, message, now)
end

local function due(incident, found)
  if not found.state then return 'nothing' end
  if found.state ~= 'open' or found.acknowledged_at or is_expired(found) then
    local is_left = is_waiting(found.reminder) or is_waiting(found.escalation) or untold_end(incident, now)
    return is_left and 'end' or 'nothing'
  end
  if not found.message_id or is_silenced(found) then return 'later' end
  if found.escalate_at and now >= tonumber(found.escalate_at) then return 'escalate' end
  if not found.remind_at or now < tonumber(found.remind_at) then return 'nothing' end
  if not is_waiting(found.reminder) then return 'remind' end
  -- the next one is due so long after this one was posted
  redis.call('HSET', incident, 'remind_at', now + (tonumber(found.remind_in) or 0))
  return 'later'
end

local taken = {}
for _, incident in ipairs(redis.call('ZRANGEBYSCORE', REMINDERS, '-inf', now, 'LIMIT', 0, ARGV[3])) do
  local found, flat = {}, redis.call('HGETALL', incident)
  for at = 1, #flat, 2 do found[flat[at]] = flat[at + 1] end
  local what = due(incident, found)
  if what == 'nothing' then
    if is_expired(found) then
      redis.call('ZREM', REMINDERS, incident)
    else
      plan_reminders(REMINDERS, incident, LIFE_MS)
    end
  elseif what == 'later' then
    redis.call('ZADD', REMINDERS, now + ARGV[2], incident)
  else
    redis.call('ZADD', REMINDERS, now + ARGV[1], incident)
    local answer = { incident, what, untold_end(incident, now) or '', cjson.encode(found) }
    for _, each in ipairs(answer) do table.insert(taken, each) end
  end
end
return taken

-- Reminders of an incident that nobody resolves or acknowledges, and its escalation. The incident (incident.lua) has,
-- times in microseconds:
--   remind       the first is due so long after it was opened, each other one after twice as long as the one before;
--                remind_in: how long it is this time, until remind_at
--   reminders    how many were raised; the last one's id is reminder, it was raised at reminded_at
--   escalate_after, escalate_to (JSON)   to whom it is escalated, once: at escalate_at; it was at escalated_at, by the
--                alert with the id escalation; escalation_told: what that knows of its end, as untold_end
-- reminders: sorted set, incidents by when something is to be done for them
--
-- args: reminders (that key), remind, escalate_after (0: never), escalate_to, life (milliseconds)
--
-- plan_reminders(reminders, incident, life)                       when something is to be done for it next
-- ask_for_reminders(incident, args, now)                          an open incident is to be reminded of
-- untold_end(incident, now)                                       'resolved', 'over' or 'acknowledged', if whoever it
--   is escalated to does not know
-- end_reminders(reminders, incident, life, now)                   nothing more of it; what waits is taken back

local REMIND_IN_MAX = 86400 * SECOND
local REMINDERS_MAX = 20

local function over_at(incident)
  local seen_at, seconds = unpack(redis.call('HMGET', incident, 'seen_at', 'seconds'))
  return (tonumber(seen_at) or 0) + (tonumber(seconds) or 0)
end

local function untold_end(incident, now)
  local state, acknowledged_at, escalated_at, told = unpack(redis.call('HMGET', incident, 'state', 'acknowledged_at',
    'escalated_at', 'escalation_told'))
  local ended = acknowledged_at and 'acknowledged'
  if state == 'resolved' then ended = 'resolved' elseif now >= over_at(incident) then ended = 'over' end
  return escalated_at and ended and ended ~= told and ended
end

local function plan_reminders(reminders, incident, life)
  local remind_at, escalate_at, escalated_at, state = unpack(redis.call('HMGET', incident, 'remind_at', 'escalate_at',
    'escalated_at', 'state'))
  local due = math.min(tonumber(remind_at) or math.huge, tonumber(escalate_at) or math.huge)
  if escalated_at and state == 'open' then due = math.min(due, over_at(incident)) end
  if due == math.huge then return redis.call('ZREM', reminders, incident) end
  redis.call('ZADD', reminders, due, incident)
  redis.call('PEXPIRE', reminders, life)
end

-- The first alert that asks for them sets the terms. After a resolution they begin anew, and it is escalated no more.
local function ask_for_reminders(incident, args, now)
  if redis.call('HEXISTS', incident, 'acknowledged_at') == 1 then return end
  local remind, remind_at, count, after, escalate_at, escalated_at = unpack(redis.call('HMGET', incident, 'remind',
    'remind_at', 'reminders', 'escalate_after', 'escalate_at', 'escalated_at'))
  remind, after = tonumber(remind) or args.remind, tonumber(after) or args.escalate_after
  local is_asked = false
  if remind > 0 and not remind_at and tonumber(count or 0) < REMINDERS_MAX then
    is_asked = true
    redis.call('HSET', incident, 'remind', remind, 'remind_in', remind, 'remind_at', now + remind)
  end
  if after > 0 and not (escalate_at or escalated_at) then
    is_asked = true
    redis.call('HSET', incident, 'escalate_after', after, 'escalate_at', now + after)
    if redis.call('HEXISTS', incident, 'escalate_to') == 0 then
      redis.call('HSET', incident, 'escalate_to', cjson.encode(args.escalate_to))
    end
  end
  if is_asked then plan_reminders(args.reminders, incident, args.life) end
end

local function end_reminders(reminders, incident, life, now)
  redis.call('HDEL', incident, 'remind_at', 'escalate_at')
  local reminder, escalation = unpack(redis.call('HMGET', incident, 'reminder', 'escalation'))
  if not (reminder or escalation) then return redis.call('ZREM', reminders, incident) end
  redis.call('ZADD', reminders, now, incident)
  redis.call('PEXPIRE', reminders, life)
end

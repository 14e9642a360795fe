-- Note that what was due of an incident is done, and when something is due next. Repeating it changes nothing.
-- KEYS: 1 incident, 2 reminders
-- ARGV: 1 what ('remind', 'escalate' or 'end'), 2 opened_at (of the incident for which it was done), 3 number (of the
--       reminder), 4 id (of the alert), 5 life (ms), 6 told (of its end to whoever it is escalated to; '')
-- Returns 1, or 0 if another incident with its key was opened meanwhile.
local INCIDENT, REMINDERS = KEYS[1], KEYS[2]
local WHAT, NUMBER, ID, LIFE = ARGV[1], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local now = now_us()
local opened_at, count, remind_in, remind_at, escalate_at = unpack(redis.call('HMGET', INCIDENT, 'opened_at',
  'reminders', 'remind_in', 'remind_at', 'escalate_at'))
if opened_at ~= ARGV[2] then return 0 end

if WHAT == 'end' then
  if ARGV[6] ~= '' then redis.call('HSET', INCIDENT, 'escalation_told', ARGV[6]) end
elseif WHAT == 'escalate' then
  redis.call('HSET', INCIDENT, 'escalated_at', now, 'escalation', ID)
  redis.call('HDEL', INCIDENT, 'escalate_at')
elseif WHAT == 'remind' and tonumber(count or 0) < NUMBER then
  redis.call('HSET', INCIDENT, 'reminders', NUMBER, 'reminder', ID, 'reminded_at', now)
  if NUMBER >= REMINDERS_MAX then redis.call('HDEL', INCIDENT, 'remind_at') end
  if remind_at and NUMBER < REMINDERS_MAX then
    local longer = math.min(remind_in * 2, REMIND_IN_MAX)
    redis.call('HSET', INCIDENT, 'remind_in', longer, 'remind_at', now + longer)
  end
end
-- it was ended while this was done
local has_ended = not (remind_at or escalate_at) and WHAT ~= 'end'
has_ended = has_ended or untold_end(INCIDENT, now)
if has_ended then end_reminders(REMINDERS, INCIDENT, LIFE, now) else plan_reminders(REMINDERS, INCIDENT, LIFE) end
return 1

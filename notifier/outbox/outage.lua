-- An outage: a webhook takes nothing. It makes no dead letters, however often an alert is tried in it.
-- gate: gate.lua; requested: whether the request was made (else its worker was lost); attempts: as many workers may be
-- lost with one alone; now: microseconds
--
-- is_in_outage(notification, gate, requested, attempts, now)   whether the webhook has taken nothing since the first
--   failure of this notification. If all that is known is that workers were lost with it, and with it alone, then it is
--   what ends them, and not an outage

local function later(time, than)
  return (tonumber(time) or 0) > than
end

local function is_in_outage(notification, gate, requested, attempts, now)
  local failing_since, lost_alone = unpack(redis.call('HMGET', notification, 'failing_since', 'lost_alone'))
  local posted_at, failed_at = unpack(redis.call('HMGET', gate.state, 'posted_at', 'failed_at'))
  local since = tonumber(failing_since or now)
  if later(posted_at, since) and not later(posted_at, now) then return false end -- or the clock stepped back
  return requested or later(failed_at, since) or not later(lost_alone, attempts)
end

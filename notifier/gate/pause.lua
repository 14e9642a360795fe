-- Pause: an answer said that nothing goes for a while: a 429, or headers whose bucket is empty. For a minute that is
-- obeyed. If it said more, one request goes then, as the probe of a breaker does: an answer may lie, or hold for less.
-- Each time the probe is told more than a minute again, the time until the next one doubles.
--
-- key: hash, a breaker (breaker.lua) that opens if more than a minute is left; how much that is, is stored elsewhere
-- left: microseconds of the pause that are left; 0 or less: it is over
--
-- pause_wait(key, now, left, reason, lease, workers)  returns microseconds until a request may go, and why: `reason` or
--                                                     'probe_in_flight'; 0 means now
-- pause_report(key, now, token, told, left)           learns from an answer; told: whether it speaks of this pause
-- pause_probe_in(key, now)                            returns microseconds until the next probe; nil: none is to go

local PAUSE_RULE = { threshold = 1, open_for = MINUTE, open_max = HOUR }
local PAUSE_LIFE_MS = 2 * HOUR / 1000

local function pause_report(key, now, token, told, left)
  local health = told and (left > MINUTE and 'failure' or 'success') or 'neutral'
  breaker_report(key, now, token, health, PAUSE_RULE)
  redis.call('PEXPIRE', key, PAUSE_LIFE_MS)
end

local function pause_wait(key, now, left, reason, lease, workers)
  if breaker_closed(key) then
    if left <= MINUTE then return math.max(left, 0), reason end
    pause_report(key, now, '', true, left) -- requests used the bucket up, or an earlier version stored it
  end
  local wait, why = breaker_wait(key, now, reason, lease, workers)
  return why == reason and math.min(wait, math.max(left, 0)) or wait, why
end

local function pause_probe_in(key, now)
  local breaker, open_until = unpack(redis.call('HMGET', key, 'breaker', 'open_until'))
  if breaker then return math.max(0, tonumber(open_until) - now) end
end
